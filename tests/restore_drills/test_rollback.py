"""A way back is tried on a real database, under a small application; what it loses or refuses is seen."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from fixtures.postgres import Postgres, database, postgres
from restore_drills.application import Application
from restore_drills.rollback import Migrations, Rollback, RolledBack, rolled_back
from tests.restore_drills.backups_world import execute
from tests.restore_drills.test_failover import RESOURCE, SHOP

MIGRATE = "import os, psycopg, sys; psycopg.connect(os.environ['SHOP_OWNER'], autocommit=True).execute(sys.argv[1])"
FORWARD = "ALTER TABLE item ADD COLUMN note text"
CHANGE = "UPDATE item SET name = 'b' WHERE id = 1"
BACK = "ALTER TABLE item DROP COLUMN note"


@pytest.fixture(scope="module")
def server() -> Iterator[Postgres]:
    """The server of the restored copy."""
    with postgres() as running:
        execute(running.dsn, "CREATE DATABASE shop")
        shop = database(running, "shop")
        execute(shop, "CREATE TABLE item (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text DEFAULT 'a')")
        execute(shop, FORWARD, "INSERT INTO item (note) VALUES ('new')")
        yield running


@pytest.fixture
def take_back(server: Postgres, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[type[TakeBack]]:
    """Take the release back on a copy, by these statements."""
    (tmp_path / "shop.py").write_text(SHOP)
    shop = database(server, "shop")
    for name in ("SHOP_DB", "SHOP_OWNER"):
        monkeypatch.setenv(name, shop)
    TakeBack.shop, TakeBack.root = shop, tmp_path
    yield TakeBack
    with psycopg.connect(server.dsn) as connection:
        assert [("postgres",), ("shop",)] == connection.execute(
            "SELECT datname FROM pg_database WHERE NOT datistemplate ORDER BY 1"
        ).fetchall()


class TakeBack:
    """What is taken back, and from where."""

    shop: str
    root: Path

    @classmethod
    def by(cls, statements: str, serving: str = "shop.py") -> RolledBack:
        """Take it back."""
        application = Application(
            start=("no such command",), database_env=("SHOP_DB",), health="/1", env={"PORT": "{port}"}, writes=RESOURCE
        )
        migrations = Migrations(
            forward=(sys.executable, "-c", MIGRATE, FORWARD),
            undo=(sys.executable, "-c", MIGRATE, statements),
            url_env="SHOP_OWNER",
        )
        return rolled_back(cls.shop, migrations, Rollback(previous=(sys.executable, serving)), application, cls.root)


def test_a_way_back_that_keeps_what_both_know(take_back: type[TakeBack]) -> None:
    """The version before serves, nothing is refused, and the database that was copied is as it was."""
    came = take_back.by(BACK)

    assert [] == came.wrong
    assert (1, True) == (came.tables, came.acknowledged >= 15)
    with psycopg.connect(take_back.shop) as connection:
        assert [(1, "a", "new")] == connection.execute("SELECT * FROM item").fetchall()


def test_a_way_back_that_changes_a_row_is_seen(take_back: type[TakeBack]) -> None:
    """In a column that both versions know."""
    came = take_back.by(f"{BACK}; {CHANGE}")

    assert ["table public.item: is another one after the way back, in id, name"] == came.wrong


def test_a_version_before_that_cannot_write_any_more_is_seen(
    take_back: type[TakeBack], monkeypatch: pytest.MonkeyPatch
) -> None:
    """To wait for a lock is well; to be refused is not."""
    monkeypatch.setattr("restore_drills.traffic.WITHIN_S", 5)
    came = take_back.by(f"LOCK TABLE item; SELECT pg_sleep(0.2); {BACK}")

    assert [] == came.wrong, "it waits for the lock of a way back in one transaction"
    with pytest.raises(AssertionError, match="item: 0 of"):
        take_back.by(f"{BACK}; ALTER TABLE item ADD CONSTRAINT none CHECK (id < 0) NOT VALID")


def test_a_way_back_to_nowhere_is_no_way_back(take_back: type[TakeBack]) -> None:
    """Nothing was tried."""
    with pytest.raises(AssertionError, match="takes nothing back"):
        take_back.by("SELECT 1")


def test_a_way_back_that_fails_is_quoted(take_back: type[TakeBack]) -> None:
    """With the words of the release's own tool."""
    with pytest.raises(AssertionError, match="no_such_column"):
        take_back.by("ALTER TABLE item DROP COLUMN no_such_column")


def test_the_version_before_must_serve(take_back: type[TakeBack]) -> None:
    """Its last words are told."""
    with pytest.raises(AssertionError, match="does not serve"):
        take_back.by(BACK, serving="nowhere.py")
