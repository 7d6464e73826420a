"""The highest rate that a generator keeps up with, found in few tries. A pure function."""

from __future__ import annotations

import math
from collections.abc import Callable

TRIES = 2
"""A rate is too high where it was so this often: once may be the machine."""


def highest(is_fit: Callable[[float], bool], first: float, within: float = 1.1) -> float:
    """Return a rate that was kept up with, where `within` times as much was not; 0 where not even the first was.

    It is doubled until it is too high, and the two are brought together from there, by their geometric mean.
    """

    def kept(rate: float) -> bool:
        return any(is_fit(rate) for _ in range(TRIES))

    low, high = 0.0, first
    while kept(high):
        low, high = high, 2 * high
    while low and high > within * low:
        middle = math.sqrt(low * high)
        low, high = (middle, high) if kept(middle) else (low, middle)
    return low
