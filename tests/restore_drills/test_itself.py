"""The database itself comes back: whose it is, who may connect, its settings; what a dump does not say is named."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg import conninfo, sql

from checks.findings import Findings
from evidence.errors import CannotTell
from fixtures.postgres import Postgres, postgres
from restore_drills import drill_own_backup as drills
from restore_drills import levels
from restore_drills.backups import proof, take
from restore_drills.backups.dump import Dump, restore
from restore_drills.backups.model import Manifest
from restore_drills.backups.repository import Repository
from restore_drills.compare import differences
from restore_drills.own.contract import Own
from restore_drills.own.copy import Way
from restore_drills.properties import changed, sorts
from tests.restore_drills.backups_world import PROGRAMS, execute, repository

HOSTILE = """-the "shop", it's; DROP ünsere=x"""
OWNER, CLERK = """o'wner "of"; ü""", "PUBLIC"
SECRET = "it''s a secret; DROP"
SETTINGS = (
    "ALTER DATABASE {shop} OWNER TO {owner}",
    "ALTER DATABASE {shop} SET statement_timeout = '60s'",
    f"ALTER DATABASE {{shop}} SET app.key = '{SECRET}'",
    'ALTER DATABASE {shop} SET search_path = public, "$user", {owner}',
    "ALTER DATABASE {shop} CONNECTION LIMIT 7",
    "ALTER ROLE {clerk} IN DATABASE {shop} SET search_path = {owner}",
    "ALTER ROLE {clerk} SET work_mem = '8MB'",
    "REVOKE CONNECT ON DATABASE {shop} FROM PUBLIC",
    "GRANT CONNECT ON DATABASE {shop} TO {clerk} WITH GRANT OPTION",
    "COMMENT ON DATABASE {shop} IS 'one line\non DATABASE postgres; it''s another'",
)
LOST = {
    "owner", "connection limit", "comment", "setting statement_timeout", "setting app.key", "setting search_path",
    'setting search_path of role "PUBLIC"', 'privileges of "PUBLIC"', "privileges of PUBLIC",
    'privileges of "o\'wner ""of""; ü"',
}  # fmt: skip
NO_SUCH = "xx.UTF8"
"""As long as C.UTF-8, and on no machine."""


@pytest.fixture(scope="module")
def server() -> Iterator[Postgres]:
    """A server with a database whose name, roles and settings are hostile, and one that is called postgres."""
    with postgres() as running:
        names = {"shop": sql.Identifier(HOSTILE), "owner": sql.Identifier(OWNER), "clerk": sql.Identifier(CLERK)}
        with psycopg.connect(running.dsn, autocommit=True) as connection:
            for role in ("owner", "clerk"):
                connection.execute(sql.SQL("CREATE ROLE {} LOGIN").format(names[role]))
            connection.execute(sql.SQL("CREATE DATABASE {shop}").format(**names))
            for statement in SETTINGS:
                connection.execute(sql.SQL(statement).format(**names))
                if "IN DATABASE" not in statement and "{shop}" in statement:
                    connection.execute(sql.SQL(statement).format(**{**names, "shop": sql.Identifier("postgres")}))
        for name in (HOSTILE, "postgres"):
            execute(address(running, name), "CREATE TABLE item AS SELECT n AS id FROM generate_series(1, 9) n")
        yield running


@pytest.fixture
def place(tmp_path: Path) -> Repository:
    """An empty repository."""
    return repository(tmp_path / "store")


def address(server: Postgres, name: str = HOSTILE) -> str:
    """A database of the server."""
    return conninfo.make_conninfo(server.dsn, dbname=name)


def by(*arguments: str) -> Dump:
    """A release's own way to dump."""
    return Dump(
        dump=("pg_dump", *arguments, "--snapshot={snapshot}", "--file={file}"),
        globals=("pg_dumpall", "--globals-only", "--file={file}"),
    )


def back_up(place: Repository, dsn: str, how: Dump) -> Manifest:
    """Back it up so."""
    return take.logical(place, PROGRAMS, dsn, how, Path.cwd())


@pytest.mark.parametrize("arguments", [("--format=directory",), ("--format=custom",), ("--create",)])
def test_the_database_itself_comes_back(server: Postgres, place: Repository, arguments: tuple[str, ...]) -> None:
    """From an archive, and from SQL that makes the database, whatever it is called and set to."""
    one = back_up(place, address(server), by(*arguments))

    assert [] == proof.restored(place, PROGRAMS, one)


def test_a_database_named_postgres_comes_back(server: Postgres, place: Repository) -> None:
    """A fresh server has one of that name, so the copy is called otherwise, and is set the same; SQL cannot be told."""
    assert [] == proof.restored(place, PROGRAMS, back_up(place, address(server, "postgres"), by("--format=custom")))

    with pytest.raises(CannotTell, match="already exists"):
        proof.restored(place, PROGRAMS, back_up(place, address(server, "postgres"), by("--create")))


