"""How sure a share of failures is. A pure function on counts."""

from __future__ import annotations

import math

Z = 1.959964
"""The 97.5 % quantile of the normal distribution."""


def share_interval(failed: int, size: int, effective: int) -> tuple[float, float]:
    """Return the 95 % confidence interval of a share: E. Wilson, J. American Statistical Association 22 (1927).

    It has a width also where nothing failed: L. Brown, T. Cai and A. DasGupta, Statistical Science 16 (2001).
    `effective` is the number of independent samples that they are worth.
    """
    share = failed / size
    scale = 1 + Z**2 / effective
    middle = share + Z**2 / (2 * effective)
    reach = Z * math.sqrt(share * (1 - share) / effective + Z**2 / (4 * effective**2))
    low = (middle - reach) / scale if failed else 0.0
    high = (middle + reach) / scale if failed < size else 1.0
    return max(0.0, low), min(1.0, high)
