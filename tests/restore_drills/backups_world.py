"""What the tests of backups share: made-up manifests, repositories, and a server that archives its log."""

from __future__ import annotations

import contextlib
import datetime as dt
import hashlib
import os
import resource
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

import psycopg
import pytest

from fixtures.postgres import Postgres, postgres
from fixtures.server import server_user
from restore_drills.backups import archive
from restore_drills.backups.crypt import Keys
from restore_drills.backups.model import Content, File, Kind, Manifest
from restore_drills.backups.programs import Programs, Say
from restore_drills.backups.repository import Repository
from restore_drills.backups.store import HIDDEN, Folder

PROGRAMS = Programs()
NOON = dt.datetime(2026, 11, 25, 12, tzinfo=dt.UTC)


def manifest(
    kind: Kind = "full",
    when: dt.datetime = NOON,
    parents: tuple[str, ...] = (),
    number: int = 0,
    files: Mapping[str, bytes] | None = None,
    **other: object,
) -> Manifest:
    """Make a manifest up; each `number` lies one segment further on in the log."""
    at = f"0/{(number + 1) << 24:X}"
    given: dict[str, object] = {
        "id": f"{when:%Y%m%dT%H%M%SZ}-{kind}-{number:06x}",
        "kind": kind,
        "started": when,
        "finished": when + dt.timedelta(minutes=1),
        "server_version": 180006,
        "system_identifier": "7",
        "timeline": 1,
        "segment_size": 1 << 24,
        "start_lsn": at,
        "end_lsn": at,
        "database": "shop",
        "superuser": "root",
        "parents": parents,
        "content": Content(bound="lsn", lsn=at, alone=True, databases=1, tables=1, rows=1),
        "files": tuple(file(name, content) for name, content in (files or {}).items()),
    }
    return Manifest(**{**given, **other})  # type: ignore[arg-type]


def file(name: str, content: bytes) -> File:
    """Describe a file that is stored as it is."""
    digest = hashlib.sha256(content).hexdigest()
    return File(name=name, size=len(content), sha256=digest, stored_size=len(content), stored_sha256=digest)


def repository(root: Path, keys: Keys | None = None) -> Repository:
    """Open a repository in a folder."""
    return Repository(Folder(root), root / HIDDEN, keys or Keys(), Say(quiet=True))


def committed(place: Repository, one: Manifest, files: Mapping[str, bytes]) -> Manifest:
    """Commit a made-up backup."""
    folder = place.work / one.id
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    place.commit(one, folder)
    return one


@contextlib.contextmanager
def passable(mode: int = 0o755) -> Iterator[Path]:
    """Make a folder that the server's own user may pass through; pytest's are ours alone."""
    with tempfile.TemporaryDirectory(prefix="release-verification-", ignore_cleanup_errors=True) as name:
        Path(name).chmod(mode)
        yield Path(name)


@contextlib.contextmanager
def archiving() -> Iterator[tuple[Postgres, Path]]:
    """Run a server that summarizes and archives its log, and name the folder that it archives into."""
    with tempfile.TemporaryDirectory(prefix="release-verification-wal-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        spool = folder / "wal spool"
        spool.mkdir()
        if user := server_user():
            os.chown(spool, *user)
        program = shutil.copy(archive.__file__, folder / "archive.py")
        command = f'{_python()} "{program}" "%p" "{spool}"'
        settings = {"summarize_wal": "on", "archive_mode": "on", "archive_command": command}
        with postgres(settings=settings) as server:
            yield server, spool


@contextlib.contextmanager
def older_server(major: str) -> Iterator[Postgres]:
    """Run a server of an older major version, where Debian's programs of it are; ours are used on it."""
    programs = Path(f"/usr/lib/postgresql/{major}/bin")
    if not programs.is_dir():
        pytest.skip(f"PostgreSQL {major} is not installed")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("fixtures.embedded.binaries", lambda: programs)
        with postgres("embedded") as server:
            patch.undo()
            with psycopg.connect(server.dsn) as connection:
                assert int(major) == connection.info.server_version // 10000, "another version's server is running"
            yield server


@contextlib.contextmanager
def little_room(size: int = 4096) -> Iterator[None]:
    """Let no file grow any further, as on a disk that is full."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def execute(dsn: str, *statements: str) -> None:
    """Run statements, each by itself."""
    with psycopg.connect(dsn, autocommit=True) as connection:
        for statement in statements:
            connection.execute(statement.encode())


def archived(server: Postgres) -> str:
    """Close the segment that is written to; return its name when it has been archived."""
    with psycopg.connect(server.dsn, autocommit=True) as connection:
        row = connection.execute("SELECT pg_walfile_name(pg_switch_wal())").fetchone()
        assert row
        while True:
            done = connection.execute("SELECT last_archived_wal FROM pg_stat_archiver").fetchone()
            if done and str(done[0]) >= row[0]:
                return str(row[0])


def _python() -> str:
    """Find a Python that the server's user may run: root's own it may not."""
    user = server_user()
    for found in (sys.executable, shutil.which("python3", path="/usr/bin:/usr/local/bin")):
        with contextlib.suppress(OSError, subprocess.CalledProcessError):
            identity = {"user": user[0], "group": user[1], "extra_groups": []} if user else {}
            subprocess.run([str(found), "-c", ""], check=True, capture_output=True, **identity)  # type: ignore[call-overload]
            return str(found)
    message = "no Python that the server's user may run"
    raise RuntimeError(message)
