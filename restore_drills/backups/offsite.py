"""The copy off-site: the newest backups go into a second store as they lie in the first, each file held on the way.

The first store is only read, and not locked: backups go on beside a copy that takes hours. What is sealed stays sealed.
"""

from __future__ import annotations

import argparse
import datetime as dt
import shutil
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from restore_drills.backups.begun import EMPTY, begun, expect
from restore_drills.backups.config import Config, Offsite
from restore_drills.backups.crypt import KeyRefused
from restore_drills.backups.findings import LATE, Finding, Planned, named, spaced
from restore_drills.backups.model import Damaged, File, Manifest, by_id, chain, lsn
from restore_drills.backups.programs import Programs, human
from restore_drills.backups.repository import CHUNK, MANIFEST, Metered, Repository, measured
from restore_drills.backups.store import Missing, StoreError
from restore_drills.backups.timelines import SEGMENT, number
from restore_drills.backups.wal import Archive, Kept, altered, unpack

Told = dict[str, object]
Brought = tuple[list[str], list[Finding]]
"""Files of the log, by name, and what of it could not be brought."""


def command(config: Config, repository: Repository, programs: Programs, options: argparse.Namespace) -> Told:
    """Copy of each thing that is backed up the newest, where its copy is old enough; and the log, wherever one lies."""
    del programs
    there = config.away().repository(repository.say, options.identity)
    expect(there.store, new=options.init)
    copied: list[str] = []
    log: list[str] = []
    with there.lock(options.wait):
        there.settle()
        (made, damaged), copies = repository.readable(), there.readable()[0]
        found = [named(text) for text in damaged]
        if not made:
            found.append(Finding(repository.store.name, "holds no backup: nothing was copied"))
        for one in list(chosen(made, copies, there, None if options.now else config.second.every)):
            try:
                lacking = [each for each in chain(one, by_id(made)) if each.id not in by_id(copies)]
                brought, missed = _copied(repository, there, one, lacking)
            except Damaged as error:  # of this one; the others are copied all the same
                found.append(named(str(error)))
                continue
            copied, log, found = [*copied, one.id], log + brought, found + missed
            if config.recipients and not one.recipients:
                found.append(Finding(one.id, f"lies open in {there.store.name}: it is older than `recipients`"))
        for one in _newest(there.readable()[0]):
            if one.id not in copied:  # with a copy comes the log
                brought, missed = _log(repository, there, one)
                log, found = log + brought, found + missed
    for finding in found:
        repository.say(f"FOUND {finding.place}: {finding.problem}")
    return {"store": there.store.name, "copied": copied, "log": log, "findings": found}


def chosen(
    made: Sequence[Manifest], copies: Sequence[Manifest], there: Repository, every: float | None
) -> Iterator[Manifest]:
    """Choose of each thing what was begun and cut short, or the newest where its copy is so many hours old.

    Without `every` it is the newest, whatever was begun and however young its copy is.
    """
    cut = {entry.key.split("/")[1] for entry in there.store.list("backups/")} - set(by_id(copies))
    lie = groups(copies)
    for thing, of_it in groups(made).items():
        newest = lie[thing][-1] if thing in lie else None
        rest = [one for one in of_it if one.id in cut] if every else []
        if rest:
            yield rest[-1]
        elif newest is None or every is None or (age := _hours(newest)) >= every:
            if newest and newest.id == of_it[-1].id:
                there.say(f"{thing}: {newest.id}, the newest, is there already")
            else:
                yield of_it[-1]
        else:
            there.say(f"{thing}: {newest.id} is {age:.1f} h old, and one is copied every {every:g} h: nothing done")


def _hours(one: Manifest) -> float:
    return (dt.datetime.now(dt.UTC) - one.started) / dt.timedelta(hours=1)


def groups(manifests: Iterable[Manifest]) -> dict[str, list[Manifest]]:
    """By what was backed up, the newest last; of data files the log says which is newest: a clock may have jumped."""
    found: dict[str, list[Manifest]] = {}
    for one in sorted(manifests, key=_order):
        thing = "data files" if one.physical else f"dumps of {one.database!r}"
        found.setdefault(f"{thing} of server {one.system_identifier}", []).append(one)
    return found


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
    for since in _newest(copies):
        try:
            lies, kept = (Archive.read(store, since.system_identifier) for store in (there, here))
        except Damaged as error:
            yield str(error)
            continue
        known = {one.name for one in lies.kept}
        for one in _after(kept, since):
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


