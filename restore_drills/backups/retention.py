"""What may go: restic's `forget --keep-*`, by kind, and never what something kept still needs. Nothing is removed."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Annotated

import msgspec

from evidence.errors import InputError
from restore_drills.backups.model import Kind, Manifest, by_id, lsn
from restore_drills.backups.timelines import SEGMENT, number
from restore_drills.backups.wal import Kept

Count = Annotated[int, msgspec.Meta(ge=0, le=10_000)]


class Rules(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How many of each period are kept: the newest of each.

    Counted are periods with a backup, so that nothing ages out when backups stop. Where a count is not used up, the
    oldest backup of all is kept too.
    """

    last: Count = 0
    hourly: Count = 0
    daily: Count = 0
    weekly: Count = 0
    monthly: Count = 0
    yearly: Count = 0


Policy = Mapping[Kind, Rules]
DEFAULT: Policy = {
    "full": Rules(daily=30, weekly=12, monthly=12),
    "incremental": Rules(hourly=24),
    "logical": Rules(daily=30),
}
PERIODS: Mapping[str, Callable[[dt.datetime, int], object]] = {
    "last": lambda _, position: position,
    "hourly": lambda when, _: (when.date(), when.hour),
    "daily": lambda when, _: when.date(),
    "weekly": lambda when, _: when.isocalendar()[:2],
    "monthly": lambda when, _: (when.year, when.month),
    "yearly": lambda when, _: when.year,
}
"""In UTC, so that no hour comes twice in autumn; weeks are ISO weeks, which begin on Monday."""


class Plan(msgspec.Struct, frozen=True):
    """What stays, each with its reasons, and what goes, in the order in which it must go: what needs others first."""

    keep: dict[str, tuple[str, ...]]
    remove: tuple[Manifest, ...]
    log: tuple[Kept, ...]


def kept(times: Sequence[dt.datetime], rules: Rules) -> list[tuple[str, ...]]:
    """Say of each moment, given newest first, which rules keep it; no rule means that it goes."""
    left = {name: getattr(rules, name) for name in PERIODS}
    seen: dict[str, object] = {}
    reasons = []
    for position, when in enumerate(times):
        why = []
        for name, period in PERIODS.items():
            key = period(when.astimezone(dt.UTC), position)
            if left[name] and (key != seen.get(name) or position == len(times) - 1):
                seen[name] = key
                left[name] -= 1
                why.append(name)
        reasons.append(tuple(why))
    return reasons


def plan(manifests: Iterable[Manifest], policy: Policy, log: Iterable[Kept] = ()) -> Plan:
    """Plan what goes; InputError where the policy would keep nothing of a kind that there is."""
    known = by_id(manifests)
    keep: dict[str, tuple[str, ...]] = {}
    for members in _groups(known.values()):
        rules = policy.get(members[0].kind, DEFAULT[members[0].kind])
        if not any(msgspec.structs.astuple(rules)):
            msg = f"[keep.{members[0].kind}]: keeps nothing; give at least one count, as daily = 30"
            raise InputError(msg)
        for member, why in zip(members, kept([one.started for one in members], rules), strict=True):
            if why:
                keep[member.id] = why
        keep.setdefault(members[0].id, ("newest",))
        if members[0].physical:
            # Where a clock jumped back, what is newest by the log is not what is newest by the clock.
            furthest = max(members, key=lambda one: (one.timeline, lsn(one.end_lsn)))
            keep.setdefault(furthest.id, ("furthest in the log",))
    for name in list(keep):
        for parent in known[name].parents:
            keep[parent] = tuple(dict.fromkeys((*keep.get(parent, ()), f"needed by {name}")))
    gone = [one for one in known.values() if one.id not in keep]
    gone.sort(key=lambda one: (len(one.parents), one.started), reverse=True)
    return Plan(
        dict(sorted(keep.items())), tuple(gone), tuple(_unneeded(log, [known[name] for name in keep if name in known]))
    )


def _groups(manifests: Iterable[Manifest]) -> list[list[Manifest]]:
    """By kind and by what was backed up, newest first: one database's backups never push another's out."""
    groups: dict[tuple[str, ...], list[Manifest]] = {}
    for one in sorted(manifests, key=lambda one: (one.started, one.id), reverse=True):
        what = one.database if one.kind == "logical" else ""
        groups.setdefault((one.kind, one.system_identifier, what), []).append(one)
    return list(groups.values())


def _unneeded(log: Iterable[Kept], stay: Sequence[Manifest]) -> list[Kept]:
    """Segments before the oldest physical backup of their server that stays; all of its log stays where there is none.

    Each server counts in segments of its own size, and pg_resetwal may have changed that between two of its backups.
    """
    first: dict[str, dict[int, int]] = {}
    for one in stay:
        if one.physical:
            sizes, begins = first.setdefault(one.system_identifier, {}), lsn(one.start_lsn) // one.segment_size
            sizes[one.segment_size] = min(begins, sizes.get(one.segment_size, begins))
    return [one for one in log if SEGMENT.fullmatch(one.name) and _before(one.name, first.get(one.server, {}))]


def _before(name: str, first: Mapping[int, int]) -> bool:
    return bool(first) and all(number(name, size) < begins for size, begins in first.items())
