"""Whether the release ever stops answering everybody at once, however rarely."""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from typing import NamedTuple

from checks.claim import check
from load.finding import Finding, told
from load.measurement import Measurement
from load.recorder import Sample

WAITING = 5
"""Arrivals that wait in vain at the end of a silence: with fewer it is the latency of one of them, not everybody's."""


class Silence(NamedTuple):
    """How long nothing was answered while arrivals waited, from when on, and how many waited at its end."""

    lasted_s: float = 0.0
    since_s: float = 0.0
    waiting: int = 0


@check("LOAD-005")
def check_nothing_stops(measurement: Measurement) -> Finding:
    """Answers never stop altogether while requests wait."""
    longest = longest_silence(measurement.sent, measurement.span.closes_s)
    # Our own longest delay may have been in the same moment: then it is not the release's.
    ours_s = max(measurement.seen.lag_ms, default=0.0) / 1000
    measured = {
        "longest_stall_ms": max(0.0, longest.lasted_s - ours_s) * 1000,
        "generator_lag_max_ms": ours_s * 1000,
        "samples_total": len(measurement.sent),
    }
    if not longest.waiting:
        return Finding(measured, f"never were {WAITING} requests waiting without an answer to any")
    detail = (
        f"for {longest.lasted_s * 1000:.0f} ms, {longest.since_s:.1f} s after the load began, nothing was answered "
        f"while {longest.waiting} requests came to wait; of that at most {ours_s * 1000:.0f} ms are the generator's own"
    )
    return Finding(measured, told(detail, measurement.server.why()))


def longest_silence(samples: Sequence[Sample], until_s: float) -> Silence:
    """Find the longest time without any answer that begins with an answer, or with the first arrival that waits.

    An answer of any kind ends it, a refusal, too; what was not answered by the end has waited until then.
    """
    starts = sorted((one.at_s, number) for number, one in enumerate(samples))
    ends = sorted((min(one.finished_s, until_s), number) for number, one in enumerate(samples))
    waiting: list[tuple[float, int]] = []
    over, come, last_s, longest = set[int](), 0, 0.0, Silence()
    for end_s, number in ends:
        while come < len(starts) and starts[come][0] < end_s:
            heapq.heappush(waiting, starts[come])
            come += 1
        while waiting and waiting[0][1] in over:
            heapq.heappop(waiting)
        if (in_vain := come - len(over)) >= WAITING:
            since_s = max(last_s, waiting[0][0])
            longest = max(longest, Silence(end_s - since_s, since_s, in_vain))
        over.add(number)
        if samples[number].status:
            last_s = end_s
    return longest
