"""What a database is, in a form that two servers can be compared by: content, sequences, schema, roles, itself."""

from __future__ import annotations

from collections.abc import Callable
from typing import LiteralString

import msgspec
import psycopg
from psycopg import sql

from restore_drills.backups.programs import Programs
from restore_drills.properties import properties

PINNED: dict[LiteralString, LiteralString] = {
    "DateStyle": "ISO",
    "IntervalStyle": "iso_8601",
    "TimeZone": "UTC",
    "extra_float_digits": "3",
    "bytea_output": "hex",
}
"""What the text of a row depends on."""
RELATIONS = """
    SELECT n.nspname, c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'm') AND c.relispopulated AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
    ORDER BY 1, 2
"""
UNLOGGED = "SELECT relpersistence = 'u' FROM pg_class WHERE oid = {}::regclass"
SEQUENCES = "SELECT schemaname, sequencename, last_value FROM pg_sequences ORDER BY 1, 2"
OWNED = """
    SELECT n.nspname, s.relname, t.relname, a.attname
    FROM pg_depend d JOIN pg_class s ON s.oid = d.objid AND s.relkind = 'S'
    JOIN pg_namespace n ON n.oid = s.relnamespace
    JOIN pg_class t ON t.oid = d.refobjid JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = d.refobjsubid
    WHERE d.classid = 'pg_class'::regclass AND d.deptype IN ('a', 'i') ORDER BY 1, 2
"""
LARGE = "SELECT EXISTS (SELECT FROM pg_largeobject_metadata)"
LARGE_OBJECTS = """
    SELECT count(*), coalesce(sum(hashtextextended(
        o.loid::text || ' ' || o.pageno::text || ' ' || encode(o.data, 'hex'), 0)), 0)::text
    FROM pg_largeobject o
"""
ROLES = """
    SELECT rolname, rolsuper, rolinherit, rolcreaterole, rolcreatedb, rolcanlogin, rolreplication, rolbypassrls,
           rolconnlimit, rolvaliduntil::text,
           ARRAY(SELECT r.rolname::text FROM pg_auth_members m JOIN pg_roles r ON r.oid = m.roleid
                 WHERE m.member = pg_roles.oid ORDER BY 1),
           ARRAY(SELECT sha256(convert_to(one, 'UTF8'))::text FROM unnest(rolconfig) one ORDER BY 1)
    FROM pg_roles WHERE rolname !~ '^pg_' ORDER BY 1
"""
EXTENSIONS = "SELECT extname::text, extversion FROM pg_extension ORDER BY 1"
NOISE = ("--", "\\restrict", "\\unrestrict", "SET ", "SELECT pg_catalog.set_config")


class Table(msgspec.Struct, frozen=True):
    """How many rows, and the sum of a 64-bit hash of each: the same in any order, another for other content."""

    rows: int
    digest: str
    unlogged: bool = False
    """Then it is empty in every copy of data files, by design: its rows are in no log."""


class Fingerprint(msgspec.Struct, frozen=True, kw_only=True):
    """One database, and the roles of its server.

    `tables` (with populated materialized views and, as one more, the pages of large objects) and `sequences` (last
    value) by name, `schema` as sorted lines of SQL, `roles` with their attributes, memberships and settings, `itself`:
    owner, privileges, settings and locale of the database (see `properties`), and `extensions` with their versions,
    which no dump has: None where a fingerprint is older than that.
    """

    tables: dict[str, Table]
    sequences: dict[str, int | None]
    schema: tuple[str, ...]
    roles: dict[str, str]
    itself: dict[str, str] = msgspec.field(default_factory=dict)
    extensions: dict[str, str] | None = None


def take(
    connection: psycopg.Connection, dsn: str, snapshot: str | None = None, described: Callable[[], None] | None = None
) -> Fingerprint:
    """Fingerprint the database, within the connection's transaction and, where given, in its exported snapshot.

    `described` is called when everything but the rows has been read, which is when the work begins.
    """
    for name, value in PINNED.items():
        connection.execute(sql.SQL("SET LOCAL {} = {}").format(sql.Identifier(name), sql.Literal(value)))
    names = [(str(schema), str(name)) for schema, name in connection.execute(RELATIONS)]
    sequences = connection.execute(SEQUENCES).fetchall()
    empty = Fingerprint(
        tables={},
        sequences={f"{schema}.{name}": value for schema, name, value in sequences},
        schema=_schema(dsn, snapshot),
        roles={name: str(rest) for name, *rest in connection.execute(ROLES)},
        itself=properties(connection),
        extensions=dict(connection.execute(EXTENSIONS).fetchall()),
    )
    if described:
        described()
    tables = {f"{schema}.{name}": _digest(connection, schema, name) for schema, name in names}
    # Whether there are any, everybody may ask; to read them takes a superuser.
    if connection.execute(LARGE).fetchone() == (True,):
        tables["large objects"] = Table(*connection.execute(LARGE_OBJECTS).fetchone() or (0, "0"))
    return msgspec.structs.replace(empty, tables=tables)


def behind(connection: psycopg.Connection) -> list[str]:
    """Name the sequences whose next value a row already has: the next insert would collide."""
    late = []
    for schema, sequence, table, column in connection.execute(OWNED).fetchall():
        query = sql.SQL("SELECT nextval({}::regclass) <= coalesce(max({}), 0) FROM {}").format(
            sql.Literal(sql.Identifier(schema, sequence).as_string(connection)),
            sql.Identifier(column),
            sql.Identifier(schema, table),
        )
        if (row := connection.execute(query).fetchone()) and row[0]:
            late.append(f"{schema}.{sequence}")
    return late


def _digest(connection: psycopg.Connection, schema: str, name: str) -> Table:
    table = sql.Identifier(schema, name)
    # Not t::text: that is a column where there is one of this name.
    query = sql.SQL("SELECT count(*), coalesce(sum(hashtextextended((t.*)::text, 0)), 0)::text FROM {} t").format(table)
    unlogged = sql.SQL(UNLOGGED).format(sql.Literal(table.as_string(connection)))
    row, kept = connection.execute(query).fetchone(), connection.execute(unlogged).fetchone()
    assert row is not None
    return Table(int(row[0]), str(row[1]), unlogged=kept == (True,))


def _schema(dsn: str, snapshot: str | None) -> tuple[str, ...]:
    """Owners, grants, policies, constraints, indexes, functions, extensions: whatever pg_dump writes of a schema."""
    options = [f"--snapshot={snapshot}"] if snapshot else []
    dumped = Programs().run("pg_dump", "--schema-only", *options, dsn=dsn)
    return tuple(sorted(line for line in dumped.splitlines() if line.strip() and not line.startswith(NOISE)))
