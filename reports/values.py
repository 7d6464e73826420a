"""The values of a policy: each is read strictly, or refused by file, line, key and mend."""

from __future__ import annotations

import datetime as dt
import math
import re
from collections.abc import Sequence
from typing import Any

from reports.places import Keys, Places, nearest

DURATION = re.compile(r"([1-9]\d{0,5}) (s|min|h|d)")
SECONDS = {"s": 1, "min": 60, "h": 3600, "d": 86400}
SHARE = re.compile(r"(\d{1,4}(?:\.\d{1,6})?) %")
LINK = re.compile(r"https?://\S+|[^\s:]+")
END_OF_DAY = dt.time(23, 59, 59, tzinfo=dt.UTC)


def closed(places: Places, keys: Keys, table: dict[str, Any], known: Sequence[str]) -> None:
    """Refuse a key that is not known."""
    for key, value in table.items():
        if key not in known:
            raise places.error((*keys, key), value, f"unknown key; {nearest(key, known)}")


def table(places: Places, keys: Keys, value: object) -> dict[str, Any]:
    """Read a table that is not empty."""
    if not isinstance(value, dict) or not value:
        raise places.error(keys, value, "must be a table with something in it")
    return value


def tables(places: Places, name: str, value: object) -> list[dict[str, Any]]:
    """Read an array of tables, `[[name]]`."""
    if not isinstance(value, list) or not all(isinstance(one, dict) for one in value):
        raise places.error((name,), value, f"is an array of tables; write [[{name}]] above each")
    return value


def duration(places: Places, keys: Keys, value: object) -> dt.timedelta:
    """Read "24 h"."""
    match = DURATION.fullmatch(value) if isinstance(value, str) else None
    if not match:
        wrong = "is missing" if value is None else "is not a duration"
        raise places.error(keys, value, f'{wrong}; write a whole number and s, min, h or d, such as "24 h"')
    return dt.timedelta(seconds=int(match[1]) * SECONDS[match[2]])


def share(places: Places, keys: Keys, value: object) -> float:
    """Read "20 %" as 0.2."""
    match = SHARE.fullmatch(value) if isinstance(value, str) else None
    if not match or not float(match[1]):
        wrong = "is missing" if value is None else "is not a share"
        raise places.error(keys, value, f'{wrong}; write a number above 0 and %, such as "20 %"')
    return float(match[1]) / 100


def number(places: Places, keys: Keys, value: object) -> float:
    """Read a limit."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not _finite(value):
        raise places.error(keys, value, "a limit is a finite number")
    return float(value)


def count(places: Places, keys: Keys, value: object) -> int:
    """Read how many."""
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise places.error(keys, value, "is a whole number, 1 or more")
    return value


def text(places: Places, keys: Keys, value: object) -> str:
    """Read words: one line, not blank."""
    if not isinstance(value, str) or not value.strip() or "\n" in value.strip():
        raise places.error(keys, value, "is missing" if value is None else "is one line of text, not blank")
    return value.strip()


def link(places: Places, keys: Keys, value: object) -> str:
    """Read where more is written: an address or a path."""
    if not isinstance(value, str) or not LINK.fullmatch(value):
        raise places.error(keys, value, "is an address that begins with https:// or http://, or a path")
    return value


def moment(places: Places, keys: Keys, value: object) -> dt.datetime:
    """Read a date, which ends with its day in UTC, or a time with its zone."""
    if isinstance(value, dt.datetime) and value.tzinfo is not None:
        return value.astimezone(dt.UTC)
    if isinstance(value, dt.date) and not isinstance(value, dt.datetime):
        return dt.datetime.combine(value, END_OF_DAY)
    wrong = "is missing" if value is None else "has no time zone" if isinstance(value, dt.datetime) else "is not a date"
    raise places.error(
        keys, value, f"{wrong}; write a date without quotes, 2026-03-31, or a time, 2026-03-31T12:00:00Z"
    )


def _finite(value: float) -> bool:
    try:
        return math.isfinite(value)
    except OverflowError:
        return False
