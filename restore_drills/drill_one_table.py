"""Drill: one table went wrong by mistake; it alone comes back from the backup, and the rest stays as it is."""

from __future__ import annotations

from collections.abc import Callable

import psycopg
from psycopg import conninfo

from checks.claim import check
from restore_drills import one_table
from restore_drills.backups import proof
from restore_drills.compare import hold
from restore_drills.estate import Estate

Measure = Callable[..., None]


@check("DRILL-008")
def drill_one_table_comes_back_alone(estate: Estate, chain: str, damaged: str, measure: Measure) -> None:
    """Each table, overwritten and emptied by mistake, and one dropped, comes back alone, and nothing else changes."""
    database = str(conninfo.conninfo_to_dict(estate.address)["dbname"])
    before, overwritten = proof.look(damaged), 0
    with psycopg.connect(damaged) as broken, psycopg.connect(chain) as whole:
        broken.execute(one_table.QUIET)
        tables = one_table.tables(broken)
        for table in tables:
            overwritten += one_table.overwritten(broken, table)
            broken.commit()
            one_table.emptied(broken, table)
            one_table.filled(broken, table, whole)
            broken.commit()
        lost = [one_table.most_hangs_on(broken, tables)] if tables else []
    for table in lost:
        one_table.dropped(damaged, table)
        one_table.made_again(damaged, table, chain)
    measure(tables_total=len(tables), overwritten_total=overwritten, dropped_total=len(lost))

    hold({database: before}, {database: proof.look(damaged)}, physical=True)
