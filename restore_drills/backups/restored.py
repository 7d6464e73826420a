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
    # A restored server that archived would write its history into the live archive; these two would remove from it.
    "archive_mode": "off",
    "archive_library": "",
    "archive_command": "",
    "archive_cleanup_command": "",
    "recovery_end_command": "",
    "external_pid_file": "",
    "primary_conninfo": "",
    "ssl": "off",
    "shared_preload_libraries": "",
    "session_preload_libraries": "",
    "local_preload_libraries": "",
    "log_destination": "stderr",
    "logging_collector": "off",
    "hot_standby": "on",
}
"""What the source's own configuration must not decide here."""
CONFIGURATION = "postgresql.conf"


@contextlib.contextmanager
def restored(
    folder: Path,
    superuser: str,
    settings: Mapping[str, str],
    programs: Path | None = None,
    *,
    own_tool: bool = False,
) -> Iterator[OnFiles]:
    """Bring up what was restored into `folder`/data, as far as `settings` say; it is stopped afterwards.

    `programs` are of another version. The source's postgresql.conf is left where it is, and not read: it may name other
    folders, files that are not here, and more memory than this machine has. What a team's `own_tool` has restored is
    recovered on this machine, with what that tool has written there.
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
        (sockets / CONFIGURATION).touch()
        places = {"data_directory": str(folder / "data"), "hba_file": str(sockets / "hba")}
        if not own_tool:
            places["config_file"] = str(sockets / CONFIGURATION)
        files = Files(folder, superuser, sockets=sockets, programs=programs)
        server = on_files(files, guard, {**places, **ISOLATED, **settings}, "embedded" if own_tool else None)
        stack.callback(server.discard)
        stack.callback(server.stop)
        server.start()
        yield server
