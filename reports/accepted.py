"""Findings that somebody accepts until a date: one check at one place, never a whole check or tool.

One that is no longer found is warned of, and not an error: mending a finding must not turn the gate red.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from evidence.model import Evidence, Outcome
from reports import values
from reports.model import JudgedAcceptance, JudgedFinding
from reports.places import Keys, Places, nearest

LONGEST = dt.timedelta(days=365)
KEYS = ["check", "place", "reason", "owner", "until"]
NAMED = 3


class Acceptance(msgspec.Struct, frozen=True, kw_only=True):
    """One finding that may stay until (UTC) a date."""

    check: str
    place: str
    reason: str
    owner: str
    until: dt.datetime
    where: str


def read(lists: Iterable[tuple[Places, dict[str, Any]]], checks: Sequence[str]) -> tuple[Acceptance, ...]:
    """Read `[[accepted]]` of one file or more; InputError where one is malformed, or accepts the same thing twice."""
    found: dict[tuple[str, str], Acceptance] = {}
    for places, data in lists:
        for number, table in enumerate(values.tables(places, "accepted", data.get("accepted", []))):
            keys: Keys = ("accepted", str(number))
            one = _read(places, keys, table, checks)
            if other := found.get((one.check, one.place)):
                raise places.error((*keys, "place"), one.place, f"is also accepted by {other.where}; keep one")
            found[one.check, one.place] = one
    return tuple(found.values())


def judge(accepted: Iterable[Acceptance], evidence: Evidence, now: dt.datetime) -> tuple[JudgedFinding, ...]:
    """Hold what a check found against what is accepted of it; one that ended does not count, and is named."""
    if not evidence.findings:
        return ()
    by_place = {one.place: one for one in accepted}
    return tuple(
        JudgedFinding(
            place=each.place,
            what=each.what,
            accepted=_recorded(by_place[each.place]) if _holds(by_place.get(each.place), now) else None,
            ended=by_place[each.place].until if each.place in by_place and now > by_place[each.place].until else None,
        )
        for each in evidence.findings
    )


def stale(accepted: Sequence[Acceptance], evidence: Evidence) -> str:
    """Warn of what is accepted and was looked for, but not found."""
    if (
        not accepted
        or evidence.outcome not in {Outcome.PASSED, Outcome.FAILED}
        or (evidence.broken and not evidence.findings)
    ):
        return ""
    found = {each.place for each in evidence.findings}
    gone = [one.place for one in accepted if one.place not in found]
    return f"accepted, but no longer found: {named(gone)}; remove it from the accepted findings" if gone else ""


def named(places: Sequence[str]) -> str:
    """Name the first few."""
    more = f" and {len(places) - NAMED} more" if len(places) > NAMED else ""
    return f"{', '.join(places[:NAMED])}{more}"


def _holds(one: Acceptance | None, now: dt.datetime) -> bool:
    return one is not None and now <= one.until


def _recorded(one: Acceptance) -> JudgedAcceptance:
    return JudgedAcceptance(reason=one.reason, owner=one.owner, until=one.until)


def _read(places: Places, keys: Keys, table: dict[str, Any], checks: Sequence[str]) -> Acceptance:
    values.closed(places, keys, table, KEYS)
    check = values.text(places, (*keys, "check"), table.get("check"))
    if check not in checks:
        raise places.error((*keys, "check"), check, f"no check has this id; {nearest(check, sorted(checks))}")
    return Acceptance(
        check=check,
        place=values.text(places, (*keys, "place"), table.get("place")),
        reason=values.text(places, (*keys, "reason"), table.get("reason")),
        owner=values.text(places, (*keys, "owner"), table.get("owner")),
        until=values.moment(places, (*keys, "until"), table.get("until")),
        where=f"{places.where(keys)}: [[accepted]] {check}",
    )
