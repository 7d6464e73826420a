"""One table went wrong by mistake, and comes back alone from a whole copy: its rows, or all that it was."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import psycopg
from psycopg import conninfo, sql

from restore_drills.backups.programs import Programs

TABLES = """
    SELECT n.nspname, c.relname, ARRAY(
        SELECT attname::text FROM pg_attribute
        WHERE attrelid = c.oid AND attnum > 0 AND NOT attisdropped AND attgenerated = '' ORDER BY attnum), ARRAY(
        SELECT attname::text FROM pg_attribute a
        WHERE attrelid = c.oid AND attnum > 0 AND NOT attisdropped AND attgenerated = '' AND attidentity <> 'a'
        AND NOT EXISTS (SELECT FROM pg_index i WHERE i.indrelid = c.oid AND i.indisunique AND a.attnum = ANY (i.indkey))
        ORDER BY attnum)
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind = 'r' AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' ORDER BY 1, 2
"""
HANGING = """
    SELECT (SELECT count(*) FROM pg_constraint WHERE c.oid IN (conrelid, confrelid))
         + (SELECT count(*) FROM pg_policy WHERE polrelid = c.oid)
         + (SELECT count(*) FROM pg_index WHERE indrelid = c.oid) + cardinality(coalesce(c.relacl, '{}'))
    FROM pg_class c WHERE c.oid = %s::regclass
"""
"""How much hangs on a table: constraints to and fro, policies, indexes, grants."""
SEQUENCES = """
    SELECT n.nspname, s.relname FROM pg_depend d JOIN pg_class s ON s.oid = d.objid AND s.relkind = 'S'
    JOIN pg_namespace n ON n.oid = s.relnamespace
    WHERE d.refobjid = %s::regclass AND d.classid = 'pg_class'::regclass AND d.deptype IN ('a', 'i') ORDER BY 1, 2
