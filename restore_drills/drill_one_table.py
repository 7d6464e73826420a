"""Drill: one table was emptied by mistake; it alone comes back from the backup, and the rest stays as it is."""

from __future__ import annotations

from collections.abc import Callable

import psycopg
from psycopg import conninfo, sql

from checks.claim import check
from restore_drills.backups import proof
from restore_drills.compare import hold
from restore_drills.estate import Estate

Measure = Callable[..., None]
TABLES = """
    SELECT n.nspname, c.relname, ARRAY(
        SELECT attname::text FROM pg_attribute
        WHERE attrelid = c.oid AND attnum > 0 AND NOT attisdropped AND attgenerated = '' ORDER BY attnum)
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind = 'r' AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' ORDER BY 1, 2
"""
QUIET = "SET session_replication_role = replica"
"""No foreign key and no ordinary trigger takes part: what is put back is what was."""


@check("DRILL-008")
def drill_one_table_comes_back_alone(estate: Estate, chain: str, damaged: str, measure: Measure) -> None:
    """Each table in turn, emptied by mistake, comes back alone from the backup, and nothing else changes."""
    database = str(conninfo.conninfo_to_dict(estate.address)["dbname"])
    before = proof.look(damaged)
    with psycopg.connect(damaged) as broken, psycopg.connect(chain) as whole:
        broken.execute(QUIET)
        tables = broken.execute(TABLES).fetchall()
        for schema, name, columns in tables:
            there = sql.Identifier(schema, name)
            listed = sql.SQL(", ").join(map(sql.Identifier, columns))
            broken.execute(sql.SQL("DELETE FROM {}").format(there))
            with (
                whole.cursor().copy(sql.SQL("COPY (SELECT {} FROM {}) TO STDOUT").format(listed, there)) as read,
                broken.cursor().copy(sql.SQL("COPY {} ({}) FROM STDIN").format(there, listed)) as write,
            ):
                for block in read:
                    write.write(block)
            broken.commit()
    measure(tables_total=len(tables))

    hold({database: before}, {database: proof.look(damaged)}, physical=False)