def test_what_a_dump_does_not_say_is_named(server: Postgres, place: Repository) -> None:
    """SQL without the statement that makes the database: each property that is lost, no other, and no secret."""
    one = back_up(place, address(server), by())
    told: list[str] = []
    place.say = told.append
    with proof.copied(place, PROGRAMS, one) as copy:
        found = differences(proof.content_of(place, one), proof.content(copy, one), physical=False)

    assert {"itself"} == {each.part for each in found}
    assert LOST == {each.text.rpartition(": its ")[2].partition(": ")[0] for each in found}
    assert "secret" not in str(found)
    assert "the dump does not say whom the database belongs to, nor its settings: it is made by default" in told


def test_what_was_closed_comes_back_closed(server: Postgres, place: Repository) -> None:
    """A database that takes no writes is filled all the same, and takes none afterwards."""
    with psycopg.connect(server.dsn, autocommit=True) as connection:
        connection.execute("CREATE DATABASE closed")
        connection.execute("ALTER DATABASE closed SET default_transaction_read_only = on")
    execute(address(server, "closed"), "BEGIN READ WRITE; CREATE TABLE item AS SELECT 7 AS id; COMMIT")
    for how in (by("--format=custom"), by("--create")):
        one = back_up(place, address(server, "closed"), how)
        with proof.copied(place, PROGRAMS, one) as copy, psycopg.connect(copy) as connection:
            assert proof.content_of(place, one) == proof.content(copy, one)
            with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
                connection.execute("INSERT INTO item VALUES (8)")


def test_a_locale_that_is_not_here_is_announced(server: Postgres, place: Repository, tmp_path: Path) -> None:
    """The copy of an archive sorts by another one, which cannot be judged here; SQL is not restored at all."""
    one = back_up(place, address(server), by("--format=custom"))
    folder = tmp_path / "copy"
    proof.fetch(place, one, folder)
    told: list[str] = []
    _relocated(folder / "dump")
    with postgres() as other:
        copy = restore(PROGRAMS, one, folder, other, told.append)
        after = proof.content(copy, one)
        here = proof.content_of(place, one)[HOSTILE]
        found = [*changed(here.itself, after[HOSTILE].itself)]
        assert [("locale", "libc C.UTF-8 C.UTF-8 became libc C C")] == found
        assert any(NO_SUCH in text and "sorts by C instead" in text for text in told)
        levels.sortable(copy, here.itself)
        with pytest.raises(CannotTell, match=f"has no locale 'libc {NO_SUCH} {NO_SUCH}'"):
            levels.sortable(copy, {"locale": f"libc {NO_SUCH} {NO_SUCH}"})
    PROGRAMS.run("pg_dump", "--create", f"--file={folder / 'dump'}", dsn=address(server))
    _relocated(folder / "dump")
    with postgres() as other, pytest.raises(CannotTell, match=NO_SUCH):
        restore(PROGRAMS, one, folder, other, told.append)


def test_locales_are_tried(server: Postgres) -> None:
    """The library's, PostgreSQL's own, and one of a library that may not be built in; nothing is left of the try."""
    with psycopg.connect(server.dsn) as connection:
        assert sorts(connection, "libc C.UTF-8 C")
        assert sorts(connection, "builtin C C C.UTF-8")
        assert not sorts(connection, "builtin C C xx")
        assert not sorts(connection, f"builtin {NO_SUCH} C C.UTF-8")
        assert not sorts(connection, "unknown C C x")
        assert connection.execute("SELECT FROM pg_collation WHERE collname = 'attempt'").fetchone() is None


def test_what_was_not_recorded_proves_nothing() -> None:
    """A backup from before there were properties is not as good as one that has them."""
    assert [("properties", "were not recorded with this backup; take a new one")] == [*changed({}, {"owner": "x"})]


@pytest.mark.parametrize(
    ("arguments", "lost"),
    [((), LOST), (("--create",), set()), (("--format=tar",), set())],
)
def test_own_backups_are_held_against_the_source(server: Postgres, arguments: tuple[str, ...], lost: set[str]) -> None:
    """Of a team's own backups each property that is not back is a finding; nothing without a source to hold against."""
    own = Own(newest="SELECT now()", path="shop", globals="roles.sql")
    with tempfile.TemporaryDirectory() as name:
        PROGRAMS.run("pg_dump", *arguments, f"--file={name}/shop", dsn=address(server))
        PROGRAMS.run("pg_dumpall", "--globals-only", f"--file={name}/roles.sql", dsn=server.dsn)
        way = Way(own=own, root=Path(name), source=address(server), fresh=postgres, say=lambda _: None)
        findings = Findings()
        with way.gone() as copy:
            drills.drill_own_backup_knows_the_database(copy, way, findings, lambda **_: None)
            assert lost == {" ".join(place.split()) for place in findings.found}
            alone = Way(own=own, root=Path(name), source="", fresh=postgres, say=lambda _: None)
            with pytest.raises(CannotTell, match="nothing to hold"):
                drills.drill_own_backup_knows_the_database(copy, alone, findings, lambda **_: None)


def _relocated(path: Path) -> None:
    content = path.read_bytes()
    assert b"C.UTF-8" in content
    path.write_bytes(content.replace(b"C.UTF-8", NO_SUCH.encode()))
