"""A database that is never still: what was in it before its backup and still is after it, was in it in between.

A version of a row is seen from the commit of the transaction that wrote it (its xmin) to the commit of the one that
removes it, and never again after that. So we look twice, before the backup begins and after it has ended, and only at
versions that were written before `since`, the oldest transaction that ran when the first look began. Such versions only
become fewer. Where both looks find the same in a table, none of them was removed in between, and a recovery to any
place in between has exactly them among its versions of that age, whatever came and went beside them. The backup's own
end is such a place:

- What the first look saw was committed in the log before the backup began, so the copy has it.
- What is committed in the copy was so before the second look began, and that saw it too; but for a transaction whose
  commit is in the log while it waits, for a disk or a standby, to be seen by others. Those that ran when the backup had
  ended, and still did at the second look, are noted (`open`): nothing is proven by a copy in which one is committed.

Where the looks differ, versions were removed or replaced (TRUNCATE and rewritten tables among them). Then only their
number is known: not more than before, not fewer than after. Newer rows are not known at all, and are counted.

Limits: rows tell 32 bits of their transaction, so where a server has used more than that, some old rows look new, and
are not compared. What is not rows (definitions, roles, sequences) is compared where both looks agree; what was changed
and changed back in between would be called a difference.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec
import psycopg
from psycopg import conninfo, sql

from restore_drills.backups.programs import connect
from restore_drills.compare import Fingerprints
from restore_drills.fingerprint import LARGE, PINNED, Table

TABLES = """
    SELECT n.nspname, c.relname
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_am a ON a.oid = c.relam
    WHERE c.relkind IN ('r', 'm') AND c.relispopulated AND c.relpersistence = 'p' AND a.amname = 'heap'
    AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' ORDER BY 1, 2
"""
"""What logs its rows, and tells of each which transaction wrote it."""
OLD = "(t.xmin::text::bigint - {since} + 4294967296) % 4294967296 >= {window}"
ROWS = """
    SELECT count(*) FILTER (WHERE {old}), coalesce(sum(hashtextextended({text}, 0)) FILTER (WHERE {old}), 0)::text,
           count(*) FILTER (WHERE NOT {old})
    FROM {table} t
"""
ROW = sql.SQL("(t.*)::text")
LARGE_OBJECT = sql.SQL("t.loid::text || ' ' || t.pageno::text || ' ' || encode(t.data, 'hex')")
LARGE_OBJECTS = "large objects"
WINDOW = 1 << 26
"""How many transactions may begin between the two looks, for a row's age to be told."""
COMMITTED = """
    SELECT o FROM unnest(%s::text[]) o
    WHERE CASE WHEN o::xid8 < pg_snapshot_xmax(pg_current_snapshot())
          THEN pg_xact_status(o::xid8) = 'committed' ELSE false END
"""


class Old(msgspec.Struct, frozen=True):
    """Of a table: its old rows, as a fingerprint has them, and how many are newer."""

    table: Table
    newer: int = 0


Rows = Mapping[str, Mapping[str, Old]]
"""By database and table."""


class Looks(msgspec.Struct, frozen=True, kw_only=True):
    """Both looks, with old rows alone in their tables, and what may be committed though nobody saw it."""

    since: int
    open: tuple[int, ...]
    before: Fingerprints
    after: Fingerprints


def look(dsn: str, databases: Iterable[str], since: int) -> dict[str, dict[str, Old]]:
    """Look at the old rows of each database, each in one snapshot."""
    found = {}
    for name in databases:
        with connect(conninfo.make_conninfo(dsn, dbname=name)) as connection:
            connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            found[name] = _rows(connection, since)
    return found


def narrowed(taken: Fingerprints, rows: Rows) -> Fingerprints:
    """Give fingerprints in whose tables are old rows alone."""
    return {
        name: msgspec.structs.replace(one, tables={table: old.table for table, old in rows.get(name, {}).items()})
        for name, one in taken.items()
    }


def unseen(address: str, looks: Looks) -> list[str]:
    """Name what is committed in a copy, though the second look may not have seen it."""
    with connect(address) as connection:
        return [str(one) for (one,) in connection.execute(COMMITTED, [[str(one) for one in looks.open]])]


def _rows(connection: psycopg.Connection, since: int) -> dict[str, Old]:
    for name, value in PINNED.items():
        connection.execute(sql.SQL("SET LOCAL {} = {}").format(sql.Identifier(name), sql.Literal(value)))
    names = [(str(schema), str(name)) for schema, name in connection.execute(TABLES)]
    found = {f"{schema}.{name}": _old(connection, sql.Identifier(schema, name), ROW, since) for schema, name in names}
    if connection.execute(LARGE).fetchone() == (True,):
        found[LARGE_OBJECTS] = _old(connection, sql.Identifier("pg_catalog", "pg_largeobject"), LARGE_OBJECT, since)
    return found


def _old(connection: psycopg.Connection, table: sql.Identifier, text: sql.SQL, since: int) -> Old:
    old = sql.SQL(OLD).format(since=sql.Literal(since % (1 << 32)), window=sql.Literal(WINDOW))
    row = connection.execute(sql.SQL(ROWS).format(old=old, text=text, table=table)).fetchone()
    assert row is not None
    rows, digest, newer = row
    return Old(Table(rows, digest), newer)
