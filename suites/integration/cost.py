"""What a request costs in the database: its statements, by pg_stat_statements, and what it read by sequential scans."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import dataclass

import httpx
import psycopg
from psycopg import conninfo

from evidence.errors import CannotTell
from suites.statements import address, connect

QUIET_S, QUIET_WITHIN_S = 0.3, 6.0
ENDED_WITHIN_MS = 5000
ANSWERED_WITHIN_S = 10.0
CONTROL = re.compile(r"\s*(BEGIN|START|COMMIT|ROLLBACK|SAVEPOINT|RELEASE|SET|SHOW|DISCARD|DEALLOCATE)\b", re.IGNORECASE)
STATEMENTS = """
SELECT s.query, sum(s.calls)::bigint FROM pg_stat_statements AS s
JOIN pg_database AS d ON d.oid = s.dbid JOIN pg_roles AS r ON r.oid = s.userid
WHERE d.datname = %s AND r.rolname = %s AND s.toplevel GROUP BY s.query
"""
SCANS = "SELECT schemaname || '.' || relname, coalesce(seq_tup_read, 0) FROM pg_stat_user_tables"
END = """
SELECT count(*) FILTER (WHERE pg_terminate_backend(pid, %s)) FROM pg_stat_activity
WHERE usename = %s AND datname = current_database()
"""
Counts = dict[str, int]


@dataclass(frozen=True, kw_only=True)
class Cost:
    """What one request cost: how often each statement ran, how many rows of each table were read by whole scans."""

    status: int
    statements: Counts
    scanned: Counts

    @property
    def queries(self) -> int:
        """How many statements ran."""
        return sum(self.statements.values())

    @property
    def most_often(self) -> str:
        """The statement that ran most often."""
        query, times = max(self.statements.items(), key=lambda pair: pair[1], default=("nothing", 0))
        return f"{times} times {' '.join(query.split())}"


class Meter:
    """Reads PostgreSQL's own counters for one role."""

    def __init__(self, connection: psycopg.Connection, role: str, statistics: str | None) -> None:
        """Count what `role` does; `statistics` is the database with pg_stat_statements, where it is another one."""
        self._sql, self._role = connection, role
        url = address()
        self._name = str(conninfo.conninfo_to_dict(url)["dbname"])
        try:
            self._statistics = connect(conninfo.make_conninfo(url, dbname=statistics or self._name))
            self.statements()
        except psycopg.Error as error:
            msg = (
                "queries cannot be counted: pg_stat_statements must be in shared_preload_libraries, and its extension"
                f" in the database, or in the one that [database] statistics names: {str(error).splitlines()[0]}"
            )
            raise CannotTell(msg) from None

    def close(self) -> None:
        """Close the connection."""
        self._statistics.close()

    def statements(self) -> Counts:
        """How often each statement of the role has run; what only opens and closes transactions is left out."""
        rows = self._statistics.execute(STATEMENTS, [self._name, self._role]).fetchall()
        return {query: calls for query, calls in rows if not CONTROL.match(query)}

    def wait_until_quiet(self) -> None:
        """Wait until nobody else asks as this role: their queries would be counted as ours."""
        deadline = time.monotonic() + QUIET_WITHIN_S
        while time.monotonic() < deadline:
            before = self.statements()
            time.sleep(QUIET_S)
            if before == self.statements():
                return
        msg = f"{self._role} is never quiet for {QUIET_S:g} s: the queries of one request cannot be told from others"
        raise CannotTell(msg)

    def of(self, send: Callable[[], httpx.Response], expected: int) -> Cost:
        """Send a request and tell what it cost."""
        scanned, deadline = self._scanned(), time.monotonic() + ANSWERED_WITHIN_S
        while True:
            before = self.statements()
            status = send().status_code
            ran = increase(before, self.statements())
            # A pool may hand out connections that we ended, once each: that is for another check to say.
            if status == expected or time.monotonic() > deadline:
                break
        # A session tells what it read at the latest when it ends; by itself it may wait for ten seconds.
        end_sessions(self._sql, self._role)
        return Cost(status=status, statements=ran, scanned=increase(scanned, self._scanned()))

    def _scanned(self) -> Counts:
        return dict(self._sql.execute(SCANS).fetchall())


def increase(before: Counts, after: Counts) -> Counts:
    """What was counted in between."""
    return {name: count - before.get(name, 0) for name, count in after.items() if count > before.get(name, 0)}


def end_sessions(connection: psycopg.Connection, role: str) -> int:
    """End every session of a role in this database, and wait until they are gone; tell how many there were."""
    row = connection.execute(END, [ENDED_WITHIN_MS, role]).fetchone()
    return int(row[0]) if row else 0
