"""How a percentile differs between two releases that were asked in turns. Pure functions on lists of numbers."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from statistics import NormalDist
from typing import NamedTuple

from load.quantile import TooFewSamples, nearest_rank, ordered

RESAMPLES = 1000
FEWEST = 6
"""Times that pairs are drawn anew, and pairs without which their spread is not known."""
Series = Sequence[float]
Tail = list[tuple[float, int]]


class Pair(NamedTuple):
    """Latencies of both releases, one asked right after the other by the same plan of arrivals."""

    now: Series
    before: Series


class Difference(NamedTuple):
    """How much more the new one's percentile is, and the 95 % confidence interval of that."""

    low: float
    middle: float
    high: float


def difference(pairs: Sequence[Pair], share: float, seed: int = 1) -> Difference:
    """Return the difference of two percentiles, each of all blocks, and its interval; TooFewSamples of a few pairs.

    Whole pairs of blocks are drawn, so that what moves slowly, such as a busy machine, moves both sides and stays
    together: H. Kuensch, The Annals of Statistics 17 (1989), whose blocks are here the pairs. Percentiles of so few
    draws are too narrow, and are taken further out by Student's t: T. Hesterberg, What Teachers Should Know About the
    Bootstrap, The American Statistician 69 (2015), "expanded percentile interval".
    """
    size = len(pairs)
    if size < FEWEST:
        msg = (
            f"{size} pairs of blocks say too little about their spread; it takes {FEWEST}: raise [load.baseline] pairs"
        )
        raise TooFewSamples(msg)
    if not all(side for pair in pairs for side in pair):
        msg = "in a block nothing was answered as declared, so that there is nothing to compare"
        raise TooFewSamples(msg)
    sides = [_tail([pair.now for pair in pairs]), _tail([pair.before for pair in pairs])]
    counts = [[len(pair.now) for pair in pairs], [len(pair.before) for pair in pairs]]
    chance, drawn = random.Random(seed), list[float]()  # noqa: S311 - repeatable on purpose
    for _ in range(RESAMPLES):
        weights = [0] * size
        for number in chance.choices(range(size), k=size):
            weights[number] += 1
        now, before = (_quantile(*side, weights, share) for side in zip(sides, counts, strict=True))
        drawn.append(now - before)
    once = [1] * size
    now, before = (_quantile(*side, once, share) for side in zip(sides, counts, strict=True))
    in_order, outside = ordered(drawn), _outside(size)
    return Difference(nearest_rank(in_order, outside), now - before, nearest_rank(in_order, 1 - outside))


def _tail(blocks: Sequence[Series]) -> Tail:
    """Return all latencies with their block's number, the longest first."""
    return sorted(((value, number) for number, block in enumerate(blocks) for value in block), reverse=True)


def _quantile(longest_first: Tail, counts: Sequence[int], weights: Sequence[int], share: float) -> float:
    """Return the quantile of the blocks, each taken as often as its weight says."""
    size = sum(count * weight for count, weight in zip(counts, weights, strict=True))
    beyond, seen = size - math.ceil(share * size - 1e-9), 0
    for value, number in longest_first:
        seen += weights[number]
        if seen > beyond:
            return value
    msg = "no samples"
    raise TooFewSamples(msg)


def _outside(size: int) -> float:
    """Return the share of draws that is left out on either side, for 95 % in between."""
    freedom, normal = size - 1, NormalDist()
    z = normal.inv_cdf(0.975)
    # Student's t by its expansion about the normal: M. Abramowitz and I. Stegun, formula 26.7.5.
    t = z + (z**3 + z) / (4 * freedom) + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * freedom**2)
    return normal.cdf(-math.sqrt(size / freedom) * t)
