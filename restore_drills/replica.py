"""Servers that are copies of a running one, file by file: one that goes on by itself, and one that follows."""

from __future__ import annotations

import contextlib
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
from psycopg import conninfo

from fixtures.guard import Guard
from fixtures.server import Files, OnFiles, on_files, own
from restore_drills.backups.programs import Programs

FOLLOWS_WITHIN_S = 30.0
FOLLOWS = "SELECT count(*) FROM pg_stat_replication WHERE state = 'streaming' AND (sync_state <> 'async' OR NOT %s)"
SETTINGS = {
    "fsync": "off",  # what is killed is the server, not the machine
    "wal_log_hints": "on",  # pg_rewind needs that, or checksums
    "wal_keep_size": "256MB",  # pg_rewind goes back to the last checkpoint that both have
}
"""All that the copies are configured by: the source's own files may name its folders, and its archive."""
HBA = "host all all all scram-sha-256\nhost replication all all scram-sha-256\n"
"""Servers in containers reach each other by a network; only this machine reaches that."""


@contextlib.contextmanager
def clone(of: str, follows: str = "") -> Iterator[OnFiles]:
    """A running copy of the server at `of`, by the same superuser; it is gone afterwards.

    It goes on by itself, or `follows` the server at that address.
    """
    told = conninfo.conninfo_to_dict(of)
    with (
        Guard() as guard,
        tempfile.TemporaryDirectory(prefix="release-verification-pg-", ignore_cleanup_errors=True) as name,
        contextlib.ExitStack() as stack,
    ):
        guard.directory(folder := Path(name))
        _copy(of, folder / "data", follows)
        server = on_files(Files(folder, str(told["user"]), str(told["password"])), guard, {})
        stack.callback(server.discard)
        server.start()
        yield server


def standby(of: OnFiles) -> contextlib.AbstractContextManager[OnFiles]:
    """A copy that follows."""
    return clone(of.dsn, of.among_servers)


def rejoin(server: OnFiles, primary: OnFiles) -> None:
    """Come back after a crash as a follower of the one that was promoted; PostgresError where that cannot be."""
    told = conninfo.conninfo_to_dict(primary.among_servers)
    secret = server.folder / "pgpass"
    secret.touch(0o600)
    secret.write_text(f"*:*:*:*:{told.pop('password')}\n")
    own(secret)
    source = conninfo.make_conninfo("", **{**told, "dbname": "postgres", "passfile": str(secret)})
    data = server.folder / "data"
    server.run(
        "pg_rewind", f"--target-pgdata={data}", f"--source-server={source}", "--no-sync", "--write-recovery-conf"
    )
    server.start()


def _copy(of: str, data: Path, follows: str) -> None:
    Programs().run(
        "pg_basebackup", f"--pgdata={data}", "--wal-method=stream", "--checkpoint=fast", "--no-sync", "--no-password",
        dsn=of,
    )  # fmt: skip
    # In its file: pg_rewind starts it, too, to end what was cut short, and knows none of our options.
    (data / "postgresql.conf").write_text("".join(f"{name} = {value}\n" for name, value in SETTINGS.items()))
    (data / "postgresql.auto.conf").write_text("")
    (data / "pg_hba.conf").write_text(HBA)
    if follows:
        (data / "standby.signal").touch()
        quoted = follows.replace("'", "''")
        with (data / "postgresql.auto.conf").open("a") as file:
            file.write(f"primary_conninfo = '{quoted}'\n")


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


def cut_off(standby: str) -> None:
    """Let a standby get nothing more from its primary, and have nothing of it on its way; TimeoutError where it does.

    It stops asking. One that is paused would find what was sent meanwhile in its socket, and one that is stopped would
    have to start before it takes over.
    """
    deadline = time.monotonic() + FOLLOWS_WITHIN_S
    with psycopg.connect(standby, autocommit=True) as connection:
        connection.execute("ALTER SYSTEM SET primary_conninfo = ''")
        connection.execute("SELECT pg_reload_conf()")
        while time.monotonic() < deadline:
            if connection.execute("SELECT count(*) FROM pg_stat_wal_receiver").fetchone() == (0,):
                return
            time.sleep(0.02)
    msg = f"the standby still follows {FOLLOWS_WITHIN_S:g} s after it was told not to"
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
