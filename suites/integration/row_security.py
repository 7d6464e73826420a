"""What the application's own role sees of tables with row-level security, as one person and as another."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import psycopg
from psycopg import sql

from evidence.variables import resolve
from suites.integration.contract import RowSecurity

POWERS = """
SELECT rolsuper, rolbypassrls FROM pg_roles WHERE rolname = %s
"""
GUARDED = """
SELECT c.relrowsecurity, c.relforcerowsecurity, pg_has_role(%(role)s, c.relowner, 'USAGE')
FROM pg_class AS c WHERE c.oid = %(table)s::regclass
"""


@dataclass(frozen=True, kw_only=True)
class Sight:
    """How many rows a table has, and which are seen by nobody in particular, by one person and by another."""

    table: str
    every: int
    nobody: frozenset[str]
    user: frozenset[str]
    other: frozenset[str]
    removed: int
    """How many rows of the other one can remove."""


def powers(connection: psycopg.Connection, role: str) -> list[str]:
    """What makes the role see everything, whatever the policies say."""
    row = connection.execute(POWERS, [role]).fetchone()
    if row is None:
        return ["there is no such role"]
    return [what for what, has in zip(("it is a superuser", "it bypasses row security"), row, strict=True) if has]


def unguarded(connection: psycopg.Connection, role: str, table: str) -> str:
    """Why no policy holds for the role on a table, or nothing."""
    row = connection.execute(GUARDED, {"role": role, "table": table}).fetchone()
    enabled, forced, owns = row or (False, False, False)
    if not enabled:
        return "row-level security is not enabled"
    return "the role owns the table, and row-level security is not forced on the owner" if owns and not forced else ""


def look(connection: psycopg.Connection, role: str, declared: RowSecurity, table: str) -> Sight:
    """See a table as each of them. Nothing stays of what is tried: every transaction is rolled back."""
    user, other = (_one(connection, resolve(text)) for text in (declared.user, declared.other))
    with _as(connection, None, ""):
        every = len(_rows(connection, table))
    with _as(connection, role, ""):
        nobody = _rows(connection, table)
    with _as(connection, role, declared.identity.replace("{id}", user)):
        mine = _rows(connection, table)
    with _as(connection, role, declared.identity.replace("{id}", other)):
        theirs = _rows(connection, table)
    with _as(connection, role, declared.identity.replace("{id}", user)):
        removed = _removed(connection, table, theirs - mine)
    return Sight(table=table, every=every, nobody=nobody, user=mine, other=theirs, removed=removed)


def problems(sight: Sight) -> Iterator[tuple[str, str]]:
    """Tell what one sees that is not theirs; that nobody sees anything proves nothing, and is told, too."""
    if sight.nobody:
        yield "without an identity", f"{len(sight.nobody)} of {sight.every} rows are seen by nobody in particular"
    if shared := sight.user & sight.other:
        yield "two users", f"{len(shared)} rows are seen by both, who share nothing"
    for name, seen in (("user", sight.user), ("other", sight.other)):
        if not seen:
            yield name, "not one row is seen: nothing is proven"
    if sight.removed:
        yield "removing", f"{sight.removed} rows of another can be removed"


@contextmanager
def _as(connection: psycopg.Connection, role: str | None, identity: str) -> Iterator[None]:
    with connection.transaction(force_rollback=True):
        if role:
            connection.execute(sql.SQL("SET LOCAL ROLE {}").format(sql.Identifier(role)))
        if identity:
            connection.execute(identity.encode())
        yield


def _rows(connection: psycopg.Connection, table: str) -> frozenset[str]:
    # Where a row lies is its name here: every table has one, whatever its key is.
    select = sql.SQL("SELECT ctid::text FROM {}").format(_identifier(table))
    return frozenset(row[0] for row in connection.execute(select))


def _removed(connection: psycopg.Connection, table: str, rows: frozenset[str]) -> int:
    delete = sql.SQL("DELETE FROM {} WHERE ctid = ANY(%s::tid[])").format(_identifier(table))
    try:
        with connection.transaction():
            return connection.execute(delete, [sorted(rows)]).rowcount
    except psycopg.errors.InsufficientPrivilege:
        return 0
    except psycopg.errors.ForeignKeyViolation:
        # Another table held them, not a policy.
        return len(rows)


def _identifier(table: str) -> sql.Identifier:
    return sql.Identifier(*table.split("."))


def _one(connection: psycopg.Connection, statement: str) -> str:
    row = connection.execute(statement.encode()).fetchone()
    return str(row[0]) if row else ""
