"""The ways back, each from nothing to the first answered query of a server with durable settings."""

from __future__ import annotations

import os
import subprocess
import time
from functools import partial
from pathlib import Path

import psycopg
from psycopg import conninfo

from benchmarks.restore.rounds import Task
from benchmarks.restore.world import PROGRAMS, World
from fixtures.embedded import made
from fixtures.guard import Guard
from fixtures.postgres import binaries, postgres
from fixtures.server import own
from restore_drills.backups.model import Manifest
from restore_drills.backups.programs import environment
from restore_drills.backups.repository import Repository
from restore_drills.backups.restore import Target, recovered
from restore_drills.backups.restored import restored

QUERY = "SELECT count(*) FROM pgbench_branches"
LIMIT, SCRIPT = "plain copy of the data directory: the limit", "gunzip | psql: the usual script"
SYNCED = "plain copy, brought to the disk"
FULL, SEALED = "full backup", "full backup, sealed by age"
SOME, HALF = "full + incremental, 2 % of the pages changed", "full + incremental, half of the pages changed"
RESTORED = "pg_restore -j, tuned; then durable, and analyzed"
OURS = (FULL, SEALED, SOME, HALF)
TUNED = {
    "fsync": "off",
    "full_page_writes": "off",
    "synchronous_commit": "off",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "max_wal_size": "64GB",
    "checkpoint_timeout": "1h",
    "maintenance_work_mem": "1GB",
    "autovacuum": "off",
}
"""What only a server that nobody uses yet may be set to."""


def ways(world: World) -> dict[str, Task]:
    """Name each way; what it is measured against comes first."""
    name = world.full.superuser
    return {
        LIMIT: Task(partial(copied, world.plain, name), (world.plain,)),
        SYNCED: Task(partial(copied, world.plain, name, synced=True), (world.plain,)),
        FULL: Task(partial(physical, world.repository, world.full), world.stored(world.full)),
        SEALED: Task(partial(physical, world.sealed, world.closed), world.stored(world.closed)),
        SOME: Task(partial(physical, world.repository, world.some), world.stored(world.full, world.some)),
        HALF: Task(partial(physical, world.repository, world.half), world.stored(world.full, world.half)),
        RESTORED: Task(partial(logical, world.dump), (world.dump,)),
        SCRIPT: Task(partial(scripted, world.script), (world.script,)),
    }


def copied(plain: Path, superuser: str, folder: Path, *, programs: Path | None = None, synced: bool = False) -> float:
    """Copy, start, ask."""
    folder.mkdir()
    subprocess.run(["cp", "-a", str(plain), str(folder / "data")], check=True)
    if synced:
        to_disk(folder)
    own(folder / "data")
    with restored(folder, superuser, {}, programs) as server:
        return asked(server.address())


def physical(repository: Repository, one: Manifest, folder: Path) -> float:
    """Restore with every proof of the inputs, recover, ask."""
    with recovered(repository, PROGRAMS, one, Target("backup"), folder) as server:
        return asked(server.address())


def logical(dump: Path, folder: Path) -> float:
    """Load into a server that would lose everything in a crash, make that durable, start it as it will be used."""
    folder.mkdir()
    with Guard() as guard:
        guard.directory(folder)
        server = made(folder, guard, TUNED)
        server.start()
        try:
            options = ("--exit-on-error", "--no-owner", f"--jobs={os.cpu_count()}", "--dbname=postgres")
            PROGRAMS.run("pg_restore", *options, str(dump), dsn=server.dsn)
            PROGRAMS.run("psql", "--no-psqlrc", "--command=ANALYZE", "--command=CHECKPOINT", dsn=server.dsn)
        finally:
            server.stop()
    to_disk(folder)
    with restored(folder, str(conninfo.conninfo_to_dict(server.dsn)["user"]), {}) as durable:
        return asked(durable.address())


def scripted(script: Path, folder: Path) -> float:
    """Start an empty server, and run the script into it."""
    folder.mkdir()
    with postgres("embedded") as server:
        unpacking = subprocess.Popen(["gunzip", "--stdout", str(script)], stdout=subprocess.PIPE)
        subprocess.run(
            [binaries() / "psql", "--quiet", "--no-psqlrc"],
            env=environment(server.dsn), stdin=unpacking.stdout, stdout=subprocess.DEVNULL, check=True,
        )  # fmt: skip
        assert 0 == unpacking.wait()
        return asked(server.dsn)


def to_disk(folder: Path) -> None:
    """Bring its file system to the disk, as recovery does before it begins."""
    subprocess.run(["sync", "--file-system", str(folder)], check=True)


def asked(dsn: str) -> float:
    """Answer the first query; say when."""
    with psycopg.connect(dsn) as connection:
        assert connection.execute(QUERY).fetchone()
    return time.monotonic()
