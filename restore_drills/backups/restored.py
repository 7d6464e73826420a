"""A server on restored data files: private, recovering as far as it is told, and archiving nothing."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from fixtures.guard import Guard
from fixtures.server import Files, OnFiles, on_files

HBA = "local all all trust\n"
"""Whoever may enter the socket's folder, which is us and the server's own user alone."""
ISOLATED = {
    # A restored server that archived would write its history into the live archive.
    "archive_mode": "off",
    "archive_library": "",
    "archive_command": "",
    "primary_conninfo": "",
    "ssl": "off",
    "shared_preload_libraries": "",
    "log_destination": "stderr",
    "logging_collector": "off",
    "hot_standby": "on",
}
"""What the source's own configuration must not decide here."""


@contextlib.contextmanager
def restored(
    folder: Path,
    superuser: str,
    settings: Mapping[str, str],
    programs: Path | None = None,
    provider: str | None = None,
) -> Iterator[OnFiles]:
    """Bring up what was restored into `folder`/data, as far as `settings` say; it is stopped afterwards.

    `programs` are of another version; `provider` is where it runs, if not where RELEASE_POSTGRES says.
    """
    # The paths of sockets must be short.
    with (
        Guard() as guard,
        tempfile.TemporaryDirectory(prefix="pg-", ignore_cleanup_errors=True) as name,
        contextlib.ExitStack() as stack,
    ):
        sockets = Path(name)
        guard.directory(sockets)
        (sockets / "hba").write_text(HBA)
        files = Files(folder, superuser, sockets=sockets, programs=programs)
        server = on_files(files, guard, {**ISOLATED, "hba_file": str(sockets / "hba"), **settings}, provider)
        stack.callback(server.discard)
        stack.callback(server.stop)
        server.start()
        yield server
