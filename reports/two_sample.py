"""Are the later samples larger than the earlier ones by more than chance? Two tests that see different things.

The rank-sum test (Mann and Whitney, 1947; normal approximation with continuity and tie correction, Lehmann,
"Nonparametrics", 1975) sees that most of the samples moved. It hardly sees that a tenth of them became very slow, which
is what a 95th percentile is about; the quantile test does (Johnson, Verrill and Moore, 1987): of the largest of all
samples together, do too many come from the later side? Their union is what Gilbert and Simpson advise ("Statistical
Methods for Evaluating the Attainment of Cleanup Standards", EPA 230-R-94-004, 1992); the smaller p-value counts twice,
after Bonferroni, since there were two chances.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import groupby

SIGNIFICANT = 0.01
MOST = 2_000
"""Samples of a side: enough for any difference that matters, and the judge stays fast."""


def p_value(before: Sequence[float], after: Sequence[float], quantile: float | None = None) -> float:
    """Return the chance of `after` being this much larger if nothing had changed; with both tests for a quantile."""
    ranks = rank_sum(before, after)
    return ranks if quantile is None else min(1.0, 2 * min(ranks, upper_tail(before, after, quantile)))


def rank_sum(before: Sequence[float], after: Sequence[float]) -> float:
    """Return the one-sided p-value of the Mann-Whitney U test."""
    n, m = len(before), len(after)
    rank, ties, rank_total = 0, 0, 0.0
    for _, group in groupby(_sides(before, after), key=lambda pair: pair[0]):
        sides = [later for _, later in group]
        rank_total += sum(sides) * (rank + (len(sides) + 1) / 2)
        rank += len(sides)
        ties += len(sides) ** 3 - len(sides)
    u = rank_total - m * (m + 1) / 2
    variance = n * m / 12 * (n + m + 1 - ties / ((n + m) * (n + m - 1)))
    if variance <= 0:
        return 1.0
    return 0.5 * math.erfc((u - n * m / 2 - 0.5) / math.sqrt(2 * variance))


def upper_tail(before: Sequence[float], after: Sequence[float], quantile: float) -> float:
    """Return the one-sided p-value of the quantile test: hypergeometric, over the samples above the quantile."""
    n, m = len(before), len(after)
    together = _sides(before, after)
    cut = together[min(n + m - 1, math.ceil(quantile * (n + m)) - 1)][0]
    top = [later for value, later in together if value > cut]
    drawn, later = len(top), sum(top)
    chances = (math.comb(m, k) * math.comb(n, drawn - k) for k in range(later, min(drawn, m) + 1))
    return min(1.0, sum(chances) / math.comb(n + m, drawn))


def thinned(samples: Sequence[float], independent: int) -> list[float]:
    """Keep evenly spaced ones of samples in the order of time: no more than are independent, and than MOST."""
    keep = max(1, min(len(samples), independent, MOST))
    return [samples[number * len(samples) // keep] for number in range(keep)] if samples else []


def _sides(before: Sequence[float], after: Sequence[float]) -> list[tuple[float, bool]]:
    return sorted([(value, False) for value in before] + [(value, True) for value in after])
