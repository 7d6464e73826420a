"""What is wrong with a repository as a whole, though every backup in it may be well. Pure: it is told the time."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise

import msgspec

from restore_drills.backups.model import Damaged, Kind, Manifest, by_id, chain, lsn, place
from restore_drills.backups.retention import DEFAULT, PERIODS, Policy, Rules
from restore_drills.backups.timelines import SEGMENT, number
from restore_drills.backups.wal import Archive

LATE = 1.5
"""A run has been missed where this many times the planned interval has passed without one."""
CLOCKS = dt.timedelta(minutes=5)
SEVERAL = "; if that was replaced or is gone, name it in `retired` of backup.toml"
LENGTH_H = {"hourly": 1, "daily": 24, "weekly": 168}
"""How many hours the periods have whose rules may be as fine as the runs are."""


class Planned(msgspec.Struct, frozen=True):
    """What else is said of it: what is kept, and the hours between two segments of the log, where it is archived."""

    keep: Policy = msgspec.field(default_factory=dict)
    log_every: float | None = None
    apart: bool = False
    """Whether each backup has only the log with it that followed it when it was copied, as it is off-site."""
    retired: Sequence[str] = ()
    """Of what nothing is expected any more: servers, by their system identifiers, and dumped databases."""

    def goes_on(self, one: Manifest) -> bool:
        """Tell whether there will be more of what is backed up there."""
        return one.system_identifier not in self.retired and (one.physical or one.database not in self.retired)


class Finding(msgspec.Struct, frozen=True, order=True):
    """One thing that is wrong, and the artefact that it is wrong with."""

    place: str
    problem: str


def named(text: str) -> Finding:
    """Take a sentence that begins with its place apart."""
    where, _, problem = text.partition(": ")
    return Finding(where, problem)


def find(
    manifests: Sequence[Manifest],
    archives: Sequence[Archive],
    every: Mapping[Kind, float],
    now: dt.datetime,
    planned: Planned = Planned(),  # noqa: B008 - frozen
) -> list[Finding]:
    """Look for missed runs, broken chains, what is wrong with the log, and clocks that jumped. `every` has hours."""
    going = [one for one in manifests if planned.goes_on(one)]
    servers = _servers(going).values()
    return [
        *(finding for kind in every for finding in _missed(going, kind, every[kind], now, planned.keep)),
        *(() if planned.apart else _unknown(manifests, planned)),
        *_chains(manifests),
        *(finding for archive in archives for finding in (_after if planned.apart else _log)(manifests, archive)),
        *(finding for own in servers for finding in _stopped(own, archives, planned.log_every, now)),
        *_open(manifests, archives),
        *_clocks(manifests, now),
    ]


def _servers(manifests: Iterable[Manifest]) -> dict[str, list[Manifest]]:
    found: dict[str, list[Manifest]] = {}
    for one in manifests:
        found.setdefault(one.system_identifier, []).append(one)
    return found


def _missed(
    manifests: Sequence[Manifest], kind: Kind, hours: float, now: dt.datetime, keep: Policy
) -> Iterator[Finding]:
    """Look at each server by itself, and at each dumped database: one that is backed up hides none that is not.

    A server that was replaced looks like one whose backups have stopped, and only a person can tell, once, by `retired`
    of backup.toml. After a failover, or on restored data files, it is still the same: it keeps its system identifier.
    """
    things = _things(manifests, kind)
    for name, times in things.items():
        where, told = (kind, "") if len(things) == 1 else (f"{kind} of {name}", SEVERAL)
        for finding in spaced(where, times, hours, keep.get(kind, DEFAULT[kind]), now):
            # Only what has stopped may have been replaced; a hole among others was missed.
            yield Finding(where, finding.problem + told) if finding.problem.startswith("the newest") else finding


def _things(manifests: Sequence[Manifest], kind: Kind) -> dict[str, list[dt.datetime]]:
    """Name what is backed up, with when it was; a server of which there is none of this kind is there too."""
    # A full backup is as good as an incremental one, at the hour when it is taken instead.
    kinds = ("full", "incremental") if kind == "incremental" else (kind,)
    found: dict[str, list[dt.datetime]] = {}
    for server, made in _servers(manifests).items():
        own = sorted((one for one in made if one.kind in kinds), key=lambda one: one.started)
        for one in own:
            what = f"{one.database!r} of server {server}" if kind == "logical" else f"server {server}"
            found.setdefault(what, []).append(one.started)
        if not own:
            found[f"server {server}"] = []
    return found or {kind: []}


def _unknown(manifests: Sequence[Manifest], planned: Planned) -> Iterator[Finding]:
    known = {one.system_identifier for one in manifests} | {one.database for one in manifests if not one.physical}
    for name in planned.retired:
        if name not in known:
            yield Finding("retired", f"{name!r} is neither a server nor a dumped database of this store")


def spaced(where: str, times: Sequence[dt.datetime], hours: float, rules: Rules, now: dt.datetime) -> list[Finding]:
    """Find what was missed among what was made, oldest first, where one is planned every so many hours."""
    if not times:
        return [Finding(where, f"there is none, and one is planned every {hours:g} h")]
    longest = dt.timedelta(hours=hours * LATE)
    found = [
        Finding(where, f"none between {earlier:%Y-%m-%d %H:%M} and {later:%Y-%m-%d %H:%M} UTC: runs were missed")
        for earlier, later in _neighbours(times, rules, hours)
        if later - earlier > longest
    ]
    if (age := now - times[-1]) > longest:
        found.append(
            Finding(
                where, f"the newest is {age.total_seconds() / 3600:.1f} h old, and one is planned every {hours:g} h"
            )
        )
    return found


def _neighbours(times: Sequence[dt.datetime], rules: Rules, hours: float) -> list[tuple[dt.datetime, dt.datetime]]:
    """Give those between which the rules let go of no whole period: farther back only weeks or months are kept."""
    pairs = list(pairwise(times))
    found = set(pairs[max(0, len(pairs) + 1 - rules.last) :] if rules.last else ())
    for name, length in LENGTH_H.items():
        if length > hours:
            continue
        period, one = PERIODS[name], dt.timedelta(hours=length)
        spans = list(dict.fromkeys(period(when, 0) for when in reversed(times)))[: getattr(rules, name)]
        found |= {
            (earlier, later)
            for earlier, later in pairs
            # Of a period the newest is kept, so two in neighbouring periods may lie nearly two periods apart.
            if period(earlier, 0) in spans and period(earlier, 0) not in (period(later, 0), period(later - one, 0))
        }
    return sorted(found)


def _chains(manifests: Sequence[Manifest]) -> list[Finding]:
    known, found = by_id(manifests), []
    for one in manifests:
        if one.kind == "incremental":
            try:
                chain(one, known)
            except Damaged as error:
                found.append(named(str(error)))
    return found


def _log(manifests: Sequence[Manifest], archive: Archive) -> list[Finding]:
    """Follow the log from the oldest backup of each timeline."""
    oldest: dict[int, Manifest] = {}
    for one in _physical(manifests, archive.system_identifier):
        if one.timeline not in oldest or lsn(one.start_lsn) < lsn(oldest[one.timeline].start_lsn):
            oldest[one.timeline] = one
    found: dict[Finding, None] = {}
    for one in oldest.values():
        try:
            for name in archive.missing(one.timeline, lsn(one.start_lsn), one.segment_size):
                where = f"wal/{archive.system_identifier}/{name}"
                found[Finding(where, "is missing: no recovery to a moment can pass it from an older backup")] = None
        except Damaged as error:
            found[named(str(error))] = None
    return list(found)


def _after(manifests: Sequence[Manifest], archive: Archive) -> list[Finding]:
    """Follow the log from the end of the newest backup."""
    physical = sorted(_physical(manifests, archive.system_identifier), key=lambda one: (one.timeline, lsn(one.end_lsn)))
    try:
        for newest in physical[-1:]:
            archive.since(newest, None)
    except Damaged as error:
        return [named(str(error))]
    return []


def _stopped(
    manifests: Sequence[Manifest], archives: Sequence[Archive], every: float | None, now: dt.datetime
) -> Iterator[Finding]:
    """Look whether the log of the server that was backed up last still comes."""
    if every is None or not (physical := [one for one in manifests if one.physical]):
        return
    server = max(physical, key=lambda one: one.started).system_identifier
    archive = next((one for one in archives if one.system_identifier == server), Archive(server, ()))
    where = f"wal/{server}"
    if (newest := archive.newest) is None:
        yield Finding(where, "holds no log, though `wal` of backup.toml says that it is archived: it never came here")
        return
    longest = dt.timedelta(hours=every * LATE)
    for one in sorted(_physical(manifests, server), key=lambda one: (one.timeline, lsn(one.end_lsn)), reverse=True)[:1]:
        size = one.segment_size
        ends = (int(newest.name[:8], 16), number(newest.name, size))
        if ends < (one.timeline, (lsn(one.end_lsn) - 1) // size) and now - one.finished > longest:
            at = place((ends[1] + 1) * size)
            yield Finding(where, f"ends at {at}, before the end of {one.id} ({one.end_lsn}): archiving has stopped")
    if archive.grew and (age := now - archive.grew) > longest:
        told = f"{newest.name} came {age.total_seconds() / 3600:.1f} h ago, and one is expected every {every:g} h"
        yield Finding(where, f"the newest segment {told}: archiving, or shipping, has stopped")


def _open(manifests: Sequence[Manifest], archives: Sequence[Archive]) -> Iterator[Finding]:
    """Look for what lies in the store open though what came before it was sealed."""
    since = min((one.started for one in manifests if one.recipients), default=None)
    for one in manifests:
        if since and one.started > since and not one.recipients:
            yield Finding(one.id, "lies open, though backups before it are sealed: see `recipients` of backup.toml")
    for archive in archives:
        segments = [one for one in archive.kept if SEGMENT.fullmatch(one.name)]
        first = min((one.name for one in segments if one.encrypted), default=None)
        if later := [one.name for one in segments if first and one.name > first and not one.encrypted]:
            where = f"wal/{archive.system_identifier}/{later[0]}"
            yield Finding(where, f"lies open, as do {len(later) - 1} after it, though the log before it is sealed")


def _physical(manifests: Sequence[Manifest], server: str) -> list[Manifest]:
    return [one for one in manifests if one.physical and one.system_identifier == server]


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
