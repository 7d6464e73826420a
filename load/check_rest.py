"""Whether who comes first, after nobody came for a while, is answered like anybody else."""

from __future__ import annotations

from checks.claim import check
from evidence.release import Undeclared
from load.finding import Finding
from load.measurement import Measurement
from load.quantile import TooFewSamples
from load.recorder import DROPPED, NOT_ASKED


@check("LOAD-010")
def check_first_request_after_a_rest(measurement: Measurement) -> Finding:
    """The first request after a rest is answered as declared, and in time."""
    rested_s = measurement.load.rest_s
    if not rested_s:
        msg = "[load] rest_s is 0, so that there was no rest; raise it, or say why not under [not_applicable]"
        raise Undeclared(msg)
    first = min(measurement.everything, key=lambda sample: sample.at_s, default=None)
    if first is None or first.error in {DROPPED, NOT_ASKED}:
        msg = "the first request was not sent"
        raise TooFewSamples(msg)
    assert not first.error, f"the first request, {first.name}, failed: {first.error}"
    measured = {"first_ms": first.latency_ms, "rested_s": rested_s}
    detail = f"the first request, {first.name}, was answered after {first.latency_ms:.0f} ms, {rested_s:g} s after"
    return Finding(measured, f"{detail} anything was asked before it")
