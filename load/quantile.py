"""Percentiles by order statistics, and how far they can be trusted. Pure functions on lists of numbers."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence


class TooFewSamples(ValueError):
    """The samples cannot carry the statement; the message says how many would."""


def ordered(values: Sequence[float]) -> list[float]:
    """Sort; ValueError where a value is not a finite number, since such a thing has no rank."""
    if not all(map(math.isfinite, values)):
        msg = "a sample is not a finite number"
        raise ValueError(msg)
    return sorted(values)


def nearest_rank(in_order: Sequence[float], share: float) -> float:
    """Return the smallest sample that at least `share` of the samples do not exceed; TooFewSamples of none."""
    if not in_order:
        msg = "no samples"
        raise TooFewSamples(msg)
    return in_order[max(0, math.ceil(share * len(in_order) - 1e-9) - 1)]


def interval(
    in_order: Sequence[float], share: float, effective: int | None = None, confidence: float = 0.95
) -> tuple[float, float]:
    """Return a two-sided confidence interval of a quantile, whatever the distribution.

    The number of samples below the true quantile is binomial, so that two order statistics enclose it: J.-Y. Le Boudec,
    Performance Evaluation of Computer and Communication Systems (EPFL Press, 2010), theorem 2.1; G. Hahn and W. Meeker,
    Statistical Intervals (Wiley, 1991), section 5.2. `effective` is the number of independent samples that they are
    worth. TooFewSamples where no pair of samples encloses it with that confidence.
    """
    size = len(in_order)
    effective = size if effective is None else effective
    low, high = ranks(effective, share, confidence)
    first = max(1, math.floor(low * size / effective))
    last = min(size, math.ceil(high * size / effective))
    return in_order[first - 1], in_order[last - 1]


def ranks(size: int, share: float, confidence: float = 0.95) -> tuple[int, int]:
    """Return the 1-based ranks of the two order statistics; TooFewSamples where there are none."""
    tail = (1 - confidence) / 2
    least = fewest(share, confidence)
    if size < least:
        msg = f"{size} independent samples cannot bound the {share:.0%} quantile; it takes {least}: measure longer"
        raise TooFewSamples(msg)
    low, high, below = 0, size, 0.0
    for count, probability in enumerate(_binomial(size, share)):
        below += probability
        if below <= tail:
            low = count + 1
        if 1 - below <= tail:
            high = count + 1
            break
    return low, high


def fewest(share: float, confidence: float = 0.95) -> int:
    """Return how many independent samples it takes to bound a quantile from both sides."""
    tail = math.log((1 - confidence) / 2)
    return max(math.ceil(tail / math.log(share)), math.ceil(tail / math.log(1 - share)))


def is_precise(values: Sequence[float], share: float, width: float) -> bool:
    """Say whether the quantile's confidence interval is at most `width` of the quantile: then measuring may stop.

    A rule that does not look at any limit cannot favour one side of it: Y. Chow and H. Robbins, On the Asymptotic
    Theory of Fixed-Width Sequential Confidence Intervals, Annals of Mathematical Statistics 36 (1965).
    """
    try:
        in_order = ordered(values)
        low, high = interval(in_order, share, effective_size(values, share))
    except TooFewSamples:
        return False
    return high - low <= width * nearest_rank(in_order, share)


def effective_size(values: Sequence[float], share: float) -> int:
    """Return how many independent samples a series, in order of time, is worth for its `share` quantile.

    A quantile's variance is that of the indicator "exceeds the quantile", so its autocorrelation is what counts: P.
    Heidelberger and P. Lewis, Operations Research 32 (1984). The sum over pairs of neighbouring lags ends before the
    first that is not positive: C. Geyer, Statistical Science 7 (1992), section 3.3. Never more than the samples.
    """
    size = len(values)
    quantile = nearest_rank(ordered(values), share)
    exceeds = sum(1 << place for place, value in enumerate(values) if value > quantile)
    if not exceeds:
        return size
    pairs = (autocorrelation(exceeds, size, lag) + autocorrelation(exceeds, size, lag + 1) for lag in range(0, size, 2))
    positive = itertools.takewhile(lambda pair: pair > 0, pairs)
    return math.floor(size / max(2 * math.fsum(positive) - 1, 1))


def autocorrelation(bits: int, size: int, lag: int) -> float:
    """Return the autocorrelation at `lag` of a series of zeros and ones, packed into an integer, first value lowest."""
    mean = bits.bit_count() / size
    overlap = size - lag
    both = (bits & (bits >> lag)).bit_count()
    early = (bits & ((1 << overlap) - 1)).bit_count()
    late = (bits >> lag).bit_count()
    covariance = both - mean * (early + late) + overlap * mean**2
    return covariance / (size * mean * (1 - mean))


def _binomial(size: int, share: float) -> Iterator[float]:
    """Yield the probabilities of 0, 1, ... size successes, by logarithms, since the factorials overflow."""
    for count in range(size + 1):
        ways = math.lgamma(size + 1) - math.lgamma(count + 1) - math.lgamma(size - count + 1)
        yield math.exp(ways + count * math.log(share) + (size - count) * math.log1p(-share))
