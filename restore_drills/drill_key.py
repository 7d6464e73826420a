"""Drill: the key of the sealed off-site copy is lost, or is another one; only the one kept in escrow opens it."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future

from checks.claim import check
from checks.findings import Findings
from evidence.release import Release, Undeclared
from restore_drills.conftest import Unrestored
from restore_drills.loss import Failed
from restore_drills.region import Region, Tried

Measure = Callable[..., None]


@check("DRILL-016")
def drill_only_the_key_in_escrow_opens(
    release: Release, coming_region: Future[Tried], measure: Measure, findings: Findings
) -> None:
    """All of the off-site copy is sealed: the key in escrow opens it, no key and another one are refused by name."""
    if not release.section("backup.drills.region", Region).recipients:
        msg = f"{release.path}: [backup.drills.region] recipients: is not declared: the off-site copy is not sealed"
        raise Undeclared(msg)
    try:
        came = coming_region.result().opening
    except Failed as problem:
        raise Unrestored(str(problem)) from None
    assert came, "the off-site copy was not tried"
    measure(refusals_total=len(came.said), sealed_total=came.sealed)

    if came.escrow:
        findings.add("the key in escrow", f"does not open the off-site copy: {came.escrow}")
    for key, said in came.said.items():
        if "key" not in said:
            findings.add(key, f"is not refused as a key: {said or 'the off-site copy was restored'}")
    for what in came.left:
        findings.add(what, "was left half restored by a restore that was refused")
    for key in came.lie_open:
        findings.add(key, "lies off-site as it is, not sealed")
