"""Drill: the database's server is gone, and all that is left is the newest backup."""

from __future__ import annotations

from collections.abc import Callable

import psycopg

from checks.claim import check
from evidence import chart
from evidence.release import Release
from restore_drills import levels
from restore_drills.contract import Backup
from restore_drills.dr.estimate import SIZE, estimate, parts_of
from restore_drills.fingerprint import behind
from restore_drills.loss import COMPARISON, LOSE, RECOVERY, Failed, Recovered, by_word
from restore_drills.sentinel import Sentinel
from restore_drills.steps import Steps

Measure = Callable[..., None]
Attach = Callable[[str, str], None]
HOW = "From the backup to the proof; recovery runs from the loss to the first write that is read again."


@check("DRILL-001")
def drill_backup_restores_into_a_fresh_server(
    attempt: Recovered | Failed, steps: Steps, release: Release, measure: Measure, attach: Attach
) -> None:
    """From its newest backup alone the database comes back on a fresh server, in time for a first verified write."""
    if steps.spans:
        attach(f"steps{chart.SUFFIX}", chart.encode(steps.timeline(f"{HOW}{outlook(attempt, steps, release)}")))
    assert not isinstance(attempt, Failed), str(attempt)
    taken = attempt.manifest
    measure(
        backup_s=(taken.finished - taken.started).total_seconds(), backup_bytes=taken.size, rto_s=attempt.seconds,
        server_gone_total=0 if attempt.left else 1,
        **{f"{word}_s": seconds for word, seconds in by_word(steps.spans).items()},
    )  # fmt: skip

    assert not attempt.changed, f"the drill has changed its source: {'; '.join(attempt.changed)}"


def outlook(attempt: Recovered | Failed, steps: Steps, release: Release) -> str:
    """Say whether the old server was gone, and how long it would take for the size that [backup.dr] names."""
    how = release.section("backup", Backup).dr
    if isinstance(attempt, Failed):
        return ""
    left = f" The old server was left alone, not lost: {attempt.left}." if attempt.left else ""
    if not how or not how.size:
        return left
    after = [("verify", span.end_s - span.start_s) for span in steps.spans if span.name == COMPARISON]
    back = [span for span in steps.spans if span.name != LOSE]  # nobody has to take their own server away
    parts = parts_of(back, RECOVERY, after, attempt.manifest.id)
    with psycopg.connect(attempt.copy) as connection:
        row = connection.execute(SIZE).fetchone()
    return f"{left} {estimate(parts, int(row[0]) if row else 0, how.size, how.target)}"


@check("DRILL-002")
def drill_every_row_is_back(recovery: Recovered, measure: Measure) -> None:
    """Every table and materialized view has the same rows with the same content as at the moment of the backup."""
    measure(tables_total=recovery.manifest.content.tables, rows_total=recovery.manifest.content.rows)

    assert recovery.manifest.content.rows, "the database holds no row: nothing would be proven"
    found = recovery.differences("rows")
    assert not found, "\n".join(found)


@check("DRILL-003")
def drill_schema_and_roles_are_back(recovery: Recovered, measure: Measure, attach: Attach) -> None:
    """Every constraint, index, grant, policy, function, owner and role is as it was, and the database itself too."""
    (source,) = recovery.source.values()
    measure(schema_lines_total=len(source.schema), roles_total=len(source.roles), properties_total=len(source.itself))
    if newer := recovery.newer():
        attach("extensions.txt", "\n".join(newer))
    measure(extensions_same_ratio=1 - len(newer) / (len(source.extensions or ()) or 1))

    found = recovery.differences("schema", "roles", "itself", "extensions")
    assert not found, "\n".join(found)
    if sorted_otherwise := recovery.differences("locale"):
        levels.sortable(recovery.copy, source.itself)
    assert not sorted_otherwise, "\n".join(sorted_otherwise)


@check("DRILL-004")
def drill_sequences_go_on(recovery: Recovered, measure: Measure) -> None:
    """Every sequence goes on where it stood, ahead of its column, and the copy takes writes."""
    (source,) = recovery.source.values()
    measure(sequences_total=len(source.sequences))

    found = recovery.differences("sequences")
    assert not found, "\n".join(found)
    with psycopg.connect(recovery.copy) as connection:
        late = behind(connection)
        assert not late, f"the next insert would collide: {', '.join(late)}"
        connection.execute("CREATE TABLE release_verification_write AS SELECT 1 AS one")
        connection.rollback()


@check("DRILL-005", needs="write")
def drill_newest_write_is_back(recovery: Recovered, sentinel: Sentinel, measure: Measure) -> None:
    """What was written right before the backup is in the copy: it comes from this backup, not from an older one."""
    lost_s = sentinel.lost_s(recovery.copy)

    assert lost_s is not None, "the copy knows no word of this run: it comes from another backup, or leaves tables out"
    measure(rpo_s=lost_s)
