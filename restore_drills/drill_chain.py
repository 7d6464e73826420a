"""Drill: the server is gone; a full backup, what changed since, and the log since then bring the last write back."""

from __future__ import annotations

from collections.abc import Callable

from checks.claim import check
from restore_drills.compare import hold
from restore_drills.estate import Estate
from restore_drills.loss import Failed

Measure = Callable[..., None]


@check("DRILL-007")
def drill_chain_and_log_lose_no_write(estate: Estate, chained: tuple[str, float] | Failed, measure: Measure) -> None:
    """A full and an incremental backup, joined, and the log behind them bring back every acknowledged write."""
    assert not isinstance(chained, Failed), str(chained)
    copy, seconds = chained
    lost_s = estate.sentinel.lost_s(copy)
    assert lost_s is not None, "no word that was written before or after the increment is back"
    measure(rto_s=seconds, rpo_s=lost_s, members_total=len(estate.increment.parents) + 1)

    hold(estate.now, estate.content(copy, estate.increment), physical=True)
