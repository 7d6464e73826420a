"""The drill's own server: its backups lead to the moments that they should, and its copies show what is wrong."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from fixtures.postgres import postgres
from restore_drills.backups import take, wal
from restore_drills.backups.programs import ProgramFailed
from restore_drills.backups.repository import Repository
from restore_drills.backups.restore import Target
from restore_drills.compare import hold
from restore_drills.estate import Estate, estate
from restore_drills.levels import amchecked
from restore_drills.loss import Failed
from restore_drills.sentinel import words
from tests.restore_drills.backups_world import PROGRAMS, execute, repository

NAME = 'the "shop" = Größe'
"""A hostile name."""


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Estate]:
    """An estate with a shop's data, of a database with a hostile name."""
    place: Repository = repository(tmp_path_factory.mktemp("estate") / "store")
    with postgres() as server:
        execute(server.dsn, 'CREATE DATABASE "the ""shop"" = Größe"')
        dsn = psycopg.conninfo.make_conninfo(server.dsn, dbname=NAME)
        execute(
            dsn,
            "CREATE TABLE item (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text)",
            "INSERT INTO item (name) SELECT 'item ' || n FROM generate_series(1, 500) n",
        )
        one = take.logical(place, PROGRAMS, dsn)
    with estate(place, one) as running:
        yield running


def test_the_latest_has_every_word(made: Estate) -> None:
    """All of the log behind the newest backup leads to the last acknowledged write."""
    with made.restored(made.increment, Target()) as (copy, seconds):
        assert set(made.words) == words(copy)
        assert 0 == made.sentinel.lost_s(copy)
        hold(made.now, made.content(copy, made.increment), physical=True)
    assert seconds > 0


def test_without_the_end_of_the_log_the_last_words_are_lost_and_missed(made: Estate, tmp_path: Path) -> None:
    """A server recovers from a log that ends early as if that were the end: only the words of this run tell."""
    kept = wal.Archive.read(made.repository, made.full.system_identifier).since(made.increment, None)[-1:]
    place = Path(made.repository.store.name)
    for number, one in enumerate(kept):
        (place / one.key).rename(tmp_path / str(number))
    try:
        with made.restored(made.increment, Target()) as (copy, _):
            assert {made.words[2]} == set(made.words) - words(copy)
            assert (made.sentinel.lost_s(copy) or 0) > 0
            with pytest.raises(AssertionError, match="sentinel"):
                hold(made.now, made.content(copy, made.increment), physical=True)
    finally:
        for number, one in enumerate(kept):
            (tmp_path / str(number)).rename(place / one.key)


def test_a_gap_in_the_log_is_refused_without_a_target_too(made: Estate, tmp_path: Path) -> None:
    """The segment that is missing is named; a server by itself would stop there, and look fine."""
    first = wal.Archive.read(made.repository, made.full.system_identifier).since(made.increment, None)[0]
    path = Path(made.repository.store.name, first.key)
    path.rename(tmp_path / "away")
    try:
        with pytest.raises(Failed, match=first.name), made.restored(made.increment, Target()):
            pass
    finally:
        (tmp_path / "away").rename(path)


def test_a_time_on_a_quiet_server_is_refused(made: Estate) -> None:
    """A moment behind the last commit was never proven to have been reached."""
    with (
        pytest.raises(Failed, match="the log that is here ends before"),
        made.restored(made.full, Target("time", "2100-01-01 00:00:00+00")),
    ):
        pass


def test_the_restored_server_archives_nothing(made: Estate) -> None:
    """It would write its history into the live archive."""
    before = wal.Archive.read(made.repository, made.full.system_identifier)
    with made.restored(made.full, Target("backup")) as (copy, _), psycopg.connect(copy, autocommit=True) as connection:
        connection.execute("SELECT pg_switch_wal()")
        assert ("off",) == connection.execute("SHOW archive_mode").fetchone()

    assert before == wal.Archive.read(made.repository, made.full.system_identifier)


def test_an_index_that_does_not_agree_with_its_table_is_seen(made: Estate) -> None:
    """What every digest passes over, amcheck finds, and names."""
    with made.restored(made.full, Target("backup")) as (copy, _):
        execute(
            copy,
            "UPDATE pg_index SET indisready = false WHERE indexrelid = 'item_pkey'::regclass",
            "INSERT INTO item (name) VALUES ('not in the index')",
            "UPDATE pg_index SET indisready = true WHERE indexrelid = 'item_pkey'::regclass",
        )
        with pytest.raises(ProgramFailed, match="item_pkey"):
            amchecked(copy)


def test_a_database_that_is_listed_and_not_connectable_is_named(made: Estate) -> None:
    """A restored server may list what it has no files of."""
    with made.restored(made.full, Target("backup")) as (copy, _):
        execute(copy, "CREATE DATABASE gone")
        with psycopg.connect(copy) as connection:
            row = connection.execute(
                "SELECT current_setting('data_directory') || '/base/' || oid FROM pg_database WHERE datname = 'gone'"
            ).fetchone()
        assert row
        Path(row[0]).rename(f"{row[0]}.away")
        with pytest.raises(Failed, match="gone"):
            made.content(copy, made.full)
