"""What is wrong with a repository as a whole, though every backup in it may be well. Pure: it is told the time."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise

import msgspec

from restore_drills.backups.model import Damaged, Kind, Manifest, by_id, chain, lsn
from restore_drills.backups.wal import Archive

LATE = 1.5
"""A run has been missed where this many times the planned interval has passed without one."""
CLOCKS = dt.timedelta(minutes=5)


class Finding(msgspec.Struct, frozen=True, order=True):
    """One thing that is wrong, and the artefact that it is wrong with."""

    place: str
    problem: str


def find(
    manifests: Sequence[Manifest], archives: Iterable[Archive], every: Mapping[Kind, float], now: dt.datetime
) -> list[Finding]:
    """Look for missed runs, broken chains, gaps in the log, and clocks that jumped. `every` has hours."""
    return [
        *(finding for kind, hours in every.items() for finding in _missed(manifests, kind, hours, now)),
        *_chains(manifests),
        *(finding for archive in archives for finding in _log(manifests, archive)),
        *_clocks(manifests, now),
    ]


def _missed(manifests: Sequence[Manifest], kind: Kind, hours: float, now: dt.datetime) -> list[Finding]:
    # A full backup is as good as an incremental one, at the hour when it is taken instead.
    kinds = ("full", "incremental") if kind == "incremental" else (kind,)
    times = sorted(one.started for one in manifests if one.kind in kinds)
    if not times:
        return [Finding(kind, f"there is none, and one is planned every {hours:g} h")]
    longest = dt.timedelta(hours=hours * LATE)
    found = [
        Finding(kind, f"none between {earlier:%Y-%m-%d %H:%M} and {later:%Y-%m-%d %H:%M} UTC: runs were missed")
        for earlier, later in pairwise(times)
        if later - earlier > longest
    ]
    if (age := now - times[-1]) > longest:
        found.append(
            Finding(kind, f"the newest is {age.total_seconds() / 3600:.1f} h old, and one is planned every {hours:g} h")
        )
    return found


def _chains(manifests: Sequence[Manifest]) -> list[Finding]:
    known, found = by_id(manifests), []
    for one in manifests:
        if one.kind == "incremental":
            try:
                chain(one, known)
            except Damaged as error:
                found.append(Finding(one.id, str(error)))
    return found


def _log(manifests: Sequence[Manifest], archive: Archive) -> list[Finding]:
    own = [one for one in manifests if one.physical and one.system_identifier == archive.system_identifier]
    if not own:
        return []
    oldest = min(own, key=lambda one: lsn(one.start_lsn))
    size = oldest.segment_size
    first = lsn(oldest.start_lsn) // size
    place = f"wal/{archive.system_identifier}"
    return [
        Finding(f"{place}/{name}", "is missing: no recovery to a moment can pass it from an older backup")
        for name in archive.gaps(oldest.timeline, size, first)
    ]


def _clocks(manifests: Sequence[Manifest], now: dt.datetime) -> list[Finding]:
    found = [
        Finding(one.id, "is from the future: a clock was wrong") for one in manifests if one.started > now + CLOCKS
    ]
    found += [
        Finding(one.id, "ended before it began: a clock jumped") for one in manifests if one.finished < one.started
    ]
    physical = sorted((one for one in manifests if one.physical), key=lambda one: (one.system_identifier, one.started))
    for earlier, later in pairwise(physical):
        same = (earlier.system_identifier, earlier.timeline) == (later.system_identifier, later.timeline)
        if same and lsn(later.start_lsn) < lsn(earlier.start_lsn):
            found.append(Finding(later.id, f"is later than {earlier.id} by the clock, and before it in the log"))
    return found
