"""A server on restored data files: private, recovering as far as it is told, and archiving nothing."""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import psycopg
from psycopg import conninfo

from fixtures.embedded import UNPRIVILEGED, Embedded
from fixtures.guard import Guard
from fixtures.postgres import PostgresError

RECOVERED_WITHIN_S = 6 * 3600.0
"""Named wait: the objective for the recovery time belongs to the policy."""
PORT = 5432
"""Only part of a socket's name: nothing listens on the network."""
HBA = "local all all trust\n"
"""Whoever may enter the socket's folder, which is us and the server's own user alone."""
ISOLATED = {
    # A restored server that archived would write its history into the live archive.
    "archive_mode": "off",
    "archive_library": "",
    "archive_command": "",
    "primary_conninfo": "",
    "listen_addresses": "",
    "ssl": "off",
    "shared_preload_libraries": "",
    "log_destination": "stderr",
    "logging_collector": "off",
    "hot_standby": "on",
}
"""What the source's own configuration must not decide here."""


class Restored(Embedded):
    """A server on the data files in `folder`/data; `start` returns when recovery has ended."""

    def __init__(
        self, folder: Path, guard: Guard, settings: Mapping[str, str], superuser: str, programs: Path | None = None
    ) -> None:
        """Take the data over: as root they become the server's user's. `programs` are of another version."""
        self._other = programs
        self._sockets = Path(tempfile.mkdtemp(prefix="pg-"))  # the paths of sockets must be short
        guard.directory(self._sockets)
        (self._sockets / "hba").write_text(HBA)
        own = {
            **ISOLATED,
            "unix_socket_directories": str(self._sockets),
            "hba_file": str(self._sockets / "hba"),
            **settings,
        }
        super().__init__(folder, guard, own)
        self._superuser = superuser

    def address(self, database: str = "postgres") -> str:
        """Give the superuser's address of a database."""
        return conninfo.make_conninfo(host=str(self._sockets), port=PORT, user=self._superuser, dbname=database)

    def start(self) -> None:
        """Start, and wait until recovery has ended; PostgresError quotes the server where it does not."""
        if not self._started(PORT):
            log = (
                (self._folder / "log").read_text(errors="replace").splitlines()
                if (self._folder / "log").exists()
                else []
            )
            fatal = [line.strip() for line in log if "FATAL" in line or "PANIC" in line] or log
            msg = f"the restored server does not start: {' | '.join(fatal[-3:])[-800:] or 'it said nothing'}"
            raise PostgresError(msg)

    def close(self) -> None:
        """Stop for good."""
        self.stop()
        shutil.rmtree(self._sockets, ignore_errors=True)

    def _readable_binaries(self) -> Path:
        return self._other or super()._readable_binaries()

    def _init(self) -> None:
        """Make nothing: the data files are there."""
        own_user(self._folder / "data", self._sockets)

    def _address(self, port: int) -> str:
        assert port == PORT
        return self.address()

    def _started(self, port: int) -> bool:
        options = [f"--{name}={value}" for name, value in {**self._settings, "port": str(port)}.items()]
        self._process = self._run("postgres", "-D", str(self._folder / "data"), *options, log="log")
        self._guard.process(self._process)
        deadline = time.monotonic() + RECOVERED_WITHIN_S
        while time.monotonic() < deadline and self._process.poll() is None:
            with contextlib.suppress(psycopg.Error), psycopg.connect(self.address(), connect_timeout=5) as connection:
                row = connection.execute("SELECT pg_is_in_recovery()").fetchone()
                if row and not row[0]:
                    return True
            time.sleep(0.05)
        self.stop()
        return False


@contextlib.contextmanager
def restored(
    folder: Path, superuser: str, settings: Mapping[str, str], programs: Path | None = None
) -> Iterator[Restored]:
    """Bring up what was restored into `folder`/data, as far as `settings` say; it is stopped afterwards."""
    with Guard() as guard:
        server = Restored(folder, guard, settings, superuser, programs)
        try:
            server.start()
            yield server
        finally:
            server.close()


def own_user(*folders: Path) -> None:
    """As root, give folders and all in them to the user that the server will run as, and to nobody else."""
    if (user := server_user()) is None:
        return
    for folder in folders:
        for path in (folder, *folder.rglob("*")):
            os.chown(path, *user, follow_symlinks=False)


def server_user() -> tuple[int, int] | None:
    """Whom the server runs as, where that is not us: PostgreSQL refuses to run as root."""
    if os.geteuid() != 0:
        return None
    for name in UNPRIVILEGED:
        with contextlib.suppress(KeyError):
            found = pwd.getpwnam(name)
            return found.pw_uid, found.pw_gid
    msg = f"PostgreSQL refuses to run as root, and none of the users {', '.join(UNPRIVILEGED)} exists"
    raise PostgresError(msg)
