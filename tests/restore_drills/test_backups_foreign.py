"""What the source's own configuration says decides nothing of its copies: no folder, no archive, no goal."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from fixtures.postgres import Postgres
from restore_drills import replica
from restore_drills.backups import looks, take
from restore_drills.backups.restore import JOINED, Target, joined, recovered
from restore_drills.backups.shipping import ship
from restore_drills.own.contract import Own
from tests.restore_drills.backups_world import PROGRAMS, archived, archiving, execute, passable, repository
from tests.restore_drills.own.world import NOON, restored, superuser

LEFT = "ALTER SYSTEM SET recovery_target = 'immediate'"
"""What a recovery to a moment leaves in postgresql.auto.conf for ever."""


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that the server's own user may pass through and write into; pytest's are ours alone."""
    with passable(0o777) as name:
        yield name


def configured(server: Postgres, folder: Path) -> None:
    """Write into the server's files what holds on its own machine alone; it reads them when it next starts."""
    with psycopg.connect(server.dsn) as connection:
        row = connection.execute("SHOW data_directory").fetchone()
    assert row
    with Path(row[0], "postgresql.conf").open("a") as file:
        file.write(f"""
            data_directory = '{folder}/live'
            external_pid_file = '{folder}/pid'
            archive_cleanup_command = 'touch {folder}/cleaned'
            recovery_end_command = 'touch {folder}/ended'
            include = '/etc/postgresql/nowhere.conf'
            shared_buffers = '900GB'
            huge_pages = on
        """)
    execute(server.dsn, LEFT)


def test_a_copy_is_recovered_as_far_as_we_say(folder: Path) -> None:
    """An old goal, a live data directory and commands on a live archive are in the backup, and decide nothing."""
    place = repository(folder / "store")
    with archiving() as (server, spool):
        configured(server, folder)
        execute(server.dsn, "CREATE TABLE item (name text)")
        full = take.physical(place, PROGRAMS, server.dsn, None)
        execute(server.dsn, "INSERT INTO item VALUES ('before')")
        at = looks.moment(server.dsn).lsn
        execute(server.dsn, "INSERT INTO item VALUES ('after')")
        archived(server)
        ship(place, spool)

    seen = {}
    for until in ("backup", at, "latest"):
        to = folder / f"copy {until[-4:]}"
        with recovered(place, PROGRAMS, full, Target.of(until), to) as copy, psycopg.connect(copy.dsn) as connection:
            seen[until] = [name for (name,) in connection.execute("SELECT name FROM item ORDER BY ctid")]
            assert [(str(to / "data"),)] == connection.execute("SHOW data_directory").fetchall()
    assert {"backup": [], at: ["before"], "latest": ["before", "after"]} == seen
    assert [] == [name for name in ("pid", "live", "cleaned", "ended") if (folder / name).exists()]


def test_a_teams_own_backup_is_recovered_to_its_end(folder: Path) -> None:
    """A standby's base backup that a recovery to a moment has left its goal in comes back with all of its log."""
    with archiving() as (server, spool):
        execute(server.dsn, f"CREATE TABLE item AS SELECT '{NOON.isoformat()}'::timestamptz AS at")
        PROGRAMS.run(
            "pg_basebackup", f"--pgdata={folder / 'base'}", "--no-manifest", "--checkpoint=fast", dsn=server.dsn
        )
        (folder / "base" / "standby.signal").touch()
        with (folder / "base" / "postgresql.auto.conf").open("a") as file:
            file.write("recovery_target = 'immediate'\n")
        execute(server.dsn, "CREATE TABLE later AS SELECT 1")
        archived(server)
        shutil.copytree(spool, folder / "log")
        own = Own(newest="SELECT max(at) FROM item", path="base", wal="log", superuser=superuser(server))

    assert {"public.item": 1, "public.later": 1} == restored(own, folder)


def test_replicas_know_nothing_of_the_sources_archive(folder: Path) -> None:
    """Copies that a failover is tried on archive nothing, and have only what we write into their files."""
    with archiving() as (server, _):
        configured(server, folder)
        execute(server.dsn, "ALTER SYSTEM SET archive_command = 'false'")
        with replica.clone(server.dsn) as copy, psycopg.connect(copy.dsn) as connection:
            told = connection.execute(
                "SELECT current_setting('archive_mode'), current_setting('data_directory')"
            ).fetchone()

    assert ("off", str(copy.folder / "data")) == told
    assert not (folder / "pid").exists()


def test_only_programs_that_can_link_are_told_to() -> None:
    """pg_combinebackup of PostgreSQL 17 knows no --link, and a chain of its backups is joined all the same."""
    assert [JOINED, (*JOINED, "--link")] == [joined(170006), joined(180000)]
