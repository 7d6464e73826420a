"""Drill: the release was a bad one; its migrations are taken back while the version before it serves."""

from __future__ import annotations

from collections.abc import Callable

from checks.claim import check
from checks.findings import Findings
from evidence.release import Release
from restore_drills.application import Application
from restore_drills.loss import Recovered
from restore_drills.rollback import Migrations, Rollback, rolled_back

Measure = Callable[..., None]


@check("DRILL-013")
def drill_release_is_taken_back(release: Release, recovery: Recovered, measure: Measure, findings: Findings) -> None:
    """The new migrations go back under the version before, which is refused nothing; what both know is unchanged."""
    came = rolled_back(
        recovery.copy, release.section("database.migrations", Migrations),
        release.section("backup.drills.rollback", Rollback), release.section("backup.application", Application),
        release.root,
    )  # fmt: skip
    measure(rollback_s=came.seconds, acknowledged_total=came.acknowledged, tables_total=came.tables)

    for what in came.wrong:
        place, _, said = what.partition(": ")
        findings.add(place, said)
