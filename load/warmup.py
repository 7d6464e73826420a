"""Where a series becomes steady: found in its numbers, not guessed."""

from __future__ import annotations

from collections.abc import Sequence

BATCH = 5
FEWEST = 50
TOO_LATE = 0.9
"""Samples of a batch, and without which nothing is seen; the part of the first half beyond which the end of warm-up may
as well lie outside."""


def steady_from(values: Sequence[float]) -> int | None:
    """Return how many samples belong to warm-up by MSER-5; None where the series is not seen to have settled.

    The cut is where the mean of the rest has the smallest standard error: K. P. White, An Effective Truncation
    Heuristic for Bias Reduction in Simulation Output, Simulation 69 (1997); in batches of five: K. P. White, M. Cobb
    and S. Spratt, Winter Simulation Conference (2000). It counts only in the first half: later, too little is left.
    """
    if len(values) < FEWEST:
        return None
    means = [sum(values[start : start + BATCH]) / BATCH for start in range(0, len(values) - BATCH + 1, BATCH)]
    half = len(means) // 2
    total = squares = 0.0
    errors: dict[int, float] = {}
    for cut in range(len(means) - 1, -1, -1):
        total += means[cut]
        squares += means[cut] ** 2
        rest = len(means) - cut
        if cut <= half:
            errors[cut] = round((squares - total**2 / rest) / rest**2, 9)
    best = min(errors, key=lambda cut: (errors[cut], cut))
    return best * BATCH if best <= TOO_LATE * half else None
