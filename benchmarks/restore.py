"""How long the ways back take, side by side: `python -m benchmarks.restore [SCALE]` (pgbench's; 68 is about 1 GB).

Each is timed from nothing to the first answered query, durable settings throughout. The limit is a plain copy of a
stopped data directory. Seconds are of this machine; what counts is the ratios.
"""

from __future__ import annotations

import gzip
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import psycopg

from fixtures.postgres import Postgres, binaries, postgres
from restore_drills.backups import take
from restore_drills.backups.crypt import Keys
from restore_drills.backups.model import Manifest
from restore_drills.backups.programs import Programs, Say, environment, human
from restore_drills.backups.repository import Repository
from restore_drills.backups.restore import Target, recovered
from restore_drills.backups.restored import own_user, restored
from restore_drills.backups.store import HIDDEN, Folder

ROUNDS = 3
QUERY = "SELECT count(*) FROM pgbench_branches"
PROGRAMS = Programs()
Way = Callable[[Path], float]


def main(scale: int) -> None:
    """Measure each way, and print a table."""
    with tempfile.TemporaryDirectory(prefix="release-verification-benchmark-") as name:
        root = Path(name)
        root.chmod(0o755)
        repository = Repository(Folder(root / "store"), root / "store" / HIDDEN, Keys(), Say(quiet=True))
        with postgres(settings={"summarize_wal": "on", "max_wal_size": "4GB"}) as server:
            ways, size = prepared(server, repository, root, scale)
        told(f"{human(size)} of data files, {os.cpu_count()} cores, median of {ROUNDS}")
        seconds = {title: measured(way, root) for title, way in ways.items()}
    limit = next(iter(seconds.values()))
    for title, took in seconds.items():
        told(f"{title:45} {took:7.2f} s  {took / limit:5.2f} x the limit")


def told(line: str) -> None:
    """Print a line at once."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def prepared(server: Postgres, repository: Repository, root: Path, scale: int) -> tuple[dict[str, Way], int]:
    """Fill the server, back it up in each way, and say how each is brought back."""
    PROGRAMS.run("pgbench", "--initialize", f"--scale={scale}", "--quiet", dsn=server.dsn)
    full = take.physical(repository, PROGRAMS, server.dsn, None)
    with psycopg.connect(server.dsn) as connection:
        connection.execute("UPDATE pgbench_accounts SET abalance = 1 WHERE aid % 50 = 0")
    increment = take.physical(repository, PROGRAMS, server.dsn, full)
    script = root / "dump.sql.gz"
    with gzip.open(script, "wb", 6) as file:
        dump = subprocess.Popen([str(binaries() / "pg_dump")], env=environment(server.dsn), stdout=subprocess.PIPE)
        assert dump.stdout
        shutil.copyfileobj(dump.stdout, file)
        assert 0 == dump.wait()
    with recovered(repository, PROGRAMS, full, Target("backup"), root / "plain"):
        pass
    size = sum(path.stat().st_size for path in (root / "plain" / "data").rglob("*") if path.is_file())
    return {
        "plain copy of the data directory (the limit)": lambda folder: copied(root / "plain", folder, full.superuser),
        "full backup": lambda folder: physical(repository, full, folder),
        "full and incremental backup, joined": lambda folder: physical(repository, increment, folder),
        "gunzip | psql (the usual script)": lambda folder: scripted(script, folder),
    }, size


def copied(plain: Path, folder: Path, superuser: str) -> float:
    """Copy, start, ask."""
    folder.mkdir()
    subprocess.run(["cp", "-a", str(plain / "data"), str(folder / "data")], check=True)
    own_user(folder / "data")
    with restored(folder, superuser, {}) as server:
        return asked(server.address())


def physical(repository: Repository, one: Manifest, folder: Path) -> float:
    """Restore with every proof of the inputs, recover, ask."""
    with recovered(repository, PROGRAMS, one, Target("backup"), folder) as server:
        return asked(server.address())


def scripted(script: Path, folder: Path) -> float:
    """Start an empty server, and run the script into it."""
    folder.mkdir()
    with postgres() as server:
        psql = subprocess.Popen(
            [str(binaries() / "psql"), "--quiet", "--no-psqlrc"],
            env=environment(server.dsn), stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        assert psql.stdin
        with gzip.open(script, "rb") as file:
            shutil.copyfileobj(file, psql.stdin, 1 << 20)
        psql.communicate()
        return asked(server.dsn)


def asked(dsn: str) -> float:
    """Answer the first query; say when."""
    with psycopg.connect(dsn) as connection:
        assert connection.execute(QUERY).fetchone()
    return time.monotonic()


def measured(way: Way, root: Path) -> float:
    """Time it, each time from nothing."""
    took = []
    for number in range(ROUNDS):
        folder = root / f"copy-{number}"
        began = time.monotonic()
        took.append(way(folder) - began)
        shutil.rmtree(folder)
    return statistics.median(took)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 68)
