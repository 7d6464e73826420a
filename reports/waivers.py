"""What somebody answers for until a date: broken rules that are waived, flaky checks in quarantine.

A waiver covers a failure alone, never what is not verified. One that covers nothing is refused: it would cover the next
failure, which nobody agreed to.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from evidence.errors import InputError
from evidence.release import Identity
from reports import values
from reports.accepted import LONGEST as LONGEST_ACCEPTED
from reports.accepted import Acceptance
from reports.model import JudgedRule, JudgedWaiver, Judgement
from reports.places import Keys, Places, nearest
from reports.scope import Scope, read_scope

LONGEST = dt.timedelta(days=90)
LONGEST_QUARANTINE = dt.timedelta(days=30)
MOST_IN_QUARANTINE = 3
KEYS = ["id", "check", "scope", "reason", "owner", "approver", "until"]
QUARANTINE_KEYS = ["check", "reason", "owner", "until"]


class Waiver(msgspec.Struct, frozen=True, kw_only=True):
    """A broken rule that may pass for a release, until (UTC) a date; `where` names its file and line."""

    id: str
    check: str
    scope: Scope
    reason: str
    owner: str
    approver: str
    until: dt.datetime
    where: str


class Quarantine(msgspec.Struct, frozen=True, kw_only=True):
    """A check known to pass only on a retry, which may do so until (UTC) a date."""

    check: str
    reason: str
    owner: str
    until: dt.datetime
    where: str


def read(lists: Iterable[tuple[Places, dict[str, Any]]], checks: Sequence[str]) -> tuple[Waiver, ...]:
    """Read `[[waivers]]` of one file or more; InputError where one is malformed, or an id or check comes twice."""
    found: dict[str, Waiver] = {}
    for places, data in lists:
        for number, table in enumerate(values.tables(places, "waivers", data.get("waivers", []))):
            keys: Keys = ("waivers", str(number))
            waiver = _waiver(places, keys, table, checks)
            for other in found.values():
                for key in ("id", "check"):
                    if getattr(other, key) == getattr(waiver, key):
                        raise places.error((*keys, key), table[key], f"is also that of {other.where}; keep one")
            found[waiver.id] = waiver
    return tuple(found.values())


def read_quarantine(places: Places, data: dict[str, Any], checks: Sequence[str]) -> tuple[Quarantine, ...]:
    """Read `[[quarantine]]`; InputError where one is malformed, a check comes twice, or there are too many."""
    found: dict[str, Quarantine] = {}
    for number, table in enumerate(values.tables(places, "quarantine", data.get("quarantine", []))):
        keys: Keys = ("quarantine", str(number))
        if number >= MOST_IN_QUARANTINE:
            raise places.error(keys, None, f"more than {MOST_IN_QUARANTINE} checks are in quarantine; mend one first")
        values.closed(places, keys, table, QUARANTINE_KEYS)
        check = _check(places, keys, table, checks)
        if check in found:
            raise places.error((*keys, "check"), check, f"is also that of {found[check].where}; keep one")
        found[check] = Quarantine(
            check=check,
            reason=values.text(places, (*keys, "reason"), table.get("reason")),
            owner=values.text(places, (*keys, "owner"), table.get("owner")),
            until=values.moment(places, (*keys, "until"), table.get("until")),
            where=f"{places.where(keys)}: [[quarantine]] {check}",
        )
    return tuple(found.values())


Bounded = Waiver | Quarantine | Acceptance
AT_MOST = {Waiver: LONGEST, Quarantine: LONGEST_QUARANTINE, Acceptance: LONGEST_ACCEPTED}


def unbounded(entries: Iterable[Bounded], now: dt.datetime) -> None:
    """Refuse by InputError whatever ends too far from the judged moment."""
    for entry in entries:
        most = AT_MOST[type(entry)]
        if entry.until - now > most:
            msg = f"{entry.where}: until is more than {most.days} days after the judged moment; choose an earlier date"
            raise InputError(msg)


def apply(
    waivers: Iterable[Waiver], rules: tuple[JudgedRule, ...], identity: Identity, now: dt.datetime
) -> tuple[JudgedRule, ...]:
    """Waive what failed; InputError where a waiver is of another release, or its rule did not fail."""
    by_check = {waiver.check: waiver for waiver in waivers}
    for waiver in by_check.values():
        if why := waiver.scope.excludes(identity):
            msg = f"{waiver.where}: {why}; remove the waiver or judge the release that it is for"
            raise InputError(msg)
    return tuple(_apply(by_check[rule.check], rule, now) if rule.check in by_check else rule for rule in rules)


def recorded(waiver: Waiver) -> JudgedWaiver:
    """Give what the reports show of a waiver."""
    return JudgedWaiver(
        id=waiver.id,
        check=waiver.check,
        scope=waiver.scope.text,
        reason=waiver.reason,
        owner=waiver.owner,
        approver=waiver.approver,
        until=waiver.until,
    )


def _apply(waiver: Waiver, rule: JudgedRule, now: dt.datetime) -> JudgedRule:
    if rule.judgement in {Judgement.PASS, Judgement.NOT_APPLICABLE, Judgement.WAIVED}:
        msg = f"{waiver.where}: is stale: {rule.check} is {rule.judgement}; remove the waiver"
        raise InputError(msg)
    until = f"{waiver.until:%Y-%m-%d %H:%M:%S} UTC"
    if rule.judgement is not Judgement.FAIL:
        reason = f"{rule.reason} The waiver {waiver.id} does not cover this: it covers a failure, not a doubt."
    elif now > waiver.until:
        reason = f"{rule.reason} The waiver {waiver.id} of {waiver.owner} ended on {until}."
    else:
        reason = f"{rule.reason} Waived until {until} by {waiver.owner}, approved by {waiver.approver}: {waiver.reason}"
        rule = msgspec.structs.replace(rule, judgement=Judgement.WAIVED, waiver=recorded(waiver))
    return msgspec.structs.replace(rule, reason=reason if reason.endswith((".", "!", "?")) else f"{reason}.")


def _waiver(places: Places, keys: Keys, table: dict[str, Any], checks: Sequence[str]) -> Waiver:
    values.closed(places, keys, table, KEYS)
    identifier = values.text(places, (*keys, "id"), table.get("id"))
    check = _check(places, keys, table, checks)
    owner = values.text(places, (*keys, "owner"), table.get("owner"))
    approver = values.text(places, (*keys, "approver"), table.get("approver"))
    if approver.casefold() == owner.casefold():
        raise places.error((*keys, "approver"), approver, "is the owner; somebody else approves")
    return Waiver(
        id=identifier,
        check=check,
        scope=read_scope(places, (*keys, "scope"), table.get("scope")),
        reason=values.text(places, (*keys, "reason"), table.get("reason")),
        owner=owner,
        approver=approver,
        until=values.moment(places, (*keys, "until"), table.get("until")),
        where=f"{places.where(keys)}: [[waivers]] {identifier}",
    )


def _check(places: Places, keys: Keys, table: dict[str, Any], checks: Sequence[str]) -> str:
    check = values.text(places, (*keys, "check"), table.get("check"))
    if check not in checks:
        raise places.error((*keys, "check"), check, f"no check has this id; {nearest(check, sorted(checks))}")
    return check
