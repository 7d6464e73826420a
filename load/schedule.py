"""When requests arrive: drawn before the start, so that a slow release cannot slow down its own test."""

from __future__ import annotations

import random
from typing import NamedTuple

from load.config import Load, Request


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
    starts = [
        *_uniform(source, 0, load.warmup_s, load.rate_per_s),
        *_uniform(source, load.warmup_s, load.ends_s, load.rate_per_s),
    ]
    weights = [request.weight for request in load.requests]
    chosen = source.choices(load.requests, weights, k=len(starts))
    return [Arrival(at_s, request) for at_s, request in zip(starts, chosen, strict=True)]


def _uniform(source: random.Random, begin: float, end: float, rate_per_s: float) -> list[float]:
    return sorted(source.uniform(begin, end) for _ in range(round(rate_per_s * (end - begin))))
