"""What lies in the second store, and what should: too old, never copied, or behind in its log."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Sequence

from restore_drills.backups.begun import EMPTY, begun
from restore_drills.backups.config import Config, Offsite
from restore_drills.backups.findings import LATE, Finding, Planned, spaced
from restore_drills.backups.model import Damaged, Manifest, lsn
from restore_drills.backups.repository import Repository
from restore_drills.backups.store import StoreError
from restore_drills.backups.timelines import SEGMENT, number
from restore_drills.backups.wal import Archive, Kept


def groups(manifests: Iterable[Manifest]) -> dict[str, list[Manifest]]:
    """By what was backed up, the newest last; of data files the log says which is newest: a clock may have jumped."""
    found: dict[str, list[Manifest]] = {}
    for one in sorted(manifests, key=_order):
        thing = "data files" if one.physical else f"dumps of {one.database!r}"
        found.setdefault(f"{thing} of server {one.system_identifier}", []).append(one)
    return found


def after(archive: Archive, since: Manifest) -> Iterator[Kept]:
    """Give what of the log leads on from the end of a backup, if anything does."""
    first = lsn(since.end_lsn) // since.segment_size
    for one in archive.kept:
        before = SEGMENT.fullmatch(one.name) and number(one.name, since.segment_size) < first
        if not before and int(one.name[:8], 16) >= since.timeline:
            yield one


def newest(copies: Iterable[Manifest]) -> list[Manifest]:
    """Give of each server the data files that the log leads on from."""
    return [of_it[-1] for of_it in groups(copies).values() if of_it[-1].physical]


def looked(config: Config, repository: Repository, made: Sequence[Manifest], planned: Planned) -> list[Finding]:
    """Find what is not off-site, or too old there; `apart`: in that store alone, the first may be gone."""
    if (policy := config.offsite) is None:
        return []
    now = dt.datetime.now(dt.UTC)
    if planned.apart:
        return _alone(f"{repository.store.name} (off-site", policy, filter(planned.goes_on, made), now)
    there = config.away().repository(repository.say)
    where = f"{there.store.name} (off-site)"
    try:
        copies, damaged = there.readable()
        if not begun(there.store):
            return [Finding(where, EMPTY)]
        behind = [Finding(where, text) for text in _behind(repository, there, policy, copies, now)]
    except StoreError as error:
        return [Finding(where, f"could not be looked at: {error}")]
    found = [Finding(where, text) for text in damaged]
    return found + late(there.store.name, policy, made, copies, now) + behind


def _alone(where: str, policy: Offsite, copies: Iterable[Manifest], now: dt.datetime) -> list[Finding]:
    """Look at each thing by itself, when each was made; where there is none at all that is told."""
    things = {f"{where} copy of the {thing})": of_it for thing, of_it in groups(copies).items()} or {f"{where})": []}
    return [
        finding
        for thing, of_it in things.items()
        for finding in spaced(thing, sorted(one.started for one in of_it), policy.every, policy.keep, now)
    ]


def _behind(
    here: Repository, there: Repository, policy: Offsite, copies: Iterable[Manifest], now: dt.datetime
) -> Iterator[str]:
    """Look for what of the log has been in the first store for long, and is not off-site."""
    if policy.wal_every is None:
        return
    for since in newest(copies):
        try:
            lies, kept = (Archive.read(store, since.system_identifier) for store in (there, here))
        except Damaged as error:
            yield str(error)
            continue
        known = {one.name for one in lies.kept}
        for one in after(kept, since):
            hours = (now - here.store.written(one.key)) / dt.timedelta(hours=1)
            if one.name not in known and hours > policy.wal_every * LATE:
                yield f"lacks {one.name}, which came {hours:.1f} h ago: the log is brought every {policy.wal_every:g} h"
                break


def late(
    name: str, policy: Offsite, made: Sequence[Manifest], copies: Sequence[Manifest], now: dt.datetime
) -> list[Finding]:
    """Hold what lies off-site, in the store of that name, against what was made."""
    found, lie = [], groups(copies)
    for thing, of_it in groups(made).items():
        where, copied = f"{name} (off-site copy of the {thing})", lie.get(thing, [])
        # What is not backed up any more is not copied any more: that nothing new is made, others find.
        until = copied[-1].started if copied and copied[-1].id == of_it[-1].id else now
        found += spaced(where, sorted(one.started for one in copied), policy.every, policy.keep, until)
    return found


def _order(one: Manifest) -> tuple[int, int, dt.datetime]:
    return (one.timeline, lsn(one.end_lsn), one.started) if one.physical else (0, 0, one.started)
