"""When the window may close, and how sure an interval must be that is looked at several times. Pure functions."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

from load.config import Load
from load.quantile import TooFewSamples, at_least, effective_size, interval, is_precise, ordered

LOOK_EVERY_S = 5.0
"""How often an open window is looked at, whether it may close, where no latency is promised."""
ERRORS = 0.05
"""How often an interval may miss the truth: in the run, however often it is looked at."""
WORTH_ENDING = 30
"""What samples must be worth, that a lower end alone may end the run. What they are worth is itself known from them: of
drawn releases whose latencies are correlated for 10 s, 9 % were blocked at their promise without this, and as with no
early end 3 % with it."""


def closings(load: Load) -> tuple[float, ...]:
    """Return how long after its opening the window may close: known beforehand, whatever is measured.

    Where `held_ms` is promised the looks are few, each about twice as late as the one before it.
    """
    if load.stages:
        return (load.most_s,)
    first, last = load.duration_s, load.most_s
    if load.held_ms is None:
        return tuple(edges(first, LOOK_EVERY_S, last))
    steps = max(1, round(math.log2(last / first))) if last > first else 0
    return (*(round(first * (last / first) ** (step / steps), 1) for step in range(steps)), last)


def edges(shortest: float, step: float, longest: float) -> list[float]:
    """Every `step` from the shortest on, and the longest."""
    return [*itertools.takewhile(lambda end: end < longest, itertools.count(shortest, step)), longest]


def confidence(load: Load) -> float:
    """Return the confidence of each interval, so that one of them misses the truth in no more than ERRORS of all runs.

    Who measures on until the interval is on one side looks at it several times, and each look may err: the errors are
    shared out evenly among the looks that may be taken (Bonferroni), which holds whatever rule ends the run: C.
    Jennison and B. Turnbull, Interim Analyses: The Repeated Confidence Interval Approach, J. Royal Statistical Society
    B 51 (1989). A rule that knows no limit looks once: see `is_precise`.
    """
    return 1 - ERRORS / (len(closings(load)) if load.held_ms is not None and not load.stages else 1)


def enough(load: Load, latencies: Sequence[float]) -> bool:
    """Say whether the window may close: the interval is on one side of what is promised, or else narrow."""
    if load.held_ms is None:
        return is_precise(latencies, 0.95, load.precise)
    return not straddles(latencies, load.held_ms, confidence(load))


def straddles(latencies: Sequence[float], limit_ms: float, sure: float) -> bool:
    """Say whether a limit lies within the interval of the p95, so that nobody can tell.

    Where samples are worth too little for an upper end, the lower one may be above the limit all the same, and then the
    run may end: it errs as seldom at each look as any interval does, if it stands on enough.
    """
    if not latencies:
        return True
    in_order, worth = ordered(latencies), effective_size(latencies, 0.95)
    try:
        low, high = interval(in_order, 0.95, worth, sure)
    except TooFewSamples:
        return worth < WORTH_ENDING or at_least(in_order, 0.95, worth, sure) <= limit_ms
    return low <= limit_ms < high
