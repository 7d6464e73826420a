"""Back a database up by the release's own command, lose its server, and recover into a fresh one."""

from __future__ import annotations

import contextlib
import re
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import psycopg
from psycopg import conninfo, sql

from fixtures.postgres import Postgres, database
from restore_drills import fingerprint
from restore_drills.fingerprint import Fingerprint
from restore_drills.steps import Steps

BACKED_UP_WITHIN_S = 1800
RESTORED_WITHIN_S = 1800
"""Named waits. The objective for the recovery time belongs to the policy; these only end what would never end."""

RECOVERY = "recovery, the whole of it"
"""The step whose length is the recovery time."""


class BackupFailed(AssertionError):
    """The release's backup, or the restore from it, failed: the release's fault. The message quotes the tool."""


class Backup(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`[backup]` of release.toml: commands that write a backup to `{file}`; PG* variables name the database.

    `dump` may write any form that pg_restore reads, or plain SQL. `{snapshot}` is a snapshot to dump from, so that
    writes during the backup do not blur the comparison. `globals` writes the roles, which a dump of one database lacks.
    """

    dump: tuple[str, ...]
    globals: tuple[str, ...] = ()


class Taken(msgspec.Struct, frozen=True, kw_only=True):
    """A backup, and what the database was at its moment."""

    dump: Path
    globals: Path | None
    source: Fingerprint
    seconds: float
    size: int


def back_up(backup: Backup, dsn: str, root: Path, folder: Path, steps: Steps) -> Taken:
    """Fingerprint and dump in one snapshot; BackupFailed where a command fails or writes nothing."""
    folder.mkdir(parents=True, exist_ok=True)
    with psycopg.connect(dsn) as connection, contextlib.ExitStack() as timed:
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        row = connection.execute("SELECT pg_export_snapshot()").fetchone()
        snapshot = str(row[0]) if row else ""
        with steps.step("fingerprint every row"):
            source = fingerprint.take(connection, dsn, snapshot)
        started = time.monotonic()
        timed.enter_context(steps.step("back up"))
        dump = _written(backup.dump, folder / "database", snapshot, root, dsn)
        roles = _written(backup.globals, folder / "globals.sql", snapshot, root, dsn) if backup.globals else None
        seconds = time.monotonic() - started
    if not any("{snapshot}" in part for part in backup.dump):
        with psycopg.connect(dsn) as connection:
            if fingerprint.take(connection, dsn) != source:
                msg = "the database changed during its backup; give {snapshot} to [backup] dump, or drill when quiet"
                raise RuntimeError(msg)
    return Taken(dump=dump, globals=roles, source=source, seconds=seconds, size=_size(dump))


def restore(taken: Taken, server: Postgres, name: str, steps: Steps) -> str:
    """Restore into a fresh server; return the superuser's address of the copy. BackupFailed where a tool says no."""
    with steps.step("create the database"), psycopg.connect(server.dsn, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    copy = database(server, name)
    if taken.globals:
        # Roles may be there already (a scratch server that is given): the roles' fingerprint proves, not psql's code.
        own = taken.globals.with_suffix(".own.sql")
        own.write_text(_without_role(taken.globals.read_text(), _superuser(copy)))
        with steps.step("restore the roles"):
            _run(["psql", "--no-psqlrc", "--quiet", "--file", str(own)], copy)
    with steps.step("restore the data"):
        if taken.dump.is_dir() or taken.dump.open("rb").read(5) == b"PGDMP":
            _run(["pg_restore", "--exit-on-error", "--jobs=2", f"--dbname={name}", str(taken.dump)], copy)
        else:
            _run(["psql", "--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1", "--file", str(taken.dump)], copy)
    with steps.step("analyze, answer the first query"), psycopg.connect(copy, autocommit=True) as connection:
        connection.execute("ANALYZE")
    return copy


class Recovered(msgspec.Struct, frozen=True, kw_only=True):
    """A copy, restored from a backup alone: its superuser's address, what it is, and how long it took."""

    taken: Taken
    copy: str
    fingerprint: Fingerprint
    seconds: float


@contextlib.contextmanager
def recovered(
    taken: Taken, fresh: Callable[[], contextlib.AbstractContextManager[Postgres]], name: str, steps: Steps
) -> Iterator[Recovered]:
    """Recover into a fresh server; the clock runs from now to the first answered query of the copy."""
    with contextlib.ExitStack() as stack:
        with steps.step(RECOVERY):
            started = time.monotonic()
            with steps.step("start a fresh server"):
                server = stack.enter_context(fresh())
            copy = restore(taken, server, name, steps)
            seconds = time.monotonic() - started
        with steps.step("compare every row"), psycopg.connect(copy) as connection:
            restored = fingerprint.take(connection, copy)
        if _superuser(copy) not in taken.source.roles:
            restored.roles.pop(_superuser(copy))  # the fresh server's own, not restored by anybody
        yield Recovered(taken=taken, copy=copy, fingerprint=restored, seconds=seconds)


def _superuser(dsn: str) -> str:
    return str(conninfo.conninfo_to_dict(dsn)["user"])


def _without_role(statements: str, name: str) -> str:
    """Leave out what pg_dumpall wrote of one role: restoring it would change the password that we connect with."""
    own = re.compile(rf'(CREATE|ALTER) ROLE "?{re.escape(name)}"?[ ;]')
    return "".join(line for line in statements.splitlines(keepends=True) if not own.match(line))


def _written(command: tuple[str, ...], path: Path, snapshot: str, root: Path, dsn: str) -> Path:
    filled = [part.replace("{file}", str(path)).replace("{snapshot}", snapshot) for part in command]
    _run(filled, dsn, cwd=root, within_s=BACKED_UP_WITHIN_S)
    if not path.exists() or not _size(path):
        msg = f"{' '.join(command)}: ended well, but wrote nothing to {{file}}"
        raise BackupFailed(msg)
    return path


def _run(command: list[str], dsn: str, cwd: Path | None = None, within_s: float = RESTORED_WITHIN_S) -> None:
    done = subprocess.run(  # noqa: S603 - PostgreSQL's programs, and the release's own backup command
        command, env=fingerprint.environment(dsn), cwd=cwd, stdin=subprocess.DEVNULL, capture_output=True, text=True,
        timeout=within_s, check=False,
    )  # fmt: skip
    if done.returncode:
        msg = f"{command[0]} ended with exit code {done.returncode}: {done.stderr.strip()[-2000:]}"
        raise BackupFailed(msg)


def _size(path: Path) -> int:
    files = path.rglob("*") if path.is_dir() else [path]
    return sum(file.stat().st_size for file in files if file.is_file())
