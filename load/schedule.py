"""When requests arrive: drawn before the start, so that a slow release cannot slow down its own test."""

from __future__ import annotations

import itertools
import random
from typing import NamedTuple

from load.config import Load, Request

LOOK_EVERY_S = 5.0
"""How often a window that is open for longer is looked at, whether it may close."""


class Arrival(NamedTuple):
    """One request and its intended start, in seconds from the start of the run."""

    at_s: float
    request: Request


def draw(load: Load) -> list[Arrival]:
    """Draw Poisson arrivals, warm-up first; the same seed gives the same arrivals.

    Given their number, the arrivals of a Poisson process are independent and uniform. Fixing the number to the asked
    one keeps the bursts, and takes the luck of the draw out of asked against achieved.
    """
    source = random.Random(load.seed)  # noqa: S311 - repeatable on purpose
    edges = [0, *closings(load)] if not load.warmup_s else [0, load.warmup_s, *closings(load)]
    starts = [
        start for begin, end in itertools.pairwise(edges) for start in _uniform(source, begin, end, load.rate_per_s)
    ]
    weights = [request.weight for request in load.requests]
    chosen = source.choices(load.requests, weights, k=len(starts))
    return [Arrival(at_s, request) for at_s, request in zip(starts, chosen, strict=True)]


def closings(load: Load) -> list[float]:
    """When the measuring window may close: after `duration_s`, then every few seconds, at the latest after the most."""
    last = load.warmup_s + load.most_s
    later = itertools.takewhile(lambda end: end < last, itertools.count(load.ends_s, LOOK_EVERY_S))
    return [*later, last]


def _uniform(source: random.Random, begin: float, end: float, rate_per_s: float) -> list[float]:
    return sorted(source.uniform(begin, end) for _ in range(round(rate_per_s * (end - begin))))
