"""What a copy of a team's own backup holds, beside what its source holds."""

from __future__ import annotations

import datetime as dt
from typing import Any, LiteralString

import psycopg
from psycopg import sql

from restore_drills.own.contract import Unfit

TABLES = """
    SELECT n.nspname, c.relname, c.relispopulated FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'm') AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' ORDER BY 1, 2
"""


def counts(address: str) -> dict[str, int]:
    """Count the rows of every table and every materialized view that was filled."""
    return {name: int(told) for name, told in _asked(address, "SELECT count(*) FROM {}")}


def holds(address: str) -> dict[str, bool]:
    """Say of each whether it has a row at all: all that a large source needs to be asked."""
    return {name: bool(told) for name, told in _asked(address, "SELECT EXISTS (SELECT FROM {})")}


def missing(source: dict[str, bool], copy: dict[str, int]) -> list[str]:
    """Name what the source has and the copy has nothing of: what is empty in both is as it should be."""
    lost = [f"table {name}: is not there" for name in sorted(source.keys() - copy.keys())]
    return lost + [
        f"table {name}: has no row, and the source has some"
        for name in sorted(source.keys() & copy.keys())
        if source[name] and not copy[name]
    ]


def moment(address: str, statement: str) -> dt.datetime | None:
    """Ask for the newest row's moment; Unfit where the statement tells something else."""
    with psycopg.connect(address) as connection:
        row = connection.execute(statement.encode()).fetchone()
    told: Any = row[0] if row and len(row) == 1 else row
    if isinstance(told, dt.datetime):
        return told if told.tzinfo else told.replace(tzinfo=dt.UTC)
    if told is not None:
        msg = (
            f"`newest` of [backup.own]: told {told!r}, and not one moment with its time; SELECT max(…) of a timestamptz"
        )
        raise Unfit(msg)
    return None


def _asked(address: str, statement: LiteralString) -> list[tuple[str, Any]]:
    with psycopg.connect(address) as connection:
        told = []
        for schema, name, filled in connection.execute(TABLES).fetchall():
            query = sql.SQL(statement).format(sql.Identifier(schema, name))
            row = connection.execute(query).fetchone() if filled else None
            told.append((f"{schema}.{name}", row[0] if row else 0))
        return told
