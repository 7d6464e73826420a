"""Whether the release keeps memory of the requests that it has answered."""

from __future__ import annotations

from checks.claim import check
from evidence.release import Undeclared
from load.finding import Finding
from load.leak import slope
from load.measurement import Measurement
from load.quantile import TooFewSamples
from load.server import NO_PROCESS


@check("LOAD-006")
def check_memory_does_not_grow(measurement: Measurement) -> Finding:
    """Memory does not grow with the requests that are answered."""
    moments = [moment for moment in measurement.server.moments if moment.own_mib]
    if not moments:
        said = next((note for note in measurement.server.notes if "process" in note), NO_PROCESS)
        msg = f"{said}; say why not under [not_applicable]"
        raise Undeclared(msg)
    seen = [moment for moment in moments if measurement.span.opens_s <= moment.at_s <= measurement.span.closes_s]
    if not seen or not measurement.answered_in_window:
        msg = "memory was not seen while requests were answered: measure longer"
        raise TooFewSamples(msg)
    # One that comes or goes brings or takes its own memory: that is no growth.
    always = sorted(set.intersection(*(set(moment.own_mib) for moment in seen)))
    held = [sum(moment.own_mib[name] for name in always) for moment in seen]
    per_s = slope([moment.at_s for moment in seen], held)
    thousands_per_s = measurement.answered_in_window / measurement.span.lasted_s / 1000
    low, grown, high = (end / thousands_per_s for end in per_s)
    measured = {
        "grown_per_1000_requests_mib": grown,
        "grown_per_1000_requests_low_mib": low,
        "grown_per_1000_requests_high_mib": high,
        "surely_grown_per_1000_requests_mib": max(low, 0.0),  # in this order NaN stays NaN
        "held_mib": held[-1],
        "processes_total": len(always),
        "samples_total": len(held),
    }
    most = max(always, key=lambda name: seen[-1].own_mib[name] - seen[0].own_mib[name], default="none")
    detail = (
        f"{len(always)} processes hold {held[0]:.1f} MiB at first and {held[-1]:.1f} MiB at last; with 95 % confidence "
        f"that is {low:.2f} to {high:.2f} MiB in 1,000 requests. {most} gained most"
    )
    return Finding(measured, detail)
