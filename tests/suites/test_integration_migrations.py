"""What migrations do to a schema, and to those who use it, is told by name."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from checks.findings import Findings
from evidence.errors import CannotTell
from evidence.release import Release, Source
from fixtures.postgres import postgres
from suites.integration import check_migrations, locks, schema, traffic

DUMP = """
-- Dumped by pg_dump version 18.0
SET statement_timeout = 0;

--
-- Name: items; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.items (
    id bigint NOT NULL
);

--
-- Name: plpgsql; Type: EXTENSION; Schema: -; Owner: -
--

CREATE EXTENSION plpgsql;

\\unrestrict abc
"""
TABLE = "CREATE TABLE public.items (\n    id bigint NOT NULL\n);"


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """A database with one table and one role that may only read it."""
    with postgres() as running:
        with psycopg.connect(running.dsn, autocommit=True) as connection:
            connection.execute("CREATE ROLE shop")
            connection.execute("CREATE TABLE items AS SELECT 1 AS id")
            connection.execute("GRANT SELECT ON items TO shop")
        yield running.dsn


def test_a_dump_is_split_into_its_objects() -> None:
    """Each object has its own statements, without comments and without what differs between two dumps."""
    assert {"TABLE public.items": TABLE, "EXTENSION plpgsql": "CREATE EXTENSION plpgsql;"} == schema.objects(DUMP)


@pytest.mark.parametrize(
    ("actual", "expected"),
    [
        ({"TABLE a": "x\ny"}, []),
        ({}, [("TABLE a", "it is missing")]),
        ({"TABLE a": "x\ny", "INDEX b": "z"}, [("INDEX b", "it should not be there")]),
        ({"TABLE a": "x\nz"}, [("TABLE a", "it is 'z', not 'y'")]),
        ({"TABLE a": "y\nx"}, [("TABLE a", "it is 'in another order', not 'without it'")]),
    ],
)
def test_differences_are_told_by_object(actual: schema.Objects, expected: list[schema.Difference]) -> None:
    """What is missing, too many or made otherwise is told, and nothing else."""
    assert expected == schema.differences({"TABLE a": "x\ny"}, actual)


@pytest.mark.parametrize(
    ("statement", "rules"),
    [
        ("CREATE INDEX by_name ON items (name);", {"require-concurrent-index-creation", "require-lock-timeout"}),
        ("SET lock_timeout = '2s';\nCREATE INDEX by_name ON items (name);", {"require-concurrent-index-creation"}),
        ("SET lock_timeout = '2s';\nALTER TABLE items ALTER COLUMN id TYPE bigint;", {"changing-column-type"}),
        ("SET lock_timeout = '2s';\nALTER TABLE items RENAME COLUMN a TO b;", {"renaming-column"}),
        ("SET lock_timeout = '2s';\nALTER TABLE items ADD COLUMN note text;", set()),
        ("CREATE TABLE a (id int, name char(3));\nCREATE INDEX b ON a (id);", {"require-lock-timeout"}),
    ],
)
def test_what_stops_the_traffic_is_found(tmp_path: Path, statement: str, rules: set[str]) -> None:
    """Squawk itself finds what locks, with file and line; matters of taste are left alone."""
    file = tmp_path / "0001_a.sql"
    file.write_text(f"{statement}\n")
    found = locks.lint([file], in_transaction=True)

    assert rules == {place.split()[1] for place, _ in found}
    assert {f"0001_a.sql:{len(statement.splitlines())}"} >= {place.split()[0] for place, _ in found}


def test_a_file_that_cannot_be_read_is_no_pass(tmp_path: Path) -> None:
    """SQL that squawk does not understand was not looked at."""
    file = tmp_path / "0001_a.sql"
    file.write_text("CREATE TABEL a (id int);\n")

    with pytest.raises(CannotTell, match=r"0001_a\.sql:1: squawk cannot read it"):
        locks.lint([file], in_transaction=True)


@pytest.mark.parametrize("output", ["", "Failed to open", json.dumps({})[:-1]])
def test_no_report_is_no_pass(output: str) -> None:
    """Where squawk says nothing that can be read, nothing was looked at."""
    with pytest.raises(CannotTell, match="no report"):
        locks.stopping(output, "")


def test_traffic_that_nothing_disturbs_goes_on(server: str) -> None:
    """Statements run over and over, and none fails."""
    with traffic.going_on(server, "shop", {"reading": "SELECT id FROM items"}, 1000) as seen:
        pass

    assert seen["reading"].done > 0
    assert {} == seen["reading"].failures


def test_traffic_feels_a_lock(server: str) -> None:
    """A statement that waits longer than told is a failure, by PostgreSQL's own words."""
    with (
        traffic.going_on(server, "shop", {"reading": "SELECT id FROM items"}, 100) as seen,
        psycopg.connect(server) as connection,
    ):
        connection.execute("LOCK TABLE items")
        connection.execute("SELECT pg_sleep(0.3)")

    assert ["canceling statement due to statement timeout"] == list(seen["reading"].failures)


def test_traffic_is_the_applications_own(server: str) -> None:
    """What the role may not do fails, as it would for the application."""
    with traffic.going_on(server, "shop", {"writing": "DELETE FROM items"}, 1000) as seen:
        pass

    assert ["permission denied for table items"] == list(seen["writing"].failures)


def test_traffic_that_never_ran_is_no_pass(server: str) -> None:
    """Where no statement could be run nothing was seen."""
    with (
        pytest.raises(CannotTell, match='reading never ran: role "nobody_of_that_name" does not exist'),
        traffic.going_on(server, "nobody_of_that_name", {"reading": "SELECT 1"}, 100),
    ):
        pass


@pytest.mark.parametrize(
    ("command", "found"),
    [
        (["sh", "-c", 'test -n "$SHOP_URL"'], {}),
        (
            ["sh", "-c", "echo models ask for a column; exit 1"],
            {"the release's own command for drift": "models ask for a column"},
        ),
    ],
)
def test_the_releases_own_command_for_drift_is_asked(
    server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: list[str], found: dict[str, str]
) -> None:
    """The command gets the address of the running database; where it fails, what it printed is a finding."""
    monkeypatch.setenv("TARGET_DATABASE", server)
    migrations = {"forward": ["true"], "back": ["true"], "url_env": "SHOP_URL", "drift": command}
    release = Release(
        name="shop",
        version="1",
        source=Source(paths=("src",)),
        database={"migrations": migrations},
        path=tmp_path / "release.toml",
    )
    findings = Findings()
    check_migrations.check_the_database_is_what_its_migrations_make(
        release, check_migrations.Fresh(release, server), findings
    )

    assert found == {place: finding.what for place, finding in findings.found.items()}


def test_what_no_migration_makes_is_drift(server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An object of the running database that the migrations do not make is told by its name."""
    monkeypatch.setenv("TARGET_DATABASE", server)
    migrations = {"forward": ["true"], "back": ["true"], "url_env": "SHOP_URL"}
    release = Release(
        name="shop",
        version="1",
        source=Source(paths=("src",)),
        database={"migrations": migrations},
        path=tmp_path / "release.toml",
    )
    findings = Findings()
    with schema.scratch() as empty:
        check_migrations.check_the_database_is_what_its_migrations_make(
            release, check_migrations.Fresh(release, empty), findings
        )

    assert "it should not be there, going by the migrations" == findings.found["TABLE public.items"].what
