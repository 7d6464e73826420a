"""What a database and a log have in clear is found, on a real database."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from evidence import release as releases
from evidence.errors import CannotTell
from fixtures.postgres import postgres
from suites.security import check_log, check_stored, stored

KEY, PASSWORD = "kF3-key-of-a-test", "correct horse"
WANTED = {"the key": stored.forms(KEY, guessable=False), "the password": stored.forms(PASSWORD, guessable=True)}


@pytest.fixture(scope="module")
def database() -> Iterator[psycopg.Connection[Any]]:
    """A database of its own."""
    with postgres("embedded") as server, psycopg.connect(server.dsn, autocommit=True) as connection:
        yield connection


@pytest.fixture
def table(database: psycopg.Connection[Any]) -> Iterator[psycopg.Connection[Any]]:
    """A table of accounts in a schema with a blank, and somebody in it."""
    database.execute('CREATE SCHEMA "a b"')
    database.execute('CREATE TABLE "a b".accounts (email text, secret bytea, said text)')
    database.execute("""INSERT INTO "a b".accounts VALUES ('a@example.com')""")
    yield database
    database.execute('DROP SCHEMA "a b" CASCADE')


@pytest.mark.parametrize(
    ("column", "value", "place"),
    [
        ("said", f"Bearer {KEY}", "a b.accounts the key"),
        ("secret", KEY.encode(), "a b.accounts the key"),
        ("said", "a0YzLWtleS1vZi1hLXRlc3Q=", "a b.accounts the key"),
        ("said", PASSWORD, "a b.accounts the password"),
        ("said", hashlib.md5(PASSWORD.encode(), usedforsecurity=False).hexdigest(), "a b.accounts the password"),
        ("secret", hashlib.sha256(PASSWORD.encode()).digest(), "a b.accounts the password"),
    ],
)
def test_what_can_be_read_is_found_by_its_table(
    table: psycopg.Connection[Any], column: str, value: str | bytes, place: str
) -> None:
    """A key in a text, as bytes or coded, and a password by itself or as a fast hash, are found where they stand."""
    table.execute(f'UPDATE "a b".accounts SET {column} = %s', [value])  # noqa: S608 - a name of ours
    there, problems = stored.readable(table, WANTED, ["a@example.com"])

    assert there
    assert [place] == [found for found, _ in problems]


@pytest.mark.parametrize("name", ["t", "n", "sought", "held", "text"])
def test_what_can_be_read_is_found_beside_a_column_of_any_name(table: psycopg.Connection[Any], name: str) -> None:
    """A query names rows and what it looks for by some word, and a column may have the same."""
    table.execute(f"ALTER TABLE \"a b\".accounts ADD COLUMN {name} text DEFAULT 'nothing'")
    table.execute('UPDATE "a b".accounts SET said = %s', [KEY])
    _, problems = stored.readable(table, WANTED, ["a@example.com"])

    assert ["a b.accounts the key"] == [found for found, _ in problems]


@pytest.mark.parametrize(
    "value", [hashlib.sha256(KEY.encode()).hexdigest(), hashlib.scrypt(b"a", salt=b"b", n=2, r=1, p=1)]
)
def test_hashes_are_right(table: psycopg.Connection[Any], value: str | bytes) -> None:
    """A hash of a key, which cannot be guessed, is how it should be kept."""
    table.execute('UPDATE "a b".accounts SET said = %s', [str(value)])
    there, problems = stored.readable(table, WANTED, ["a@example.com"])

    assert (True, []) == (there, list(problems))


def test_another_database_is_noticed(table: psycopg.Connection[Any]) -> None:
    """Where not even what must be there is found, nothing was proven."""
    there, _ = stored.readable(table, WANTED, ["b@example.com"])

    assert not there


def test_session_that_no_row_is_of_cannot_be_aged(table: psycopg.Connection[Any]) -> None:
    """A statement that meets no row, or several, has made no session older."""
    with pytest.raises(CannotTell, match="changes 0 rows"):
        check_stored._age(table, "UPDATE \"a b\".accounts SET said = %(token)s WHERE said = '-'", 1, {"token": "a"})  # noqa: SLF001


def test_variables_are_those_that_the_release_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those of release.toml, and those that the target told."""
    file = tmp_path / "release.toml"
    file.write_text('name = "a"\nversion = "${OWN_TOKEN}"\nsource = { paths = ["."] }\n')
    monkeypatch.setenv("OWN_TOKEN", "one")
    monkeypatch.setenv("TOLD_SECRET", "two")
    monkeypatch.setenv("RELEASE_SECRETS", "TOLD_SECRET")

    assert {"OWN_TOKEN": "one", "TOLD_SECRET": "two"} == check_log.known(releases.load(file))


def test_empty_log_tells_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A target that wrote nothing has not proven that it writes no secret."""
    monkeypatch.setenv("RELEASE_RUN", str(tmp_path))
    monkeypatch.setenv("RELEASE_STAGE", "live_security")
    with pytest.raises(CannotTell, match="nothing to its output"):
        check_log._log()  # noqa: SLF001
    file = tmp_path / "attachments" / "live_security" / "target.log"
    file.parent.mkdir(parents=True)
    file.write_text("a line")

    assert "a line" == check_log._log()  # noqa: SLF001
