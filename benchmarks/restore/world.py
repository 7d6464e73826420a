"""What there is to bring back: one database, backed up in each way."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import NamedTuple

import psycopg
from pyrage import x25519

from benchmarks.restore.rounds import told
from fixtures.postgres import Postgres, binaries, postgres
from restore_drills.backups import take
from restore_drills.backups.crypt import Keys
from restore_drills.backups.model import Manifest
from restore_drills.backups.programs import Programs, Say, environment, tree_size
from restore_drills.backups.repository import Repository
from restore_drills.backups.restore import Target, recovered
from restore_drills.backups.store import HIDDEN, Folder

PROGRAMS = Programs()
SOURCE = {"summarize_wal": "on", "max_wal_size": "8GB"}
# The first is what an hour leaves behind: it is near each other. The second is about the worst: a row of every second
# page, which is as many pages as an increment may hold of a table before it holds all of it.
SOME = "UPDATE pgbench_accounts SET abalance = 1 WHERE aid <= (SELECT max(aid) FROM pgbench_accounts) / 50"
HALF = "UPDATE pgbench_accounts SET abalance = 2 WHERE (ctid::text::point)[0]::bigint % 2 = 0 AND aid % 61 = 1"


class World(NamedTuple):
    """`plain` is a stopped server's data directory; `size` what it takes."""

    plain: Path
    size: int
    repository: Repository
    full: Manifest
    some: Manifest
    half: Manifest
    sealed: Repository
    closed: Manifest
    script: Path
    dump: Path

    def stored(self, *manifests: Manifest) -> tuple[Path, ...]:
        """Name the folders that backups lie in."""
        both = (self.repository, self.sealed)
        folders = (Path(each.store.name) / "backups" / one.id for each in both for one in manifests)
        return tuple(folder for folder in folders if folder.exists())


def world(root: Path, scale: int) -> World:
    """Fill a server, back it up, and take it away."""
    secret = x25519.Identity.generate()
    (identity := root / "identity").write_text(f"{secret}\n")
    keys = Keys([str(secret.to_public())], identity)
    repository, sealed = opened(root / "store", Keys()), opened(root / "sealed", keys)
    with postgres("embedded", SOURCE) as server:
        told(f"fill a server at scale {scale}, and back it up")
        PROGRAMS.run("pgbench", "--initialize", f"--scale={scale}", "--quiet", dsn=server.dsn)
        full, closed = (take.physical(each, PROGRAMS, server.dsn, None) for each in (repository, sealed))
        script, dump = scripted(server, root / "dump.sql.gz"), dumped(server, root / "dump")
        some, half = (changed(server, repository, full, how) for how in (SOME, HALF))
    with recovered(repository, PROGRAMS, full, Target("backup"), root / "plain"):
        pass
    plain = stopped(root / "plain" / "data", PROGRAMS)
    return World(plain, tree_size(plain), repository, full, some, half, sealed, closed, script, dump)


def stopped(data: Path, programs: Programs) -> Path:
    """Give data files whose server has ended well: a copy of others would have to be recovered, and be no limit."""
    assert re.search(r"cluster state: +shut down$", programs.run("pg_controldata", str(data)), re.MULTILINE)
    return data


def opened(folder: Path, keys: Keys) -> Repository:
    """Open a repository that tells nobody of its progress."""
    return Repository(Folder(folder), folder / HIDDEN, keys, Say(quiet=True))


def changed(server: Postgres, repository: Repository, full: Manifest, how: str) -> Manifest:
    """Change rows, and back up what has changed since the full backup."""
    with psycopg.connect(server.dsn) as connection:
        connection.execute(how.encode())
    return take.physical(repository, PROGRAMS, server.dsn, full)


def scripted(server: Postgres, path: Path) -> Path:
    """Write the usual script, as everybody does."""
    with path.open("wb") as file:
        packing = subprocess.Popen(["gzip"], stdin=subprocess.PIPE, stdout=file)
        subprocess.run(
            [binaries() / "pg_dump", "--no-owner"], env=environment(server.dsn), stdout=packing.stdin, check=True
        )
        packing.communicate()
    assert 0 == packing.returncode
    return path


def dumped(server: Postgres, folder: Path) -> Path:
    """Write what pg_restore reads by several jobs."""
    options = ("--format=directory", "--jobs=2", "--compress=gzip:1")
    PROGRAMS.run("pg_dump", *options, f"--file={folder}", dsn=server.dsn)
    return folder
