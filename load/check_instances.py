"""Whether the number of instances follows the load."""

from __future__ import annotations

from checks.claim import check
from evidence.errors import CannotTell
from evidence.release import Undeclared
from load.finding import Finding
from load.instances import LATE_S
from load.measurement import Measurement


@check("LOAD-008")
def check_instances_follow_the_load(measurement: Measurement) -> Finding:
    """More load brings more instances, and none the number that there was before, within the declared times."""
    instances, scaled = measurement.load.instances, measurement.scaled
    if instances is None:
        msg = "[load.instances] is not declared; declare it, or say why not under [not_applicable]"
        raise Undeclared(msg)
    if scaled.problem:
        raise CannotTell(scaled.problem)
    assert scaled.rose_s is not None, (
        f"still {scaled.before} instances {instances.rises_within_s:g} s after the load began to rise to "
        f"{instances.rate_per_s:g} requests a second"
    )
    assert scaled.fell_s is not None, (
        f"from {scaled.before} to {scaled.most} instances, and still {scaled.last} {instances.falls_within_s:g} s "
        "after the load ended"
    )
    for what, seen_s, within_s in (
        ("rose", scaled.rose_s, instances.rises_within_s),
        ("fell", scaled.fell_s, instances.falls_within_s),
    ):
        if seen_s > within_s + LATE_S:
            msg = (
                f"they {what}, which was seen after {seen_s:.1f} s: nobody could look sooner, since requests were in "
                f"flight, so that it is not known whether it was within the {within_s:g} s that are declared"
            )
            raise CannotTell(msg)
    measured = {
        "rose_after_s": scaled.rose_s,
        "fell_after_s": scaled.fell_s,
        "instances_before_total": scaled.before,
        "instances_most_total": scaled.most,
    }
    detail = (
        f"from {scaled.before} to {scaled.most} instances after {scaled.rose_s:.0f} s of a rising load, and back to "
        f"{scaled.last} {scaled.fell_s:.0f} s after its end"
    )
    return Finding(measured, detail)
