"""The copy off-site: the newest backups go into a second store as they lie in the first, each file held on the way.

The first store is only read, and not locked: backups go on beside a copy that takes hours. What is sealed stays sealed.
"""

from __future__ import annotations

import argparse
import datetime as dt
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

from restore_drills.backups.away import after, groups, newest
from restore_drills.backups.begun import expect
from restore_drills.backups.config import Config
from restore_drills.backups.crypt import KeyRefused
from restore_drills.backups.findings import Finding, named
from restore_drills.backups.model import Damaged, File, Manifest, by_id, chain
from restore_drills.backups.programs import Programs, human
from restore_drills.backups.repository import CHUNK, MANIFEST, Metered, Repository, measured
from restore_drills.backups.store import Missing, StoreError
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
        for one in newest(there.readable()[0]):
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
        last = lie[thing][-1] if thing in lie else None
        rest = [one for one in of_it if one.id in cut] if every else []
        if rest:
            yield rest[-1]
        elif last is None or every is None or (age := _hours(last)) >= every:
            if last and last.id == of_it[-1].id:
                there.say(f"{thing}: {last.id}, the newest, is there already")
            else:
                yield of_it[-1]
        else:
            there.say(f"{thing}: {last.id} is {age:.1f} h old, and one is copied every {every:g} h: nothing done")


def _hours(one: Manifest) -> float:
    return (dt.datetime.now(dt.UTC) - one.started) / dt.timedelta(hours=1)


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
    for one in after(kept, since):
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
