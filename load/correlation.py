"""How much a series of events, in order of time, tells: what comes together tells less. Pure functions."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable


def worth(happened: Iterable[bool]) -> int:
    """Return how many independent samples a series is worth; never more than it has.

    The sum over pairs of neighbouring lags ends before the first that is not positive: C. Geyer, Statistical Science 7
    (1992), section 3.3; here before the first within two standard errors of 0, since what chance adds up is no
    correlation.
    """
    flags = list(happened)
    size, bits = len(flags), sum(1 << place for place, flag in enumerate(flags) if flag)
    if bits.bit_count() in {0, size}:
        return size
    pairs = (autocorrelation(bits, size, lag) + autocorrelation(bits, size, lag + 1) for lag in range(0, size, 2))
    positive = itertools.takewhile(lambda pair: pair > 2 * math.sqrt(2 / size), pairs)
    return max(1, math.floor(size / max(2 * math.fsum(positive) - 1, 1)))


def autocorrelation(bits: int, size: int, lag: int) -> float:
    """Return the autocorrelation at `lag` of a series of zeros and ones, packed into an integer, first value lowest."""
    mean = bits.bit_count() / size
    overlap = size - lag
    both = (bits & (bits >> lag)).bit_count()
    early = (bits & ((1 << overlap) - 1)).bit_count()
    late = (bits >> lag).bit_count()
    covariance = both - mean * (early + late) + overlap * mean**2
    return covariance / (size * mean * (1 - mean))