"""
VIEWS = "SELECT oid::regclass::text, relispopulated FROM pg_class WHERE relkind = 'm' ORDER BY oid"
QUIET = "SET session_replication_role = replica"
"""No foreign key and no ordinary trigger takes part: what is put back is what was."""
EXTENSIONS = ("EXTENSION - ", "COMMENT - EXTENSION ")
Connection = psycopg.Connection[Any]


class Table(NamedTuple):
    """A table, its columns, and those of them that any row may have the same value in."""

    schema: str
    name: str
    columns: Sequence[str]
    plain: Sequence[str]

    @property
    def there(self) -> sql.Identifier:
        """How statements name it."""
        return sql.Identifier(self.schema, self.name)


def tables(connection: Connection) -> list[Table]:
    """Name every table."""
    return [Table(*row) for row in connection.execute(TABLES).fetchall()]


def most_hangs_on(connection: Connection, among: Sequence[Table]) -> Table:
    """Choose the table whose loss takes most along."""

    def hanging(table: Table) -> int:
        row = connection.execute(HANGING, [table.there.as_string(connection)]).fetchone()
        return int(row[0]) if row else 0

    return max(among, key=hanging)


def overwritten(connection: Connection, table: Table) -> bool:
    """Give every row the same value in a column, as an UPDATE without its WHERE; say whether anything changed by it."""
    for name in table.plain:
        column = sql.Identifier(name)
        statement = sql.SQL("UPDATE {0} SET {1} = (SELECT max({1}::text) FROM {0})::{2} WHERE {1} IS NOT NULL")
        row = connection.execute(
            "SELECT format_type(atttypid, atttypmod) FROM pg_attribute WHERE attrelid = %s::regclass AND attname = %s",
            [table.there.as_string(connection), name],
        ).fetchone()
        assert row
        if _distinct(connection, table, column) < 2:
            continue
        try:
            with connection.transaction():
                connection.execute(statement.format(table.there, column, sql.SQL(row[0])))
        except psycopg.Error:
            continue  # a check refuses that value for some rows: another column
        return True
    return False


def emptied(connection: Connection, table: Table) -> None:
    """Remove every row, as a DELETE without its WHERE."""
    connection.execute(sql.SQL("DELETE FROM {}").format(table.there))


def filled(connection: Connection, table: Table, whole: Connection) -> None:
    """Bring the rows of an empty table back from the copy."""
    listed = sql.SQL(", ").join(map(sql.Identifier, table.columns))
    with (
        whole.cursor().copy(sql.SQL("COPY (SELECT {} FROM {}) TO STDOUT").format(listed, table.there)) as read,
        connection.cursor().copy(sql.SQL("COPY {} ({}) FROM STDIN").format(table.there, listed)) as write,
    ):
        for block in read:
            write.write(block)


def dropped(address: str, table: Table) -> None:
    """Drop it, and what hangs on it, as somebody who was sure."""
    with psycopg.connect(address) as connection:
        connection.execute(sql.SQL("DROP TABLE {} CASCADE").format(table.there))


def made_again(address: str, table: Table, copy: str) -> None:
    """Bring a dropped table back, with all that went with it, and nothing else: what the copy has and this lacks."""
    programs = Programs()
    with tempfile.TemporaryDirectory(prefix="release-verification-table-") as name:
        archive, lacking = Path(name, "schema"), Path(name, "lacking")
        programs.run("pg_dump", "--format=custom", "--schema-only", f"--file={archive}", dsn=copy)
        programs.run("pg_dump", "--format=custom", "--schema-only", f"--file={name}/now", dsn=address)
        now = set(_entries(programs, Path(name, "now")).values())
        wanted = [line for line, what in _entries(programs, archive).items() if what not in now]
        lacking.write_text("".join(f"{line}\n" for line in wanted))
        into = f"--dbname={conninfo.make_conninfo(dbname=str(conninfo.conninfo_to_dict(address)['dbname']))}"
        options = ("--exit-on-error", f"--use-list={lacking}", into, str(archive))
        programs.run("pg_restore", "--section=pre-data", *options, dsn=address)
        with psycopg.connect(address) as connection, psycopg.connect(copy) as whole:
            connection.execute(QUIET)
            filled(connection, table, whole)
            _counted_on(connection, table, whole)
        programs.run("pg_restore", "--section=post-data", *options, dsn=address)
    _refreshed(address, copy)


def _refreshed(address: str, copy: str) -> None:
    """Fill the views that went along, where they are filled in the copy."""
    with psycopg.connect(address) as connection, psycopg.connect(copy) as whole:
        full = {view for view, populated in whole.execute(VIEWS) if populated}
        for view, populated in connection.execute(VIEWS).fetchall():
            if view in full and not populated:
                connection.execute(f"REFRESH MATERIALIZED VIEW {view}".encode())


def _entries(programs: Programs, archive: Path) -> dict[str, str]:
    """List an archive: each line, and what it names, without the numbers that differ from server to server."""
    listed = programs.run("pg_restore", "--list", str(archive)).splitlines()
    named = {line: line.split(" ", 3)[3] for line in listed if line and not line.startswith(";")}
    # No table takes an extension along, and who has looked at the copy may have left one there.
    return {line: what for line, what in named.items() if not what.startswith(EXTENSIONS)}


def _counted_on(connection: Connection, table: Table, whole: Connection) -> None:
    """Let its sequences go on where they stood."""
    for schema, name in whole.execute(SEQUENCES, [table.there.as_string(whole)]).fetchall():
        row = whole.execute(sql.SQL("SELECT last_value, is_called FROM {}").format(sql.Identifier(schema, name)))
        value, called = row.fetchone() or (1, False)
        text = sql.Identifier(schema, name).as_string(connection)
        connection.execute("SELECT setval(%s::regclass, %s, %s)", [text, value, called])


def _distinct(connection: Connection, table: Table, column: sql.Identifier) -> int:
    query = sql.SQL("SELECT count(*) FROM (SELECT DISTINCT {}::text FROM {} LIMIT 2) few").format(column, table.there)
    row = connection.execute(query).fetchone()
    return int(row[0]) if row else 0
