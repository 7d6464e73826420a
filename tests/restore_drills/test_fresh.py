"""A server that is given is restored into where it is allowed, named for it, empty and another one; else it is left."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest

from evidence.errors import InputError
from evidence.release import Release, Source
from fixtures.postgres import PROVIDER as ANY
from fixtures.postgres import Postgres, database, postgres
from restore_drills.backups import proof
from restore_drills.fresh import PROVIDER, fresh
from tests.restore_drills.backups_world import execute

NAME = "restore_here"


@pytest.fixture(scope="module")
def scratch() -> Iterator[Postgres]:
    """The server that somebody keeps for restoring."""
    with postgres("embedded") as server:
        execute(server.dsn, f"CREATE DATABASE {NAME}", "CREATE DATABASE shop", "CREATE ROLE keeper")
        yield server


@pytest.fixture(scope="module")
def source() -> Iterator[str]:
    """The server that is backed up."""
    with postgres("embedded") as server:
        execute(server.dsn, f"CREATE DATABASE {NAME}")
        yield database(server, NAME)


@pytest.fixture
def given(scratch: Postgres, monkeypatch: pytest.MonkeyPatch) -> str:
    """Its address, as whoever runs the drills gives it."""
    monkeypatch.setenv(PROVIDER, address := database(scratch, NAME))
    return address


def release(into: str = NAME) -> Release:
    """A release that allows a server to be restored into, or none."""
    drills = {"drills": {"restore_into": into}} if into else {}
    return Release(name="shop", version="1", source=Source(paths=()), backup={"dump": ["true"], **drills})


def there(address: str) -> tuple[object, object]:
    """What is on a server."""
    with psycopg.connect(address) as connection:
        return (
            connection.execute("SELECT datname FROM pg_database ORDER BY 1").fetchall(),
            connection.execute("SELECT rolname FROM pg_roles ORDER BY 1").fetchall(),
        )


def test_an_empty_server_that_is_meant_for_it_is_left_as_it_was(given: str, source: str) -> None:
    """Databases and roles that a restore has made there are gone afterwards, also where it failed; others stay."""
    before = there(given)

    def restored(*last: str) -> None:
        with fresh(release(), source)() as server:
            assert given == server.dsn
            execute(server.dsn, "CREATE ROLE clerk SUPERUSER", "CREATE DATABASE copy OWNER clerk")
            copy = psycopg.conninfo.make_conninfo(server.dsn, dbname="copy")
            execute(copy, "CREATE TABLE item ()", "GRANT SELECT ON item TO clerk", *last)

    restored()
    assert before == there(given)
    with pytest.raises(psycopg.Error):
        restored("SELECT 1 / 0")
    assert before == there(given)


@pytest.mark.parametrize("provider", [PROVIDER, ANY])
@pytest.mark.parametrize("into", ["", "another"])
def test_what_release_toml_does_not_allow_is_not_touched(
    given: str, source: str, monkeypatch: pytest.MonkeyPatch, into: str, provider: str
) -> None:
    """Whoever sets a variable may mean well, and have the wrong one: release.toml has to name the database, too."""
    monkeypatch.delenv(PROVIDER)
    monkeypatch.setenv(provider, given)

    with pytest.raises(InputError, match='restore_into = "restore_here"'):
        fresh(release(into), source)


def test_a_name_that_does_not_say_it_is_refused(
    scratch: Postgres, source: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`shop` is what a live database is called; nor does a word inside another one count."""
    monkeypatch.setenv(PROVIDER, database(scratch, "shop"))

    with pytest.raises(InputError, match="'shop' does not say"):
        fresh(release("shop"), source)
    monkeypatch.setenv(PROVIDER, database(scratch, "drilling"))
    with pytest.raises(InputError, match="'drilling' does not say"):
        fresh(release("drilling"), source)


def test_the_very_server_that_is_backed_up_is_refused(source: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever it is called, and empty or not."""
    monkeypatch.setenv(PROVIDER, source)

    with pytest.raises(InputError, match="the very server"), fresh(release(), source)():
        pass


@pytest.mark.parametrize("place", ["postgres", "shop", NAME])
def test_a_server_that_holds_a_table_is_refused(scratch: Postgres, given: str, source: str, place: str) -> None:
    """In whichever database: it is somebody's."""
    held = database(scratch, place)
    execute(held, "CREATE TABLE item ()")
    try:
        with pytest.raises(InputError, match=rf"{place}' holds public.item"), fresh(release(), source)():
            pass
    finally:
        execute(held, "DROP TABLE item")
    assert given


def test_a_server_that_cannot_be_asked_is_refused(source: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """And the password is in no message."""
    monkeypatch.setenv(PROVIDER, f"postgresql://me:secret@127.0.0.1:1/{NAME}")

    with pytest.raises(InputError, match="must be known") as refused, fresh(release(), source)():
        pass
    assert "secret" not in str(refused.value)


def test_a_proof_restores_into_a_server_of_its_own_only(given: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """`nox -s backup -- verify --restore` knows no release that could allow another one."""
    monkeypatch.setenv(ANY, given)

    with pytest.raises(InputError, match="nothing is restored there"):
        proof.ours()
