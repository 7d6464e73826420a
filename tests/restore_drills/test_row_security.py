"""Row-level security of a restored copy is tried as the application, by its own address."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import psycopg
import pytest
from psycopg import conninfo

from evidence.release import Release, Source
from fixtures.postgres import postgres
from restore_drills.application import Application
from restore_drills.row_security import Held, held
from tests.restore_drills.backups_world import execute

ROLE = "the clerk"
MADE = (
    "DROP TABLE IF EXISTS notes, words",
    """ALTER ROLE "the clerk" NOSUPERUSER NOBYPASSRLS PASSWORD 'it''s /secret'""",
    'ALTER ROLE "the clerk" RESET ALL',
    "CREATE TABLE notes (owner text)",
    "CREATE TABLE words (word text)",
    "INSERT INTO notes VALUES ('ada'), ('ada'), ('grace')",
    "ALTER TABLE notes ENABLE ROW LEVEL SECURITY",
    "ALTER TABLE notes FORCE ROW LEVEL SECURITY",
    "CREATE POLICY mine ON notes USING (owner = current_setting('app.person', true))",
    'GRANT SELECT, DELETE ON notes TO "the clerk"',
)
DECLARED: dict[str, Any] = {
    "role": ROLE,
    "row_security": {
        "tables": ["notes"],
        "identity": "SELECT set_config('app.person', '{id}', true)",
        "user": "SELECT 'ada'",
        "other": "SELECT 'grace'",
    },
}
ALL_IS_SEEN = [
    "notes without an identity: 3 of 3 rows are seen by nobody in particular",
    "notes two users: 3 rows are seen by both, who share nothing",
]
UNSEEN = "row-level security cannot be looked at as the application: "
FAULTS = {
    'ALTER ROLE "the clerk" BYPASSRLS': ["the application's role: it bypasses row security", *ALL_IS_SEEN],
    'ALTER ROLE "the clerk" SUPERUSER': ["the application's role: it is a superuser", *ALL_IS_SEEN],
    'ALTER TABLE notes NO FORCE ROW LEVEL SECURITY; ALTER TABLE notes OWNER TO "the clerk"': [
        "notes: the role owns the table, and row-level security is not forced on the owner",
        *ALL_IS_SEEN,
    ],
    "ALTER TABLE notes DISABLE ROW LEVEL SECURITY": ["notes: row-level security is not enabled", *ALL_IS_SEEN],
    "DROP POLICY mine ON notes": [
        "notes user: not one row is seen: nothing is proven",
        "notes other: not one row is seen: nothing is proven",
    ],
    "ALTER POLICY mine ON notes USING (true)": ALL_IS_SEEN,
    """ALTER ROLE "the clerk" SET app.person = 'ada'""": [
        "notes without an identity: 2 of 3 rows are seen by nobody in particular"
    ],
    'REVOKE SELECT ON notes FROM "the clerk"': [f"{UNSEEN}permission denied for table notes"],
}


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """The server of the copy."""
    with postgres() as running:
        execute(running.dsn, 'CREATE ROLE "the clerk" LOGIN')
        yield running.dsn


@pytest.fixture
def copy(server: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """A copy that is well; the application and its migrations have been told another server, which is gone."""
    execute(server, *MADE)
    password = quote("it's /secret", safe="")
    monkeypatch.setenv("SHOP_DB", f"postgresql+asyncpg://{quote(ROLE)}:{password}@gone:1/postgres")
    told = conninfo.conninfo_to_dict(server)
    monkeypatch.setenv("SHOP_ADMIN_DB", f"postgresql://{told['user']}:{told['password']}@gone:1/postgres")
    return server


def looked(copy: str, database: dict[str, Any], *addresses: str) -> Held:
    """What the drill sees of a release that declares this."""
    application = Application(start=("true",), database_env=addresses or ("SHOP_DB",), health="/")
    release = Release(name="shop", version="1", source=Source(paths=()), database=database)
    return held(release, application, copy)


def test_a_copy_that_keeps_rows_apart_is_well(copy: str) -> None:
    """Nothing is wrong, and nothing of what was tried stays."""
    seen = looked(copy, DECLARED)

    assert (Held(1, [], []), 1) == (seen, seen.declared_ratio)
    assert 1 == Held(0, [], []).declared_ratio
    with psycopg.connect(copy) as connection:
        assert (3,) == connection.execute("SELECT count(*) FROM notes").fetchone()


@pytest.mark.parametrize(("fault", "expected"), FAULTS.items(), ids=FAULTS)
def test_each_way_in_which_it_no_longer_holds_is_told(copy: str, fault: str, expected: list[str]) -> None:
    """Of the role, of the table and of its policies, and what is then seen."""
    execute(copy, fault)

    assert Held(1, [], expected) == looked(copy, DECLARED)


def test_a_role_that_cannot_come_proves_nothing(copy: str) -> None:
    """A password that did not come back is told, as the server tells it, without the password."""
    execute(copy, 'ALTER ROLE "the clerk" PASSWORD NULL')
    (told,) = looked(copy, DECLARED).wrong

    assert told.startswith(UNSEEN)
    assert 'password authentication failed for user "the clerk"' in told
    assert "secret" not in told


def test_a_statement_that_is_wrong_is_no_fault_of_the_copy(copy: str) -> None:
    """What release.toml asks of a table that never was cannot be told, and nothing of the backup is blamed."""
    wrong = {**DECLARED, "row_security": {**DECLARED["row_security"], "user": "SELECT id FROM people"}}

    with pytest.raises(psycopg.errors.UndefinedTable, match="people"):
        looked(copy, wrong)


def test_only_the_declared_role_is_the_applications(copy: str) -> None:
    """Of several addresses those of that role are tried; all of them, where none is named."""
    assert [] == looked(copy, DECLARED, "SHOP_ADMIN_DB", "SHOP_DB").wrong
    nobodys = {"row_security": DECLARED["row_security"]}

    assert "the application's role: it is a superuser" in looked(copy, nobodys, "SHOP_ADMIN_DB", "SHOP_DB").wrong


@pytest.mark.parametrize("database", [{}, {"role": ROLE}])
def test_where_nothing_is_declared_nothing_is_claimed(copy: str, database: dict[str, Any]) -> None:
    """But the tables that have it are named: of them nothing is proven."""
    seen = looked(copy, database)

    assert (Held(0, ["notes"], []), 0) == (seen, seen.declared_ratio)
