"""What servers are like and do: two in one store, one that stops half-way, no encoding, settings for all roles."""

from __future__ import annotations

import contextlib
import time
from pathlib import Path

import psycopg
import pytest
from psycopg import conninfo

from fixtures.postgres import Given, Postgres, postgres
from restore_drills.backups import dump, proof, take
from restore_drills.backups.config import load
from restore_drills.backups.repository import Repository
from restore_drills.compare import differences
from tests.restore_drills.backups_called import run, started
from tests.restore_drills.backups_world import PROGRAMS, execute, repository

EVERYBODY = (
    "ALTER ROLE ALL SET work_mem = '9MB'",
    'ALTER ROLE ALL SET search_path = "$user", public, "a b", "select"',
    "ALTER ROLE ALL SET app.key = 'it''s; a \\ secret'",
)


@pytest.fixture
def place(tmp_path: Path) -> Repository:
    """An empty repository."""
    return repository(tmp_path / "store")


def test_an_incremental_backup_goes_on_from_its_own_server(folder: Path, server: Postgres) -> None:
    """In a store of two servers the newest full backup may be the other one's."""
    _, full, _ = run(folder, server, "full")
    with postgres(settings={"summarize_wal": "on"}) as other:
        code, refused, _ = run(folder, other, "incremental")
        assert (2, True) == (code, "has no full backup of this server" in refused["error"])
        assert 0 == run(folder, other, "full")[0]
    code, one, said = run(folder, server, "incremental")

    assert (0, [full["id"]]) == (code, one["parents"]), said


def test_a_server_that_archives_nothing_is_found(folder: Path, server: Postgres) -> None:
    """backup.toml says that it does, and each backup is well: what is written since would be lost."""
    path = folder / "backup.toml"
    path.write_text(f'wal = "spool"\n{path.read_text()}[every]\nfull = 24\n')
    (folder / "spool").mkdir()
    assert 0 == run(folder, server, "full")[0]
    code, told, said = run(folder, server, "verify")

    assert 1 == code, said
    assert ["holds no log, though `wal` of backup.toml says that it is archived: it never came here"] == [
        finding["problem"] for finding in told["findings"]
    ]


@pytest.mark.parametrize(
    ("text", "hours"),
    [
        ("", None),
        ("wal = 'spool'", 1.0),
        ("wal = 'spool'\nwal_every = 3", 3.0),
        ("wal = 'spool'\n[every]\nfull = 12\nlogical = 2", 12.0),
        ("wal = 'spool'\n[every]\nlogical = 2", 24.0),
    ],
)
def test_the_log_is_expected_as_often_as_a_backup_closes_a_segment(
    tmp_path: Path, text: str, hours: float | None
) -> None:
    """Unless backup.toml says otherwise; where no log is archived none is missed."""
    (tmp_path / "backup.toml").write_text(f"database = ''\nstore = 'store'\n{text}\n")

    assert hours == load(tmp_path / "backup.toml").log_every


def test_a_server_that_stops_half_way_is_one_sentence(folder: Path) -> None:
    """Nothing is wrong with any backup: exit code 2, a line for people and one for machines, and no traceback."""
    with postgres() as server, contextlib.ExitStack() as stack:
        execute(server.dsn, "CREATE TABLE item AS SELECT n FROM generate_series(1, 1000) n")
        holding = stack.enter_context(psycopg.connect(server.dsn))
        holding.execute("LOCK TABLE item")
        process = started(folder, server, "logical")
        _waits(server)
        server.stop()
        out, said = process.communicate()
        holding.close()

    assert (2, 1) == (process.returncode, out.count("\n")), said
    assert '"ok":false' in out
    # Either the fingerprint or pg_dump, which both wait for the table, says so first.
    assert said.splitlines()[-1].startswith(("logical: ", "pg_dump: ")), said
    assert "Traceback" not in said


def _waits(server: Postgres) -> None:
    """Wait until somebody waits for the table."""
    with psycopg.connect(server.dsn, autocommit=True) as connection:
        for _ in range(1200):
            if connection.execute("SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock'").fetchone():
                return
            time.sleep(0.05)
    pytest.fail("nobody waits for the table")


