"""Row-level security is judged by what the application's role really sees."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest

from fixtures.postgres import postgres
from suites.integration import row_security
from suites.integration.contract import RowSecurity

MINE = "owner = current_setting('app.user', true)"
TABLE = """
DROP TABLE IF EXISTS notes;
CREATE TABLE notes (owner text);
INSERT INTO notes VALUES ('ada'), ('ada'), ('grace');
GRANT SELECT, DELETE ON notes TO shop;
"""
GUARDED = "ALTER TABLE notes ENABLE ROW LEVEL SECURITY;"
DECLARED = RowSecurity(
    tables=("notes",),
    identity="SELECT set_config('app.user', '{id}', true)",
    user="SELECT 'ada'",
    other="SELECT 'grace'",
)


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """A server with the application's role."""
    with postgres() as running:
        with psycopg.connect(running.dsn, autocommit=True) as connection:
            connection.execute("CREATE ROLE shop")
            connection.execute("CREATE ROLE strong BYPASSRLS")
        yield running.dsn


@pytest.fixture
def sql(server: str) -> Iterator[psycopg.Connection]:
    """A superuser's connection."""
    with psycopg.connect(server, autocommit=True) as connection:
        yield connection


def found(sql: psycopg.Connection, policies: str, declared: RowSecurity = DECLARED) -> list[tuple[str, str]]:
    """What is found of a table with these policies; nothing of it may have been removed."""
    sql.execute((TABLE + policies).encode())
    problems = list(row_security.problems(row_security.look(sql, "shop", declared, "notes")))
    assert (3,) == sql.execute("SELECT count(*) FROM notes").fetchone()
    return problems


def test_a_policy_that_holds_is_well(sql: psycopg.Connection) -> None:
    """Everybody sees their own, and nobody in particular sees nothing."""
    assert [] == found(sql, f"{GUARDED} CREATE POLICY mine ON notes USING ({MINE})")


@pytest.mark.parametrize(
    ("policies", "expected"),
    [
        (
            (
                f"{GUARDED} CREATE POLICY mine ON notes USING ({MINE} OR current_setting('app.user', true) IS NULL"
                " OR current_setting('app.user', true) = '')"
            ),
            [("without an identity", "3 of 3 rows are seen by nobody in particular")],
        ),
        (
            (
                f"{GUARDED} CREATE POLICY reading ON notes FOR SELECT USING ({MINE});"
                "CREATE POLICY removing ON notes FOR DELETE USING (true)"
            ),
            [],
        ),
        (
            f"{GUARDED} CREATE POLICY all_of_them ON notes USING (current_setting('app.user', true) <> '')",
            [("two users", "3 rows are seen by both, who share nothing")],
        ),
        (
            GUARDED,
            [("user", "not one row is seen: nothing is proven"), ("other", "not one row is seen: nothing is proven")],
        ),
    ],
    ids=["nobody", "a row that cannot be read cannot be removed", "shared", "nothing"],
)
def test_what_is_seen_is_told(sql: psycopg.Connection, policies: str, expected: list[tuple[str, str]]) -> None:
    """Each way in which a policy lets too much, or nothing, through is told by itself."""
    assert expected == found(sql, policies)


def test_a_table_without_policies_is_told(sql: psycopg.Connection) -> None:
    """Without row-level security everybody sees everything."""
    problems = found(sql, "")

    assert ["without an identity", "two users"] == [place for place, _ in problems]
    assert "row-level security is not enabled" == row_security.unguarded(sql, "shop", "notes")


def test_an_owner_escapes_policies_that_are_not_forced(sql: psycopg.Connection) -> None:
    """A role that owns the table is only held by policies that are forced."""
    sql.execute((TABLE + GUARDED + "ALTER TABLE notes OWNER TO shop").encode())
    assert "not forced on the owner" in row_security.unguarded(sql, "shop", "notes")
    sql.execute("ALTER TABLE notes FORCE ROW LEVEL SECURITY")

    assert "" == row_security.unguarded(sql, "shop", "notes")


def test_what_can_be_removed_is_told() -> None:
    """Rows of another that can be removed are counted."""
    sight = row_security.Sight(
        table="notes", every=2, nobody=frozenset(), user=frozenset({"1"}), other=frozenset({"2"}), removed=1
    )

    assert [("removing", "1 rows of another can be removed")] == list(row_security.problems(sight))


def test_a_row_that_is_held_by_another_table_is_not_held_by_a_policy(sql: psycopg.Connection) -> None:
    """A foreign key that stands in the way of a removal is not taken for a policy."""
    sql.execute("DROP TABLE IF EXISTS held; DROP TABLE IF EXISTS notes")
    sql.execute("CREATE TABLE notes (owner text PRIMARY KEY); CREATE TABLE held (owner text REFERENCES notes)")
    sql.execute("INSERT INTO notes VALUES ('ada'), ('grace'); INSERT INTO held VALUES ('grace')")
    sql.execute("GRANT SELECT, DELETE ON notes TO shop")
    rows = frozenset(row[0] for row in sql.execute("SELECT ctid::text FROM notes"))

    assert 2 == row_security._removed(sql, "notes", rows)  # noqa: SLF001 - a policy would have to be half open for it


@pytest.mark.parametrize(
    ("role", "expected"),
    [("shop", []), ("strong", ["it bypasses row security"]), ("nobody_of_that_name", ["there is no such role"])],
)
def test_powers_are_told(sql: psycopg.Connection, role: str, expected: list[str]) -> None:
    """A role that policies do not hold is told."""
    assert expected == row_security.powers(sql, role)
