"""The database has its migrations, indexes, invariants and limits."""

from __future__ import annotations

import os
import secrets
import subprocess
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import psycopg
import pytest
from psycopg import conninfo
from psycopg import sql as composed

from evidence.check import check
from evidence.release import Release
from evidence.variables import resolve, variable
from fixtures.postgres import binaries
from suites.api import Client
from suites.integration.contract import Database, Migrations

MIGRATION_WITHIN_S = 60
CONNECTIONS = "SELECT count(*) FROM pg_stat_activity WHERE usename = %s"
CROWD = 3
"""How many times the pool's size asks at once."""


@check("DB-001", needs="write")
def check_migrations_go_back_and_forth(release: Release, database: Database, sql: psycopg.Connection) -> None:
    """Forward, back and forward again leaves the same schema, and back leaves none of it."""
    if database.migrations is None:
        pytest.skip("[database.migrations] is not declared")
    with _scratch(sql) as url:
        empty = _schema(url)
        _migrate(release, database.migrations, "forward", url)
        first = _schema(url)
        _migrate(release, database.migrations, "back", url)
        back = _schema(url)
        _migrate(release, database.migrations, "forward", url)

        assert first != empty, "the migrations made nothing"
        assert _lines(first) == _lines(_schema(url))
        assert _lines(back) <= _lines(empty) | {
            line for line in _lines(back) if "version" in line or "migration" in line
        }


@check("DB-002")
def check_expected_indexes_are_used(database: Database, sql: psycopg.Connection, measure: Callable[..., None]) -> None:
    """PostgreSQL plans each declared statement with its declared index."""
    measure(plans_total=len(database.plans))
    if not database.plans:
        pytest.skip("[[database.plans]] declares no statement")
    missing = []
    for plan in database.plans:
        text = "\n".join(row[0] for row in sql.execute(f"EXPLAIN {plan.sql}".encode()))
        if plan.index not in text:
            missing.append(f"{plan.index} is not used:\n{text}")

    assert [] == missing


@check("DB-003")
def check_invariants_hold(database: Database, sql: psycopg.Connection, measure: Callable[..., None]) -> None:
    """No declared invariant finds a row that breaks it."""
    measure(invariants_total=len(database.invariants))
    if not database.invariants:
        pytest.skip("[database.invariants] declares none")
    broken = {
        name: f"{len(rows)} rows, first: {rows[0]}"
        for name, statement in database.invariants.items()
        if (rows := sql.execute(statement.encode()).fetchall())
    }

    assert {} == broken


@check("DB-004", needs="attack")
def check_the_pool_keeps_its_limit(database: Database, sql: psycopg.Connection, measure: Callable[..., None]) -> None:
    """Under more requests at once than the pool has connections every one is answered, within the pool's limit."""
    if database.pool is None:
        pytest.skip("[database.pool] is not declared")
    pool, crowd = database.pool, database.pool.max * CROWD
    with Client() as http, ThreadPoolExecutor(crowd) as threads:
        asked = [threads.submit(pool.request.send, http) for _ in range(crowd * CROWD)]
        seen = 0
        while not all(answer.done() for answer in asked):
            row = sql.execute(CONNECTIONS, [resolve(pool.role)]).fetchone()
            seen = max(seen, row[0] if row else 0)
    row = sql.execute("SHOW max_connections").fetchone()
    allowed = int(row[0]) if row else 0
    measure(connections_max=seen, max_connections=allowed)

    assert {pool.request.expect} == {answer.result().status_code for answer in asked}
    assert 0 < seen <= pool.max < allowed


@contextmanager
def _scratch(sql: psycopg.Connection) -> Iterator[str]:
    """An empty database of our own beside the release's, gone afterwards."""
    name = f"release_verification_{secrets.token_hex(6)}"
    sql.execute(composed.SQL("CREATE DATABASE {}").format(composed.Identifier(name)))
    try:
        yield conninfo.make_conninfo(variable("TARGET_DATABASE"), dbname=name)
    finally:
        sql.execute(composed.SQL("DROP DATABASE {} WITH (FORCE)").format(composed.Identifier(name)))


def _migrate(release: Release, migrations: Migrations, direction: str, url: str) -> None:
    command = migrations.forward if direction == "forward" else migrations.back
    environment = {**os.environ, **resolve(migrations.env), migrations.url_env: url}
    done = subprocess.run(  # noqa: S603 - the release's own command
        command, cwd=release.root, env=environment, capture_output=True, text=True,
        timeout=MIGRATION_WITHIN_S, check=False,
    )  # fmt: skip
    assert 0 == done.returncode, f"migrating {direction}: {done.stderr[-2000:]}"


def _schema(url: str) -> str:
    """The schema as pg_dump writes it, without the lines that differ between two dumps of one database."""
    folder = binaries()
    parameters = conninfo.conninfo_to_dict(url)
    environment = {**os.environ, "PGPASSWORD": str(parameters.pop("password", ""))}
    command = [str(folder / "pg_dump"), "--schema-only", "--dbname", conninfo.make_conninfo("", **parameters)]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout  # noqa: S603


def _lines(schema: str) -> set[str]:
    noise = ("--", "\\restrict", "\\unrestrict")
    return {line for line in schema.splitlines() if line.strip() and not line.startswith(noise)}
