"""Drill: the region is gone, the server and the store of backups with it; only the off-site copy is left."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future

from checks.claim import check
from evidence import chart
from evidence.release import Release
from restore_drills.compare import hold
from restore_drills.estate import Estate
from restore_drills.loss import Failed
from restore_drills.region import Region, Tried

Measure = Callable[..., None]
Attach = Callable[[str, str], None]
HOUR_S = 3600
HOW = "From the copy off-site to the proof; the server and the first store are gone in between."


@check("DRILL-015")
def drill_off_site_copy_leads_back(
    release: Release, estate: Estate, coming_region: Future[Tried], measure: Measure, attach: Attach
) -> None:
    """With the server and its store of backups lost, the off-site copy alone brings back all that was in the store."""
    declared, came = release.section("backup.drills.region", Region), coming_region.result().came
    assert not isinstance(came, Failed), str(came)
    attach(f"steps{chart.SUFFIX}", chart.encode(came.steps.timeline(HOW)))
    assert came.age_s is not None, "no word of this run is in what came of the off-site copy: it is another backup"
    # Lost at the worst is what was written since the copy before the one that the loss prevents, and this one's age.
    measure(rto_s=came.seconds, rpo_s=declared.every_h * HOUR_S + came.age_s, age_s=came.age_s)

    hold(estate.now, came.content, physical=True)