def test_a_database_without_an_encoding_is_fingerprinted_and_comes_back(server: Postgres, place: Repository) -> None:
    """SQL_ASCII holds bytes: names are the same text as elsewhere, and any byte in rows and names comes back."""
    execute(server.dsn, "CREATE DATABASE bytes ENCODING 'SQL_ASCII' TEMPLATE template0 LC_COLLATE 'C' LC_CTYPE 'C'")
    own = conninfo.make_conninfo(server.dsn, dbname="bytes")
    execute(own, r"CREATE TABLE item AS SELECT E'\xe4\xff' AS name", 'CREATE TABLE "größe" AS SELECT 7 AS cents')
    dumped = take.logical(place, PROGRAMS, own)
    copied = take.physical(place, PROGRAMS, server.dsn, None)

    tables = [*proof.content_of(place, dumped)["bytes"].tables]
    assert ["public.item"] == [name for name in tables if name.isascii()]
    assert 2 == len(tables)
    assert [[], []] == [proof.restored(place, PROGRAMS, one) for one in (dumped, copied)]


def test_indexes_that_another_library_sorted_are_found(place: Repository) -> None:
    """Every row is back, and lookups would miss some: data files were sorted by another version of the collation."""
    with postgres(settings={"summarize_wal": "on"}) as server:
        own = "CREATE COLLATION own (provider = libc, locale = 'C.UTF-8')"
        execute(server.dsn, own, 'CREATE TABLE item (name text COLLATE "own" PRIMARY KEY)')
        whole = take.physical(place, PROGRAMS, server.dsn, None)
        changed = "UPDATE {} = '0.1' WHERE {} = '{}'"
        execute(
            server.dsn,
            changed.format("pg_collation SET collversion", "collname", "own"),
            changed.format("pg_database SET datcollversion", "datname", "postgres"),
        )
        one = take.physical(place, PROGRAMS, server.dsn, whole)

    assert [] == proof.restored(place, PROGRAMS, whole)
    problems = [finding.problem for finding in proof.restored(place, PROGRAMS, one)]
    assert ["database 'postgres': own", "database 'postgres': the database"] == sorted(
        problem.partition(" was sorted by version 0.1 of its collation")[0] for problem in problems
    )


def test_what_is_set_for_all_roles_comes_back(place: Repository) -> None:
    """pg_dumpall leaves it out: ours brings it, and where another way to dump loses it that is named."""
    globals_alone = dump.Dump(dump=dump.OURS.dump, globals=("pg_dumpall", "--globals-only", "--file={file}"))
    with postgres() as server:
        execute(server.dsn, "CREATE TABLE item AS SELECT 7 AS cents", *EVERYBODY)
        ours = take.logical(place, PROGRAMS, server.dsn)
        theirs = take.logical(place, PROGRAMS, server.dsn, globals_alone, Path.cwd())
    with proof.copied(place, PROGRAMS, theirs) as copy:
        lost = differences(proof.content_of(place, theirs), proof.content(copy, theirs), physical=False)

    assert [] == proof.restored(place, PROGRAMS, ours)
    assert ["app.key", "search_path", "work_mem"] == [
        each.text.rpartition("its setting ")[2].removesuffix(" of role ALL: is lost") for each in lost
    ]
    assert "secret" not in str(lost)


def test_a_server_that_is_given_keeps_its_own_settings_for_all(place: Repository, tmp_path: Path) -> None:
    """Somebody else's server is not set otherwise for everybody by a restore into it."""
    with postgres() as server:
        execute(server.dsn, *EVERYBODY)
        one = take.logical(place, PROGRAMS, server.dsn)
    proof.fetch(place, one, tmp_path / "copy")
    with postgres() as theirs:
        dump.restore(PROGRAMS, one, tmp_path / "copy", Given(theirs.dsn), lambda _: None)
        with psycopg.connect(theirs.dsn) as connection:
            assert (0,) == connection.execute("SELECT count(*) FROM pg_db_role_setting WHERE setrole = 0").fetchone()
