"""The database has its indexes and invariants, and the pool its limit."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest

from checks.claim import check
from evidence.variables import resolve
from suites.api import Client
from suites.integration.contract import Database

# Workers that help with one statement have the role's name, too, and are nobody's connection.
CONNECTIONS = "SELECT count(*) FROM pg_stat_activity WHERE usename = %s AND backend_type = 'client backend'"
ALLOWED = """
SELECT sum(CASE name WHEN 'max_connections' THEN 1 ELSE -1 END * setting::int) FROM pg_settings
WHERE name IN ('max_connections', 'superuser_reserved_connections', 'reserved_connections')
"""
CROWD = 3
"""How many times the pool's size asks at once."""


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
            row = sql.execute(CONNECTIONS, [resolve(database.role)]).fetchone()
            seen = max(seen, row[0] if row else 0)
    row = sql.execute(ALLOWED).fetchone()
    allowed = int(row[0]) if row else 0
    measure(connections_max=seen, allowed_connections=allowed)

    assert {pool.request.expect} == {answer.result().status_code for answer in asked}
    assert 0 < seen <= pool.max
    assert pool.max * pool.instances <= allowed, "all instances together may open more than the server has for them"
