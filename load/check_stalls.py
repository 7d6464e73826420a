"""Whether the release ever stops answering everybody at once, however rarely."""

from __future__ import annotations

import heapq
from bisect import bisect
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from checks.claim import check
from load.finding import Finding, told
from load.measurement import Measurement, Vitals
from load.quantile import ordered
from load.recorder import Sample

WAITING = 5
"""Arrivals that wait in vain at the end of a silence: with fewer it is the latency of one of them, not everybody's."""


class Silence(NamedTuple):
    """How long nothing was answered while arrivals waited, from when on, and how many waited at its end."""

    lasted_s: float = 0.0
    since_s: float = 0.0
    waiting: int = 0
    ours_s: float = 0.0
    """How much of it we stood still ourselves: whether the release answered then, nobody saw."""

    @property
    def surely_s(self) -> float:
        """How much of it is the release's whatever we did."""
        return self.lasted_s - self.ours_s


class Pause(NamedTuple):
    """From when to when we stood still."""

    begin_s: float
    end_s: float


@check("LOAD-005")
def check_nothing_stops(measurement: Measurement) -> Finding:
    """Answers never stop altogether while requests wait."""
    ordered([sample.latency_ms for sample in measurement.sent])  # what is no number is no short silence
    own = pauses(measurement.vitals)
    found = list(silences(measurement.sent, measurement.span.closes_s))
    longest = max(found, default=Silence())
    longest = longest._replace(ours_s=ours_s(longest, own))
    sure = surest(found, own)
    measured = {
        "longest_stall_ms": sure.surely_s * 1000,
        "longest_stall_low_ms": sure.surely_s * 1000,
        "longest_stall_high_ms": longest.lasted_s * 1000,
        "generator_lag_max_ms": max(measurement.seen.lag_ms, default=0.0),
        "samples_total": len(measurement.sent),
    }
    if not longest.waiting:
        return Finding(measured, f"never were {WAITING} requests waiting without an answer to any")
    said = dict.fromkeys(_words(one) for one in (sure, longest) if one.waiting)
    return Finding(measured, told(*said, measurement.server.why()))


def _words(silence: Silence) -> str:
    return (
        f"for {silence.lasted_s * 1000:.0f} ms, {silence.since_s:.1f} s after the load began, nothing was answered "
        f"while {silence.waiting} requests came to wait; of that at most {silence.ours_s * 1000:.0f} ms are the "
        "generator's own"
    )


def surest(found: Iterable[Silence], own: Sequence[Pause]) -> Silence:
    """Find the silence of which most is the release's: the longest may be one of ours, and must not hide another."""
    best = Silence()
    for one in sorted(found, reverse=True):
        if one.lasted_s <= best.surely_s:
            break
        best = max(best, one._replace(ours_s=ours_s(one, own)), key=lambda each: each.surely_s)
    return best


def ours_s(silence: Silence, own: Sequence[Pause]) -> float:
    """Say how much of a silence we stood still ourselves."""
    begin_s, end_s, shared_s = silence.since_s, silence.since_s + silence.lasted_s, 0.0
    for number in range(bisect(own, begin_s, key=lambda pause: pause.end_s), len(own)):
        if own[number].begin_s >= end_s:
            break
        shared_s += min(own[number].end_s, end_s) - max(own[number].begin_s, begin_s)
    return min(shared_s, silence.lasted_s)


def pauses(vitals: Vitals) -> list[Pause]:
    """Give when we stood still, in order of time; of several generators, when any did."""
    ordered(vitals.lag_ms)
    late = (
        Pause(at_s - lag / 1000, at_s) for at_s, lag in zip(vitals.lag_at_s, vitals.lag_ms, strict=False) if lag > 0
    )
    merged: list[Pause] = []
    for pause in sorted(late):
        if merged and pause.begin_s <= merged[-1].end_s:
            merged[-1] = merged[-1]._replace(end_s=max(merged[-1].end_s, pause.end_s))
        else:
            merged.append(pause)
    return merged


def silences(samples: Sequence[Sample], until_s: float) -> Iterator[Silence]:
    """Give each time without any answer that begins with an answer, or with the first arrival that waits.

    An answer of any kind ends it, a refusal, too; what was not answered by the end has waited until then.
    """
    starts = sorted((one.at_s, number) for number, one in enumerate(samples))
    ends = sorted((min(one.finished_s, until_s), number) for number, one in enumerate(samples))
    waiting: list[tuple[float, int]] = []
    over, come, last_s = set[int](), 0, 0.0
    for end_s, number in ends:
        while come < len(starts) and starts[come][0] < end_s:
            heapq.heappush(waiting, starts[come])
            come += 1
        while waiting and waiting[0][1] in over:
            heapq.heappop(waiting)
        if (in_vain := come - len(over)) >= WAITING:
            since_s = max(last_s, waiting[0][0])
            yield Silence(end_s - since_s, since_s, in_vain)
        over.add(number)
        if samples[number].status:
            last_s = end_s
