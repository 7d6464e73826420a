"""Drill: somebody has broken in; what was stolen opens nothing any more, and who belongs here works on."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future

from checks.claim import check
from checks.findings import Findings
from evidence import chart
from restore_drills.breach import Closed

Measure = Callable[..., None]
Attach = Callable[[str, str], None]
HOW = "From the announcement until who belongs here could be let in again; rotating has the application's start in it."


@check("DRILL-014")
def drill_breach_is_closed(coming_breach: Future[Closed], measure: Measure, attach: Attach, findings: Findings) -> None:
    """In the stated time no stolen session, key or password opens, no write is taken; the audit log stays whole."""
    came = coming_breach.result()
    attach(f"steps{chart.SUFFIX}", chart.encode(came.steps.timeline(HOW)))
    measure(
        closed_s=came.closed_s, back_s=came.back_s, ways_total=came.ways, audit_entries_total=came.audited,
        **{f"{name}_s": seconds for name, seconds in came.seconds.items()},
    )  # fmt: skip

    for place, what in came.wrong:
        findings.add(place, what)
