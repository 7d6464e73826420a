"""The way of the log through timelines: which segments of which of them lead on from a place. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

from restore_drills.backups.model import Damaged, lsn, place

SEGMENT = re.compile(r"[0-9A-F]{24}")
FORK = re.compile(r"^\s*([0-9]+)\s+([0-9A-Fa-f]{1,8}/[0-9A-Fa-f]{1,8})", re.MULTILINE)

Histories = Mapping[int, Mapping[int, int]]
"""Of each timeline that has a history file: where each timeline before it was left."""


class Stretch(NamedTuple):
    """The segments of one timeline from `first` to `last`, or as far as there are any."""

    timeline: int
    first: int
    last: int | None


def forks(history: str) -> dict[int, int]:
    """Read a history file: where each timeline before it was left."""
    return {int(timeline): lsn(at) for timeline, at in FORK.findall(history)}


def way(histories: Histories, timeline: int, at: int, size: int) -> list[Stretch]:
    """Lead from a place on a timeline to the newest that has a history, as the server goes.

    A new timeline begins in the segment in which the old one was left, with a copy of it up to there.
    """
    newest, first, stretches = max((timeline, *histories)), at // size, []
    if newest > timeline:
        left = histories[newest]
        if left.get(timeline, -1) < at:
            told = f"at {place(left[timeline])}, before {place(at)}" if timeline in left else "by another way"
            msg = f"{newest:08X}.history: left timeline {timeline} {told}: no recovery to the latest passes there"
            raise Damaged(msg)
        for before in sorted(one for one in left if one >= timeline):
            stretches.append(Stretch(before, first, left[before] // size - 1))
            first = left[before] // size
    return [*stretches, Stretch(newest, first, None)]


def guessed(begins: Mapping[int, int], timeline: int, first: int) -> list[Stretch]:
    """Lead on where no history can be read (it is sealed, and there is no key): from the first segment of each."""
    stretches = []
    for later in sorted(one for one in begins if one > timeline):
        stretches.append(Stretch(timeline, first, begins[later] - 1))
        timeline, first = later, begins[later]
    return [*stretches, Stretch(timeline, first, None)]


def number(name: str, size: int) -> int:
    """Count a segment from the beginning of all log."""
    return int(name[8:16], 16) * ((1 << 32) // size) + int(name[16:24], 16)


def segment(timeline: int, n: int, size: int) -> str:
    """Name a segment."""
    high, low = divmod(n, (1 << 32) // size)
    return f"{timeline:08X}{high:08X}{low:08X}"
