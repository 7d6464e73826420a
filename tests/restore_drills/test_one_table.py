"""One table comes back alone: its rows after a mistake, and all that went with it where it was dropped."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest

from fixtures.postgres import Postgres, postgres
from restore_drills import one_table
from restore_drills.backups import proof
from restore_drills.compare import differences
from restore_drills.one_table import Table
from tests.restore_drills.backups_world import execute

SHOP = (
    "CREATE SCHEMA \"the 'shop'\"",
    "CREATE TABLE maker (id int PRIMARY KEY, name text NOT NULL, founded int CHECK (founded > 1800))",
    """CREATE TABLE "the 'shop'"."it;em" (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, maker int NOT NULL REFERENCES maker,
        price numeric(8, 2) CHECK (price > 0), "of; us" text[],
        twice numeric GENERATED ALWAYS AS (price * 2) STORED)""",
    'CREATE TABLE line (id serial PRIMARY KEY, item bigint REFERENCES "the \'shop\'"."it;em" ON DELETE CASCADE)',
    "CREATE TABLE only_keys (id int PRIMARY KEY)",
    'CREATE INDEX by_price ON "the \'shop\'"."it;em" (price)',
    "CREATE FUNCTION stamp() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'",
    'CREATE TRIGGER stamp BEFORE INSERT ON "the \'shop\'"."it;em" FOR EACH ROW EXECUTE FUNCTION stamp()',
    'CREATE VIEW cheap AS SELECT * FROM "the \'shop\'"."it;em" WHERE price < 9',
    "CREATE MATERIALIZED VIEW cheapest AS SELECT min(price) AS price FROM cheap",
    "CREATE MATERIALIZED VIEW never AS SELECT max(price) AS price FROM cheap WITH NO DATA",
    'ALTER TABLE "the \'shop\'"."it;em" ENABLE ROW LEVEL SECURITY',
    'CREATE POLICY mine ON "the \'shop\'"."it;em" TO one_clerk USING (maker = 1)',
    'GRANT SELECT, UPDATE (price) ON "the \'shop\'"."it;em" TO one_clerk',
    "COMMENT ON TABLE \"the 'shop'\".\"it;em\" IS 'what is sold'",
    "GRANT USAGE ON SCHEMA \"the 'shop'\" TO one_owner",
    'ALTER TABLE "the \'shop\'"."it;em" OWNER TO one_owner',
    "INSERT INTO maker SELECT n, 'maker ' || n, 1900 + n FROM generate_series(1, 9) n",
    """INSERT INTO "the 'shop'"."it;em" (maker, price, "of; us") SELECT n % 9 + 1, n, ARRAY['a', NULL, n::text]
       FROM generate_series(1, 500) n""",
    "INSERT INTO line (item) SELECT n FROM generate_series(1, 200) n",
    "INSERT INTO only_keys SELECT generate_series(1, 9)",
    "REFRESH MATERIALIZED VIEW cheapest",
)


@pytest.fixture(scope="module")
def server() -> Iterator[Postgres]:
    """A server with the shop, whole."""
    with postgres("embedded") as running:
        execute(running.dsn, "CREATE ROLE one_clerk", "CREATE ROLE one_owner", "CREATE DATABASE whole")
        execute(psycopg.conninfo.make_conninfo(running.dsn, dbname="whole"), *SHOP)
        yield running


@pytest.fixture
def whole(server: Postgres) -> str:
    """The copy that came of a backup."""
    return psycopg.conninfo.make_conninfo(server.dsn, dbname="whole")


@pytest.fixture
def damaged(server: Postgres, whole: str) -> Iterator[str]:
    """Its equal, for mistakes."""
    assert whole
    execute(server.dsn, 'CREATE DATABASE "the dam=aged" TEMPLATE whole')
    yield psycopg.conninfo.make_conninfo(server.dsn, dbname="the dam=aged")
    execute(server.dsn, 'DROP DATABASE "the dam=aged" WITH (FORCE)')


def found(whole: str, damaged: str) -> list[str]:
    """Name what is not as it was."""
    before, after = ({"shop": proof.look(each)} for each in (whole, damaged))
    return [each.text for each in differences(before, after, physical=True)]


def tables(address: str) -> dict[str, Table]:
    """Every table by name."""
    with psycopg.connect(address) as connection:
        return {table.name: table for table in one_table.tables(connection)}


@pytest.mark.parametrize("name", ["maker", "it;em", "line", "only_keys"])
def test_a_dropped_table_comes_back_with_all_that_went_along(whole: str, damaged: str, name: str) -> None:
    """Rows, owner, grants, policies, indexes, keys to and fro, trigger, sequence, views; and nothing else is made."""
    one_table.dropped(damaged, tables(whole)[name])
    assert found(whole, damaged)
    one_table.made_again(damaged, tables(whole)[name], whole)

    assert [] == found(whole, damaged)


def test_what_the_copy_lacks_does_not_come_back_and_is_seen(server: Postgres, whole: str, damaged: str) -> None:
    """A copy without an index, a policy and a grant gives a table without them."""
    lacking = psycopg.conninfo.make_conninfo(server.dsn, dbname="lacking")
    execute(server.dsn, "CREATE DATABASE lacking TEMPLATE whole")
    execute(lacking, "DROP INDEX \"the 'shop'\".by_price", 'DROP POLICY mine ON "the \'shop\'"."it;em"')
    one_table.dropped(damaged, tables(whole)["it;em"])
    one_table.made_again(damaged, tables(whole)["it;em"], lacking)
    execute(server.dsn, "DROP DATABASE lacking WITH (FORCE)")
    said = " ".join(found(whole, damaged))

    assert "CREATE INDEX by_price" in said
    assert "CREATE POLICY mine" in said


def test_the_table_that_most_hangs_on_is_chosen(whole: str) -> None:
    """By constraints to and fro, policies, indexes and grants."""
    with psycopg.connect(whole) as connection:
        assert "it;em" == one_table.most_hangs_on(connection, one_table.tables(connection)).name


def test_an_update_without_its_where_is_undone(whole: str, damaged: str) -> None:
    """Each table's rows are changed, where that is possible, and come back, whatever constraints they are under."""
    changed = set()
    with psycopg.connect(damaged) as broken, psycopg.connect(whole) as copy:
        broken.execute(one_table.QUIET)
        for table in one_table.tables(broken):
            if one_table.overwritten(broken, table):
                changed.add(table.name)
                broken.commit()
                assert [f"public.{table.name}" in each or "it;em" in each for each in found(whole, damaged)] == [True]
            one_table.emptied(broken, table)
            one_table.filled(broken, table, copy)
            broken.commit()

    assert {"maker", "it;em", "line"} == changed
    assert [] == found(whole, damaged)
