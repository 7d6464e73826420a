"""Limits on measured numbers, and how numbers are written: `p95_ms`, 150 becomes "150 ms"."""

from __future__ import annotations

import enum
import functools
import math
from collections.abc import Mapping

import msgspec

UNITS = {
    "per_s": "/s",
    "ms": "ms",
    "s": "s",
    "min": "min",
    "h": "h",
    "d": "d",
    "bytes": "bytes",
    "mib": "MiB",
    "percent": "%",
}
"""How the last part of a measure's name is written; `ratio`, `total` and the rest have no unit."""
SIGNED = frozenset({"p95_slower_ms", "grown_per_1000_requests_mib", "expires_in_days"})
"""What can be below 0 by its nature: a difference, a growth, a time that is left. Else it is no measurement."""


class Kind(enum.StrEnum):
    """What a limit demands of its number."""

    MAX = enum.auto()
    MIN = enum.auto()
    EQUALS = enum.auto()


BROKEN = {Kind.MAX: "above its limit of", Kind.MIN: "below its limit of", Kind.EQUALS: "other than its limit of"}
KEPT = {Kind.MAX: "within its limit of", Kind.MIN: "not below its limit of", Kind.EQUALS: "equal to its limit of"}
WARNED = {Kind.MAX: "above its warning at", Kind.MIN: "below its warning at"}
BOUND = {Kind.MAX: "at most", Kind.MIN: "at least", Kind.EQUALS: "exactly"}


class Limit(msgspec.Struct, frozen=True):
    """One bound on one measured number; the bound itself is allowed."""

    kind: Kind
    measure: str
    value: float

    def holds(self, measured: float) -> bool:
        """Say whether the number keeps the limit; NaN keeps none."""
        if self.kind is Kind.MAX:
            return measured <= self.value
        return measured >= self.value if self.kind is Kind.MIN else measured == self.value

    def breaks(self, measured: Mapping[str, float]) -> bool:
        """Say whether the limit is broken beyond doubt: by all of the number's confidence interval."""
        low, high = self.ends(measured)
        return not (self.holds(low) or self.holds(high) or low < self.value < high)

    def straddled(self, measured: Mapping[str, float]) -> bool:
        """Say whether the limit lies within the number's confidence interval, so that nobody can tell."""
        return not self.breaks(measured) and not all(map(self.holds, self.ends(measured)))

    def ends(self, measured: Mapping[str, float]) -> tuple[float, float]:
        """Return the ends of the number's confidence interval, measured beside it (`p95_low_ms`, `p95_high_ms`).

        A number without an interval is its own; one outside of its own interval, or with one end of it alone, has none
        to be judged by: NaN.
        """
        value = measured[self.measure]
        low_name, high_name = _interval(self.measure)
        low, high = measured.get(low_name, value), measured.get(high_name, value)
        half = (low_name in measured) != (high_name in measured)
        return (low, high) if low <= value <= high and not half else (math.nan, math.nan)

    def narrows(self, other: Limit) -> bool:
        """Say whether this allows less than `other`, a limit of the same kind."""
        return self.value != other.value and other.holds(self.value) and self.kind is not Kind.EQUALS

    def margin(self, measured: float) -> float | None:
        """Return what is left to the limit as a share of the limit: 0.2 is 20 % left, below 0 is broken.

        A limit of zero has none, nor has a count that only must not be too small: more is not better.
        """
        counted = self.kind is Kind.MIN and self.measure.endswith("_total")
        if counted or self.kind is Kind.EQUALS or self.value == 0 or not math.isfinite(measured):
            return None
        left = self.value - measured if self.kind is Kind.MAX else measured - self.value
        share = left / abs(self.value)
        return share if math.isfinite(share) else None

    def against(self, measured: float, relation: str) -> str:
        """Write the number in its relation to the limit: "p95_ms is 150 ms, above its limit of 100 ms"."""
        unit = unit_of(self.measure)
        return (
            f"{self.measure} is {figure(measured, self.value)}{unit}, {relation} {figure(self.value, measured)}{unit}"
        )


@functools.lru_cache(1024)
def _interval(measure: str) -> tuple[str, str]:
    """Name the ends of a number's confidence interval."""
    stem, _, unit = measure.rpartition("_")
    return f"{stem}_low_{unit}", f"{stem}_high_{unit}"


@functools.lru_cache(1024)
def unit_of(measure: str) -> str:
    """Return the unit that a measure's name ends in, with the space before it, or nothing."""
    for name, unit in UNITS.items():
        if measure.endswith(f"_{name}"):
            return f" {unit}" if unit[0].isalpha() or unit == "%" else unit
    return ""


def figure(value: float, beside: float | None = None) -> str:
    """Write a number with four significant digits, or as many more as tell it from the number beside it."""
    if not math.isfinite(value) or abs(value) >= 1e15:
        return str(value)
    places = max(0, 3 - math.floor(math.log10(abs(value)))) if value else 0
    text = _fixed(value, places)
    while places < 17 and beside is not None and beside != value and text == _fixed(beside, places):
        places += 1
        text = _fixed(value, places)
    return text


def _fixed(value: float, places: int) -> str:
    text = f"{value:,.{places}f}"
    return text.rstrip("0").rstrip(".") if places else text
