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

Where the looks differ, versions were removed or replaced (TRUNCATE and rewritten tables among them). A version stays
where it is, so the same holds of each part of the table's pages by itself. Of all other parts only the number of old
rows is known: not more than before, not fewer than after. Newer rows are not known at all, and are counted.

Limits: rows tell 32 bits of their transaction, so where a server has used more than that, some old rows look new, and
are not compared. What is not rows (definitions, roles, sequences) is compared where both looks agree; what was changed
and changed back in between would be called a difference.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

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
    SELECT width_bucket(t.ctid, {parts}::tid[]), count(*) FILTER (WHERE {old}),
           coalesce(sum(hashtextextended({text}, 0)) FILTER (WHERE {old}), 0)::text, count(*) FILTER (WHERE NOT {old})
    FROM {table} t GROUP BY 1
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


def _parts() -> Iterator[int]:
    page = 0
    while (page := page + max(16, page // 64)) < 1 << 32:
        yield page


PARTS = "{" + ",".join(f'"({page},0)"' for page in _parts()) + "}"
"""Where parts of a table begin: each is of 128 kB, and beyond 8 MB of a 64th of what lies before it."""


class Old(msgspec.Struct, frozen=True):
    """Of a table: its old rows, as a fingerprint has them, in all and by part, and how many rows are newer."""

    table: Table
    newer: int = 0
    parts: dict[int, Table] = msgspec.field(default_factory=dict)


Rows = Mapping[str, Mapping[str, Old]]
"""By database and table."""


class Looks(msgspec.Struct, frozen=True, kw_only=True):
    """Both looks, with old rows alone in their tables, and what may be committed though nobody saw it.

    `parts` are those that both looks found the same, by database and table, of tables that they found different.
    """

    since: int
    open: tuple[int, ...]
    before: Fingerprints
    after: Fingerprints
    parts: dict[str, dict[str, dict[int, Table]]]


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


def alike(before: Rows, after: Rows) -> dict[str, dict[str, dict[int, Table]]]:
    """Give the parts that two looks found the same, of tables that they found different."""
    return {
        name: {
            table: {part: rows for part, rows in old.parts.items() if then.parts.get(part) == rows}
            for table, old in tables.items()
            if (then := after.get(name, {}).get(table)) and then.table != old.table
        }
        for name, tables in before.items()
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
    found = connection.execute(
        sql.SQL(ROWS).format(old=old, text=text, table=table, parts=sql.Literal(PARTS))
    ).fetchall()
    whole = Table(sum(rows for _, rows, _, _ in found), str(sum(int(digest) for _, _, digest, _ in found)))
    parts = {part: Table(rows, digest) for part, rows, digest, _ in found if rows}
    return Old(whole, sum(newer for *_, newer in found), parts)
