"""A server goes on under a new timeline after a failover: its log is followed, and a gap where it begins is seen."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import psycopg
import pytest

from fixtures.embedded import Embedded
from fixtures.postgres import Postgres
from fixtures.server import own
from restore_drills.backups import commands, shipping, take
from restore_drills.backups.findings import Finding, find
from restore_drills.backups.model import Damaged, Manifest
from restore_drills.backups.repository import Repository
from restore_drills.backups.restore import Target, recovered
from restore_drills.backups.wal import Archive
from restore_drills.own import physical
from restore_drills.own.contract import Unfit
from tests.restore_drills.backups_world import NOON, PROGRAMS, archived, archiving, execute, repository


class World(NamedTuple):
    """A repository of before and after the failover, and the same as a team's own: a base backup and a log."""

    place: Repository
    full: Manifest
    base: Path
    log: Path
    first: str
    """The first segment of the new timeline."""


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    """Back up, fail over, write on; then ship all of the log."""
    with (
        tempfile.TemporaryDirectory(prefix="release-verification-timelines-") as name,
        archiving() as (server, spool),
    ):
        folder = Path(name)
        folder.chmod(0o755)
        place = repository(folder / "store")
        execute(server.dsn, "CREATE TABLE item AS SELECT 'before' AS name")
        full = take.physical(place, PROGRAMS, server.dsn, None)
        PROGRAMS.run("pg_basebackup", f"--pgdata={folder / 'base'}", "--wal-method=none", dsn=server.dsn)
        execute(server.dsn, "CREATE TABLE other ()")  # so that there is something to close
        archived(server)
        fail_over(server, spool)
        execute(server.dsn, "INSERT INTO item VALUES ('after')")
        first = archived(server)
        execute(server.dsn, "INSERT INTO item VALUES ('later')")
        archived(server)
        shutil.copytree(spool, folder / "log")
        shipping.ship(place, spool)
        yield World(place, full, folder / "base", folder / "log", first)


def fail_over(server: Postgres, spool: Path) -> None:
    """Have it recover from its archive to the end and go on from there, as a standby that is promoted does."""
    assert isinstance(server, Embedded)
    server.stop()
    data = server.folder / "data"
    with (data / "postgresql.auto.conf").open("a") as file:
        file.write(f"""restore_command = 'cp "{spool}/%f" "%p"'\n""")
    (data / "recovery.signal").touch()
    own(data / "recovery.signal")
    server.start()
    with psycopg.connect(server.dsn, autocommit=True) as connection:
        while connection.execute("SELECT pg_is_in_recovery()").fetchone() != (False,):
            pass


@contextlib.contextmanager
def passable(folder: Path) -> Iterator[Path]:
    """Let the server's own user through."""
    folder.chmod(0o755)
    yield folder / "copy"


def names(place: Repository, one: Manifest) -> set[str]:
    """Bring it back to the latest, and name the rows."""
    with (
        tempfile.TemporaryDirectory(prefix="release-verification-copy-", ignore_cleanup_errors=True) as folder,
        passable(Path(folder)) as target,
        recovered(place, PROGRAMS, one, Target(), target) as copy,
        psycopg.connect(copy.address()) as connection,
    ):
        return {str(name) for (name,) in connection.execute("SELECT name FROM item")}


def log_findings(place: Repository) -> list[Finding]:
    """Look at the log."""
    archives = [archive.followed(place) for archive in commands.archives(place, place.manifests())]
    return [one for one in find(place.manifests(), archives, {}, NOON) if one.place.startswith("wal/")]


def test_the_log_leads_on_through_a_failover(world: World) -> None:
    """What was written after it comes back from a backup of before it; nothing is missing."""
    archive = Archive.read(world.place, world.full.system_identifier).followed(world.place)

    assert "00000002" == world.first[:8]
    assert [2] == [*archive.histories]
    assert [] == log_findings(world.place)
    assert {"before", "after", "later"} == names(world.place, world.full)


def test_a_gap_where_the_timeline_begins_is_named(world: World) -> None:
    """The first segment of the new timeline is lost: a server would recover up to it, and look fine."""
    archive = Archive.read(world.place, world.full.system_identifier)
    (kept,) = [one for one in archive.kept if one.name == world.first]
    path = Path(world.place.store.name, kept.key)
    path.rename(path.with_name(f".{path.name}"))
    try:
        with pytest.raises(Damaged, match=f"{world.first}: is missing"):
            names(world.place, world.full)
        assert [f"wal/{archive.system_identifier}/{world.first}"] == [one.place for one in log_findings(world.place)]
    finally:
        path.with_name(f".{path.name}").rename(path)


def test_a_teams_own_log_is_followed_too(world: World, tmp_path: Path) -> None:
    """Held against the history file that lies in it; without the first segment, or the history, it is refused."""
    (tmp_path / "whole").mkdir()
    physical.lay_out(world.base, world.log, tmp_path / "whole", lambda _: None)
    assert (tmp_path / "whole" / "wal" / world.first).exists()
    for number, name in enumerate((world.first, "00000002.history")):
        log = tmp_path / f"log{number}"
        shutil.copytree(world.log, log)
        (log / name).unlink()
        (tmp_path / str(number)).mkdir()
        with pytest.raises(Unfit, match=f"{name}: is missing"):
            physical.lay_out(world.base, log, tmp_path / str(number), lambda _: None)