def _copied(here: Repository, there: Repository, target: Manifest, members: Sequence[Manifest]) -> Brought:
    """Bring the files and the log, then the manifests, the full backup's first; Damaged where a file is.

    The target's files go first, so that what was begun tells what it was begun for.
    """
    for one in reversed(members):
        folder = there.work / one.id
        folder.mkdir(exist_ok=True)
        for name in there.lacking(one):
            file = one.file(name)
            there.say(f"copy {one.id}: {name}, {human(file.stored_size)}")
            _fetched(here, one, file, folder / name)
            there.store.put(f"backups/{one.id}/{name}", folder / name)
    brought = _log(here, there, target) if target.physical else ([], [])
    for one in members:
        there.commit(one, there.work / one.id)
    return brought


def _fetched(here: Repository, one: Manifest, file: File, path: Path) -> None:
    key = f"backups/{one.id}/{file.name}"
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with here.store.open(key) as stored, path.open("wb") as target:
            metered = Metered(stored)
            while content := metered.take(CHUNK):
                target.write(content)
    except Missing:
        if not list(here.store.list(f"backups/{one.id}/{MANIFEST}")):
            msg = f"{here.store.name}: {one.id} was removed while it was copied; run again"
            raise StoreError(msg) from None
        msg = f"{key}: is missing in {here.store.name}; {one.id} is not copied off-site"
        raise Damaged(msg) from None
    if (metered.size, metered.digest.hexdigest()) != (file.stored_size, file.stored_sha256):
        path.unlink()
        msg = f"{key}: is damaged in {here.store.name}: {metered.size} bytes of another SHA-256; {one.id} is not copied"
        raise Damaged(msg)


def _log(here: Repository, there: Repository, since: Manifest) -> Brought:
    """Bring what there is of the log since the end of a backup, and say what of it is damaged: the backup is not.

    A gap is found by `verify`, here as there.
    """
    brought: list[str] = []
    found: list[Finding] = []
    try:
        lies, kept = (Archive.read(store, since.system_identifier) for store in (there, here))
    except Damaged as error:
        return brought, [named(str(error))]
    known = {one.name: one for one in lies.kept}
    for one in _after(kept, since):
        try:
            if one.name not in known:
                _segment(here, there, one)
                brought.append(one.name)
            elif known[one.name].sha256 != one.sha256:
                found.append(Finding(one.key, f"is another one in {there.store.name}: two servers archive as one"))
        except Damaged as error:
            found.append(named(str(error)))
    there.say(f"copied {len(brought)} files of the log")
    return brought, found


def _after(archive: Archive, since: Manifest) -> Iterator[Kept]:
    """Give what of the log leads on from the end of a backup, if anything does."""
    first = lsn(since.end_lsn) // since.segment_size
    for one in archive.kept:
        before = SEGMENT.fullmatch(one.name) and number(one.name, since.segment_size) < first
        if not before and int(one.name[:8], 16) >= since.timeline:
            yield one


def _newest(copies: Iterable[Manifest]) -> list[Manifest]:
    """Give of each server the data files that the log leads on from."""
    return [of_it[-1] for of_it in groups(copies).values() if of_it[-1].physical]


def _segment(here: Repository, there: Repository, one: Kept) -> None:
    path, plain = there.work / one.key.rpartition("/")[2], there.work / "plain"
    with here.store.open(one.key) as stored, path.open("wb") as target:
        shutil.copyfileobj(stored, target, CHUNK)
    try:
        with path.open("rb") as stored, plain.open("wb") as file:
            unpack(there.keys, one, stored, file)
        if measured(plain)[1] != one.sha256:
            raise Damaged(altered(one))
    except KeyRefused:
        pass  # only who has the key can tell; without it what authenticates is what was sealed
    plain.unlink()
    there.store.put(one.key, path)
