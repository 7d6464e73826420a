"""Drill: the primary dies while the application is written to; its standby takes over."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future

from checks.claim import check
from evidence.release import Release
from restore_drills.compare import hold
from restore_drills.failover import FailedOver, Failover

Measure = Callable[..., None]


@check("DRILL-012")
def drill_standby_takes_over(release: Release, coming_failover: Future[FailedOver], measure: Measure) -> None:
    """The application goes on writing to the promoted standby, and what was acknowledged before is there."""
    declared, came = release.section("backup.drills.failover", Failover), coming_failover.result()
    measure(
        promoted_s=came.promoted_s, rto_s=came.first_write_s, rpo_s=came.lost_s, acknowledged_total=came.acknowledged,
        lost_total=len(came.lost),
    )  # fmt: skip

    # Of a standby that follows at a distance the policy says how many: none, unless a team raises it there.
    assert not (declared.synchronous and came.lost), f"{len(came.lost)} acknowledged writes are not on the standby"
    assert came.follows, "the old primary takes writes again: there are two of them"
    hold({"it": came.primary}, {"it": came.rejoined}, physical=True)
