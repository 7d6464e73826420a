"""The chart of the report: how much of each limit is used, all limits on one scale. Geometry only; no text is made."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from reports.model import JudgedLimit, JudgedRule

TRACK = 300
"""Width of the chart in its own units."""
LIMIT = 200
"""Where on the track every limit stands; beyond it is room to break it."""


class Bar(NamedTuple):
    """One limit's bar: its width, and where a warning begins, in units of TRACK; `state` is used, near or beyond."""

    check: str
    limit: JudgedLimit
    width: float
    warn: float | None
    state: str


def bars(rules: Sequence[JudgedRule]) -> list[Bar]:
    """Give one bar for each limit that has a margin, the closest to its limit first."""
    found = [
        (limit.margin, Bar(rule.check, limit, _place(limit.margin), _warn(limit), _state(limit, limit.margin)))
        for rule in rules
        for limit in rule.limits
        if limit.margin is not None
    ]
    return [bar for _, bar in sorted(found, key=lambda pair: pair[0])]


def _state(limit: JudgedLimit, margin: float) -> str:
    if margin < 0:
        return "beyond"
    return "used" if limit.warn is None or margin >= _room(limit, limit.warn) else "near"


def _place(margin: float) -> float:
    """Put a margin on the track: nothing used at its start, the limit at LIMIT, everything far beyond at its end."""
    return round(max(2.0, min(TRACK, (1 - margin) * LIMIT)), 1)


def _warn(limit: JudgedLimit) -> float | None:
    return None if limit.warn is None else _place(_room(limit, limit.warn))


def _room(limit: JudgedLimit, warn: float) -> float:
    """Return the margin at which the warning begins."""
    return abs(limit.limit - warn) / abs(limit.limit)
