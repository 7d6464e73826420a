"""Every statement that the suites send to the release's database is counted, without its values."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from evidence.errors import CannotTell
from fixtures.postgres import postgres
from suites import statements
from suites.touched import Touched

SUITES = Path(__file__).parents[2] / "suites"


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """A real server."""
    with postgres() as running:
        yield running.dsn


def test_what_is_sent_is_counted(server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """As text, bytes or composed, by connection or cursor, many at once, and also where the server refuses it."""
    seen = Touched()
    monkeypatch.setattr(statements, "TOUCHED", seen)
    with statements.connect(server) as connection:
        connection.execute("CREATE TABLE items (code text)")
        connection.execute(b"SELECT 'secret' FROM items WHERE code = %s", ["secret"])
        connection.execute(sql.SQL("SELECT {} FROM {}").format("secret", sql.Identifier("items")))
        with connection.cursor() as cursor:
            cursor.executemany("INSERT INTO items VALUES (%s)", [["secret"], ["secret"]])
        with pytest.raises(psycopg.errors.UndefinedTable):
            connection.execute("DELETE FROM nothing")
        row = connection.execute("SELECT count(*) FROM items").fetchone()

    assert (2,) == row
    assert [
        "CREATE TABLE items (code text)",
        "DELETE FROM nothing",
        "INSERT INTO items VALUES (%s)",
        'SELECT ? FROM "items"',
        "SELECT ? FROM items WHERE code = %s",
        "SELECT count(*) FROM items",
    ] == [each["statement"] for each in json.loads(seen.written())["statements"]]


def test_no_suite_connects_in_another_way() -> None:
    """A connection that is opened elsewhere would be in no list."""
    others = [path.name for path in SUITES.rglob("*.py") if "psycopg.connect(" in path.read_text(encoding="utf-8")]

    assert ["statements.py"] == others


def test_a_database_that_nobody_names_is_asked_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is said names what would tell it."""
    monkeypatch.delenv("TARGET_DATABASE", raising=False)

    with pytest.raises(CannotTell, match=r"its start command, or \[target\] database_env, tells its address"):
        statements.address()
