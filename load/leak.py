"""Whether memory grows, and how surely. Pure functions on lists of numbers."""

from __future__ import annotations

import itertools
import math
import statistics
from collections.abc import Sequence
from typing import NamedTuple

from load.quantile import TooFewSamples

Z = 2.575829
"""The 99.5 % quantile of the normal distribution: from few samples the correction is too small, so that the interval
which is given as one of 95 % is made wider; by simulation it then keeps that (docs/load.md)."""
MOST = 0.99
FEWEST = 8
"""Samples without which Kendall's statistic is not near enough to normal."""


class Slope(NamedTuple):
    """How much is gained in one unit of time, and the 95 % confidence interval of that."""

    low: float
    middle: float
    high: float


def slope(times: Sequence[float], values: Sequence[float]) -> Slope:
    """Return the median slope of all pairs, which a step or an outlier hardly moves, with its interval.

    H. Theil (1950); P. Sen, J. American Statistical Association 63 (1968), whose interval takes the slopes at the ranks
    that Kendall's statistic gives. Memory now tells of memory a second ago, so its variance is corrected by the
    autocorrelation of the ranks: K. Hamed and A. Rao, Journal of Hydrology 204 (1998). TooFewSamples of
    a handful.
    """
    size = len(values)
    if size < FEWEST:
        msg = f"memory was seen {size} times; it takes {FEWEST} to tell whether it grows: measure longer"
        raise TooFewSamples(msg)
    pairs = itertools.combinations(zip(times, values, strict=True), 2)
    slopes = sorted((later - before) / (then - first) for (first, before), (then, later) in pairs)
    middle = statistics.median(slopes)
    spread = Z * math.sqrt(
        _variance(size) * _correction([value - middle * at for at, value in zip(times, values, strict=True)])
    )
    low, high = (len(slopes) - spread) / 2, (len(slopes) + spread) / 2
    # Where what moves memory lasts too long for so few samples, no slope that was seen is left out.
    return Slope(slopes[max(1, math.floor(low)) - 1], middle, slopes[min(math.ceil(high), len(slopes) - 1)])


def _variance(size: int) -> float:
    """Return the variance of Kendall's S where nothing grows and nothing depends on anything."""
    return size * (size - 1) * (2 * size + 5) / 18


def _correction(rest: Sequence[float]) -> float:
    """Return by how much that variance is larger, by what the trend leaves; never smaller, since that is chance."""
    size, ranks = len(rest), _ranks(rest)
    mean = math.fsum(ranks) / size
    off = [rank - mean for rank in ranks]
    total = math.fsum(value**2 for value in off)
    if not total:
        return 1.0
    seen = math.fsum(a * b for a, b in itertools.pairwise(off)) / total
    lasting = min(MOST, (size * seen + 2) / (size - 4))
    if lasting <= 0:
        return 1.0
    added = math.fsum((size - lag) * (size - lag - 1) * (size - lag - 2) * lasting**lag for lag in range(1, size - 1))
    return 1 + 2 * added / (size * (size - 1) * (size - 2))


def _ranks(values: Sequence[float]) -> list[float]:
    """Return each value's rank; equal ones share theirs."""
    in_order = sorted(values)
    first = {value: place for place, value in reversed(list(enumerate(in_order)))}
    return [first[value] + (in_order.count(value) - 1) / 2 for value in values]
