"""One axis of a picture: from which number to which, and where the round numbers on it are."""

from __future__ import annotations

import math
from collections.abc import Sequence

from evidence.chart import Axis

STEPS = (1, 2, 5, 10)


class Scale:
    """One axis: from which number to which."""

    def __init__(self, axis: Axis, numbers: Sequence[float], *, zero: bool) -> None:
        """Hold all of these numbers, and `zero` as well where an axis has one."""
        self.log = axis.scale == "log"
        self.low, self.high = min(numbers), max(numbers)
        if zero and not self.log:
            # A difference looks as large as it is only where the whole number is seen.
            self.low, self.high = min(0.0, self.low), max(0.0, self.high)
            step = _step(self.low, self.high)
            self.high = math.ceil(self.high / step - 1e-9) * step
        largest = max(abs(self.low), abs(self.high))
        if self.high - self.low <= largest * 1e-9:  # one number, or as good as one
            room = max(0.5, largest / 1000)
            self.low, self.high = (self.low / 2, self.high * 2) if self.log else (self.low - room, self.high + room)

    def share(self, number: float) -> float:
        """Return how far along the axis a number is: 0 at its beginning, 1 at its end."""
        if self.log:
            return math.log(number / self.low) / math.log(self.high / self.low)
        return (number - self.low) / (self.high - self.low)

    def ticks(self) -> list[float]:
        """Give a few round numbers between its ends."""
        return _log_ticks(self.low, self.high) if self.log else _linear_ticks(self.low, self.high)


def _linear_ticks(low: float, high: float) -> list[float]:
    """Give three to six round numbers."""
    step = _step(low, high)
    first = math.ceil(low / step - 1e-9)
    return [number * step for number in range(first, math.floor(high / step + 1e-9) + 1)]


def _step(low: float, high: float) -> float:
    rough = (high - low) / 5 or 1.0
    size = 10.0 ** math.floor(math.log10(rough))
    return next(each * size for each in STEPS if each * size >= rough * 0.999)


def _log_ticks(low: float, high: float) -> list[float]:
    """Give powers of ten, with twos and fives between where there is room."""
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    steps = (1, 2, 5) if len(decades) <= 4 else (1,)
    some = decades[:: math.ceil(len(decades) / 8)]
    return [each * 10.0**decade for decade in some for each in steps if low <= each * 10.0**decade <= high]
