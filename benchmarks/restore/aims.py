"""What was measured of one size, and what was aimed at."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping
from functools import partial
from typing import NamedTuple

from benchmarks.restore import looks, pgbackrest, ways
from benchmarks.restore.rounds import Taken


class Measured(NamedTuple):
    """One size: bytes of data files, and what each way back and each look took; `absent` says why a way is not here."""

    size: int
    back: Mapping[str, Taken]
    looked: Mapping[str, Taken]
    absent: str = ""


class Aim(NamedTuple):
    """`found` is told one size and the smallest; what it finds is to be the limit at most, or at least."""

    name: str
    found: Callable[[Measured, Measured], float]
    limit: float
    least: bool = False


def limit(title: str) -> str:
    """What a way is measured against: a plain copy of the same server's files."""
    return pgbackrest.LIMIT if title in (pgbackrest.LIMIT, pgbackrest.TITLE) else ways.LIMIT


def times(one: Measured, title: str, other: str) -> float:
    """How much longer one way takes than another."""
    return ratio(one.back[title], one.back[other])


def ratio(taken: Taken, other: Taken) -> float:
    """The median of the rounds' own ratios: what made a whole round slow is in neither."""
    return statistics.median(one / two for one, two in zip(taken.seconds, other.seconds, strict=True))


def _near(title: str, one: Measured, _: Measured) -> float:
    return times(one, title, limit(title))


def _sooner(title: str, one: Measured, _: Measured) -> float:
    return times(one, ways.SCRIPT, title)


def _reads(title: str, one: Measured, _: Measured) -> float:
    return ratio(one.looked[title], one.looked[looks.READ])


def _grows(title: str, one: Measured, least: Measured) -> float:
    ours = [{**each.back, **each.looked}[title].memory.ours for each in (one, least)]
    return ours[0] / ours[1]


AIMS = (
    *(Aim(f"{title}: at most 1.3 x the plain copy", partial(_near, title), 1.3) for title in ways.OURS),
    *(Aim(f"{title}: 5 x sooner than the script", partial(_sooner, title), 5, least=True) for title in ways.OURS),
    Aim(f"{looks.FULL}: at most 2 x reading every row", partial(_reads, looks.FULL), 2),
    *(
        Aim(f"{title}: our memory, at most 1.1 x that of the smallest size", partial(_grows, title), 1.1)
        for title in (*ways.OURS, looks.FULL)
    ),
)
