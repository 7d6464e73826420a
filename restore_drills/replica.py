"""Servers that are copies of a running one, file by file: one that goes on by itself, and one that follows."""

from __future__ import annotations

import contextlib
import os
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
from psycopg import conninfo

from fixtures.embedded import Embedded
from fixtures.guard import Guard
from restore_drills.backups.programs import ProgramFailed, Programs
from restore_drills.backups.restored import own_user, server_user

FOLLOWS_WITHIN_S = 30.0
FOLLOWS = "SELECT count(*) FROM pg_stat_replication WHERE state = 'streaming' AND (sync_state <> 'async' OR NOT %s)"
SETTINGS = {
    "fsync": "off",  # what is killed is the server, not the machine
    "wal_log_hints": "on",  # pg_rewind needs that, or checksums
    "wal_keep_size": "256MB",  # pg_rewind goes back to the last checkpoint that both have
}


class Clone(Embedded):
    """A server on a base backup of another; the same superuser, on a port of its own."""

    def __init__(self, folder: Path, guard: Guard, of: str, options: tuple[str, ...]) -> None:
        """Copy it; nothing runs yet."""
        self._of, self._options = of, options
        super().__init__(folder, guard, {})
        told = conninfo.conninfo_to_dict(of)
        self._superuser, self._password = str(told["user"]), str(told["password"])

    def _init(self) -> None:
        data = self._folder / "data"
        Programs().run(
            "pg_basebackup", f"--pgdata={data}", "--wal-method=stream", "--checkpoint=fast", "--no-sync",
            "--no-password", *self._options, dsn=self._of,
        )  # fmt: skip
        # In its file: pg_rewind starts it, too, to end what was cut short, and knows none of our options.
        with (data / "postgresql.conf").open("a") as file:
            file.writelines(f"{name} = {value}\n" for name, value in SETTINGS.items())
        own_user(data)

    def rejoin(self, primary: str) -> None:
        """Come back after a crash as a follower of the one that was promoted; ProgramFailed where that cannot be."""
        told = conninfo.conninfo_to_dict(primary)
        secret = self._folder / "pgpass"
        secret.touch(0o600)
        secret.write_text(f"*:*:*:*:{told.pop('password')}\n")
        if user := server_user():
            os.chown(secret, *user)
        source = conninfo.make_conninfo("", **{**told, "dbname": "postgres", "passfile": str(secret)})
        done = self._run(
            "pg_rewind", f"--target-pgdata={self._folder / 'data'}", f"--source-server={source}", "--no-sync",
            "--write-recovery-conf",
        )  # fmt: skip
        said = done.communicate()[0].decode(errors="replace")
        if done.returncode:
            msg = f"pg_rewind ended with exit code {done.returncode}: {said[-600:]}"
            raise ProgramFailed(msg)
        self.start()


@contextlib.contextmanager
def clone(of: str, *options: str) -> Iterator[Clone]:
    """A running copy of the server at `of`; it is gone afterwards."""
    with (
        Guard() as guard,
        tempfile.TemporaryDirectory(prefix="release-verification-pg-", ignore_cleanup_errors=True) as name,
    ):
        guard.directory(Path(name))
        server = Clone(Path(name), guard, of, options)
        server.start()
        try:
            yield server
        finally:
            server.stop()


def standby(of: str) -> contextlib.AbstractContextManager[Clone]:
    """A copy that follows."""
    return clone(of, "--write-recovery-conf")


def commit_on_both(primary: str) -> None:
    """Let the primary acknowledge nothing that its standby does not have."""
    with psycopg.connect(primary, autocommit=True) as connection:
        connection.execute("ALTER SYSTEM SET synchronous_standby_names = '*'")
        connection.execute("SELECT pg_reload_conf()")


def followed(primary: str, *, synchronous: bool) -> None:
    """Wait until a standby follows; TimeoutError where none does."""
    deadline = time.monotonic() + FOLLOWS_WITHIN_S
    with psycopg.connect(primary, autocommit=True) as connection:
        while time.monotonic() < deadline:
            if (row := connection.execute(FOLLOWS, [synchronous]).fetchone()) and row[0]:
                return
            time.sleep(0.05)
    msg = f"no standby follows within {FOLLOWS_WITHIN_S:g} s"
    raise TimeoutError(msg)


def caught_up(primary: str, follower: str) -> None:
    """Wait until the follower has replayed all that the primary has written; TimeoutError where it does not."""
    with psycopg.connect(primary) as connection:
        at = connection.execute("SELECT pg_current_wal_insert_lsn()::text").fetchone()
    deadline = time.monotonic() + FOLLOWS_WITHIN_S
    with psycopg.connect(follower, autocommit=True) as connection:
        while time.monotonic() < deadline:
            row = connection.execute("SELECT pg_last_wal_replay_lsn() >= %s::pg_lsn", at).fetchone()
            if row and row[0]:
                return
            time.sleep(0.05)
    msg = f"the standby has not replayed the log up to {at} within {FOLLOWS_WITHIN_S:g} s"
    raise TimeoutError(msg)
