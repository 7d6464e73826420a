"""Drill: the whole disaster was rehearsed, by people and machines, and not too long ago."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

from checks.claim import check
from evidence.errors import CannotTell
from evidence.release import Release
from restore_drills.dr.contract import Dr
from restore_drills.dr.record import newest

Measure = Callable[..., None]


@check("DR-001")
def drill_last_rehearsal_passed(release: Release, as_of: Callable[[dt.datetime], None], measure: Measure) -> None:
    """The last rehearsal of the whole disaster is this system's own, went through every step, and passed."""
    path, last = newest(release.root / release.section("backup.dr", Dr).records)
    as_of(last.finished)
    assert last.release == release.name, f"{path.name}: is of {last.release!r}, not of {release.name!r}"
    if last.outcome == "undecided":
        msg = f"{path.name}: the last rehearsal proved nothing: {'; '.join(last.findings)}"
        raise CannotTell(msg)
    assert last.outcome == "passed", f"{path.name}: the last rehearsal failed: {'; '.join(last.findings)}"
    missed = [step.name for step in last.steps if step.outcome != "done"]
    assert last.steps, f"{path.name}: says that it passed, and has no step"
    assert not missed, f"{path.name}: says that it passed, and did not come through {', '.join(missed)}"
    assert last.rto_s is not None, f"{path.name}: says that it passed, and not how long the recovery took"
    measure(rto_s=last.rto_s, steps_total=len(last.steps))
