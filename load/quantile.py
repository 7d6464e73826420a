"""Percentiles by order statistics, and how far they can be trusted. Pure functions on lists of numbers."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from load.correlation import worth


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
    return _between(in_order, low * size / effective), _between(in_order, high * size / effective)


def at_least(in_order: Sequence[float], share: float, effective: int, confidence: float = 0.95) -> float:
    """Return what a quantile reaches at least, from however few samples: the smallest of them, if nothing better.

    Where samples are few or come together, their worth is itself uncertain, so that they are taken for half of it. That
    a single one lies below its 95 % quantile is 95 % sure.
    """
    if not in_order:
        msg = "no samples"
        raise TooFewSamples(msg)
    independent = max(1, effective // 2)
    below, rank = 0.0, 1
    for count, probability in enumerate(_binomial(independent, share)):
        below += probability
        if below > 1 - confidence:
            break
        rank = count + 1
    return _between(in_order, 1 if independent == 1 else rank * len(in_order) / independent)


def _between(in_order: Sequence[float], rank: float) -> float:
    """Return the sample of a rank, or what lies that far between two neighbours."""
    rank = min(max(rank, 1), len(in_order))
    below = math.floor(rank)
    lower, higher = in_order[below - 1], in_order[min(below, len(in_order) - 1)]
    return lower + (higher - lower) * (rank - below)


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
    Heidelberger and P. Lewis, Operations Research 32 (1984). Few samples exceed a high quantile, so that a correlation
    that lasts is underestimated there; the median shows it. The geometric mean of both is ours: by simulation it keeps
    95 % wherever it allows an interval at all (docs/load.md). Never more than the samples.
    """
    in_order = ordered(values)
    at_quantile, at_median = (
        worth(value > limit for value in values)
        for limit in (nearest_rank(in_order, share), nearest_rank(in_order, 0.5))
    )
    return min(at_quantile, math.isqrt(at_quantile * at_median))


def _binomial(size: int, share: float) -> Iterator[float]:
    """Yield the probabilities of 0, 1, ... size successes, by logarithms, since the factorials overflow."""
    for count in range(size + 1):
        ways = math.lgamma(size + 1) - math.lgamma(count + 1) - math.lgamma(size - count + 1)
        yield math.exp(ways + count * math.log(share) + (size - count) * math.log1p(-share))
