"""What PostgreSQL says of a run: connections, what each kind of statement cost, and how the costliest is planned."""

from __future__ import annotations

import time
from typing import Any, NamedTuple

import psycopg
from psycopg import conninfo

from load.server import MOST, QUERY, Statement, shown, without_constants

KEPT = 10
"""Statements that are kept, the costliest."""
OPTIONS = "-c statement_timeout=5000 -c default_transaction_read_only=on"
ACTIVITY = """
SELECT /* release verification */ count(*), count(*) FILTER (WHERE state = 'active'),
  count(*) FILTER (WHERE wait_event_type = 'Lock')
FROM pg_stat_activity WHERE datname = %s AND pid <> pg_backend_pid() AND backend_type = 'client backend'
"""
STATEMENTS = """
SELECT /* release verification */ s.query, r.rolname, sum(s.calls)::bigint, sum(s.total_exec_time)::float8
FROM pg_stat_statements AS s JOIN pg_database AS d ON d.oid = s.dbid JOIN pg_roles AS r ON r.oid = s.userid
WHERE d.datname = %s AND s.toplevel AND s.query NOT LIKE '%%/* release verification */%%' GROUP BY s.query, r.rolname
"""
SPENT = """
SELECT /* release verification */ coalesce(sum(s.calls), 0)::bigint, coalesce(sum(s.total_exec_time), 0)::float8
FROM pg_stat_statements AS s JOIN pg_database AS d ON d.oid = s.dbid
WHERE d.datname = %s AND s.toplevel AND s.query NOT LIKE '%%/* release verification */%%'
"""
HOW = (
    "pg_stat_statements must be in shared_preload_libraries, and its extension in the database, or in the one that "
    "[database] statistics names"
)


class Spent(NamedTuple):
    """Counters of one kind of statement."""

    calls: int
    total_ms: float


class Database:
    """The release's database, asked by a connection of our own, which reads only."""

    def __init__(self, address: str, statistics: str | None = None) -> None:
        """Connect to where the extension is, so that what we ask is not counted as the release's."""
        self._address = address
        self._name = str(conninfo.conninfo_to_dict(address)["dbname"])
        self._statistics = statistics or self._name
        self._connection: psycopg.Connection | None = None
        self._before: dict[tuple[str, str], Spent] = {}
        self._spent_so_far: tuple[float, Spent] | None = None
        self.unseen = ""
        """Why its statements are not seen, once that was tried."""

    def activity(self) -> dict[str, Any]:
        """Count connections: all, those at work, and those that wait for a lock."""
        row = self._ask().execute(ACTIVITY, [self._name]).fetchone() or (0, 0, 0)
        return dict(zip(("connections", "active", "blocked"), row, strict=True))

    def statements(self) -> dict[str, Any]:
        """Tell what was spent on statements since the last look, a second; None of what was set back, and at first."""
        row = self._ask().execute(SPENT, [self._name]).fetchone() or (0, 0.0)
        before, (now_s, spent) = self._spent_so_far, (time.perf_counter(), Spent(*row))
        self._spent_so_far = now_s, spent
        if before is None or spent.calls < before[1].calls:
            return {}
        seconds, (calls, total_ms) = now_s - before[0], before[1]
        return {
            "statements_per_s": round((spent.calls - calls) / seconds, 2),
            "statements_ms_per_s": round(max(0.0, spent.total_ms - total_ms) / seconds, 2),
        }

    def begin(self) -> None:
        """Read the counters before the load."""
        try:
            self._before = self._spent()
        except psycopg.Error as error:
            self.unseen = f"its statements were not seen: {HOW}: {_line(error)}"

    def costliest(self) -> tuple[tuple[Statement, ...], tuple[str, ...]]:
        """Give what took most time since `begin`, the first of it with plans, and what could not be seen."""
        if self.unseen:
            return (), (self.unseen,)
        try:
            after = self._spent()
        except psycopg.Error as error:
            return (), (f"its statements were not seen any more: {_line(error)}",)
        grown = {key: _increase(self._before.get(key), spent) for key, spent in after.items()}
        most = sorted((key for key in grown if grown[key].calls > 0), key=lambda key: -grown[key].total_ms)[:KEPT]
        plans = {key: self._plan(*key) for key in most[:MOST]}
        statements = (
            Statement(
                query=shown(key[0]),
                calls=grown[key].calls,
                total_ms=round(grown[key].total_ms, 3),
                plan=plans.get(key, ""),
            )
            for key in most
        )
        return tuple(statements), ()

    def _ask(self) -> psycopg.Connection:
        if self._connection is None:
            self._connection = self._connect(self._statistics)
        return self._connection

    def _connect(self, name: str) -> psycopg.Connection:
        where = conninfo.make_conninfo(self._address, dbname=name, options=OPTIONS)
        return psycopg.connect(where, autocommit=True, connect_timeout=5)

    def _spent(self) -> dict[tuple[str, str], Spent]:
        rows = self._ask().execute(STATEMENTS, [self._name]).fetchall()
        return {(query, role): Spent(calls, total_ms) for query, role, calls, total_ms in rows}

    def _plan(self, query: str, role: str) -> str:
        """Explain a statement, without running it, as its role, whose row-level security is in the plan."""
        if not QUERY.match(query) or ";" in without_constants(query).rstrip("; \n"):
            return ""
        try:
            with self._connect(self._name) as connection:
                connection.execute("SELECT set_config('role', %s, false)", [role])
                rows = connection.execute(f"EXPLAIN (GENERIC_PLAN) {query}".encode()).fetchall()
        except psycopg.Error as error:
            return f"none: {_line(error)}"
        return without_constants("\n".join(str(row[0]) for row in rows))


def _increase(before: Spent | None, after: Spent) -> Spent:
    """What was spent in between; counters that were set back, or were unknown, begin at 0."""
    if before is None or before.calls > after.calls:
        return after
    return Spent(after.calls - before.calls, after.total_ms - before.total_ms)


def _line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
