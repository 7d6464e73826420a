"""Whether arrivals waited for a free user because we have too few of them, or because the release answers slowly."""

from __future__ import annotations

import heapq
import math
from collections.abc import Iterator, Sequence
from statistics import fmean

from load.quantile import nearest_rank
from load.recorder import DROPPED, NOT_ASKED, Sample

CALM = 10
"""Up to this part of the users at work a release is not pressed: what it takes then it takes by itself."""
PEAK = 3
"""Standard deviations of the number at work that users must have room for."""


def waited_ms(samples: Sequence[Sample]) -> float:
    """Return how long 1 arrival in 100 waited for a free user; infinite where one was dropped."""
    if any(sample.error == DROPPED for sample in samples):
        return math.inf
    waits = sorted(_wait_ms(sample) for sample in samples if sample.error != NOT_ASKED)
    return nearest_rank(waits, 0.99) if waits else 0.0


def needed(everything: Sequence[Sample], users: int, rate_per_s: float) -> tuple[int, float]:
    """Return how many users a release needs that never is pressed, and how long it takes for a request then (ms).

    Arrivals that come at random and never wait are at work in a number that has Poisson's distribution, with their rate
    times the mean time of one as its mean, whatever the distribution of that time: L. Takacs, Introduction to the
    Theory of Queues (1962), of infinitely many servers. So a release that would serve all, were there users, shows that
    in what it takes while few are at work; one that cannot keep up takes little then, and fills any number of users.
    """
    calm = [sample.service_ms for sample, at_work in _at_work(everything) if at_work <= max(1, users // CALM)]
    if not calm:
        return 0, math.nan
    mean_ms = fmean(calm)
    at_work = rate_per_s * mean_ms / 1000
    return math.ceil(at_work + PEAK * math.sqrt(at_work)), mean_ms


def _at_work(everything: Sequence[Sample]) -> Iterator[tuple[Sample, int]]:
    """Give each request that was answered, and how many were at work once it was sent, itself included."""
    sent = [sample for sample in everything if sample.error not in {DROPPED, NOT_ASKED}]
    ends: list[float] = []
    for sample in sorted(sent, key=_sent_s):
        while ends and ends[0] <= _sent_s(sample):
            heapq.heappop(ends)
        heapq.heappush(ends, sample.finished_s)
        if sample.status:
            yield sample, len(ends)


def _sent_s(sample: Sample) -> float:
    return sample.finished_s - sample.service_ms / 1000


def _wait_ms(sample: Sample) -> float:
    """Return how long an arrival waited between its hand-over and its sending, where we were late in neither."""
    return sample.latency_ms - sample.service_ms - sample.slip_ms
