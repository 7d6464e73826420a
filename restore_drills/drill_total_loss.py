"""Drill: the database's server is gone, and all that is left is the newest backup."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import psycopg

from checks.claim import check
from evidence import chart
from restore_drills.fingerprint import behind
from restore_drills.recovery import BackupFailed, Recovered
from restore_drills.steps import Steps

Measure = Callable[..., None]
Attach = Callable[[str, str], None]
HOW = "From the backup to the proof; recovery runs from the fresh server's start to the first query that is answered."


@check("DRILL-001")
def drill_backup_restores_into_a_fresh_server(
    attempt: Recovered | BackupFailed, steps: Steps, measure: Measure, attach: Attach
) -> None:
    """With its server gone the database is restored from its backup alone, within the recovery time objective."""
    if steps.spans:
        attach(f"steps{chart.SUFFIX}", chart.encode(steps.timeline(HOW)))
    assert not isinstance(attempt, BackupFailed), str(attempt)
    taken = attempt.taken
    measure(backup_s=taken.seconds, backup_bytes=taken.size, rto_s=attempt.seconds)


@check("DRILL-002")
def drill_every_row_is_back(recovery: Recovered, measure: Measure) -> None:
    """Every table and materialized view has the same rows with the same content as at the moment of the backup."""
    source, copy = recovery.taken.source.tables, recovery.fingerprint.tables
    rows = sum(table.rows for table in source.values())
    measure(tables_total=len(source), rows_total=rows)

    assert rows, "the database holds no row: nothing would be proven"
    assert {} == {
        name: f"{source.get(name)} became {copy.get(name)}"
        for name in source.keys() | copy.keys()
        if source.get(name) != copy.get(name)
    }


@check("DRILL-003")
def drill_schema_and_roles_are_back(recovery: Recovered, measure: Measure) -> None:
    """Every constraint, index, grant, policy, function, owner and role is as it was."""
    source, copy = Counter(recovery.taken.source.schema), Counter(recovery.fingerprint.schema)
    measure(schema_lines_total=source.total(), roles_total=len(recovery.taken.source.roles))

    assert ([], []) == (sorted(source - copy), sorted(copy - source)), "lines of SQL that are missing, and too many"
    assert recovery.taken.source.roles == recovery.fingerprint.roles


@check("DRILL-004")
def drill_sequences_go_on(recovery: Recovered, measure: Measure) -> None:
    """Every sequence goes on where it stood, ahead of its column, and the copy takes writes."""
    measure(sequences_total=len(recovery.fingerprint.sequences))

    assert recovery.taken.source.sequences == recovery.fingerprint.sequences
    with psycopg.connect(recovery.copy) as connection:
        assert [] == behind(connection)
        connection.execute("CREATE TABLE release_verification_write AS SELECT 1 AS one")
        connection.rollback()
