"""What is said to backups that are damaged, in the wrong order, too old, or sealed for somebody else."""

from __future__ import annotations

import datetime as dt
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec
from pyrage import x25519

from evidence.errors import InputError
from fixtures.folder import temporary
from restore_drills.backups import proof, restore, take
from restore_drills.backups.crypt import Keys
from restore_drills.backups.dump import DATA, ROLES
from restore_drills.backups.findings import Finding, find
from restore_drills.backups.model import Manifest, encode, new_id
from restore_drills.backups.programs import Programs
from restore_drills.backups.repository import MANIFEST, Repository
from restore_drills.backups.store import Folder
from restore_drills.backups.wal import Archive
from restore_drills.damage import exchanged, spoiled, twin
from restore_drills.estate import Estate

DAYS = dt.timedelta(days=3)
CHAINED = ("empty", "missing")
"""Ways to damage a full backup that are tried by what goes on from it."""


class Refusal(NamedTuple):
    """What was done, to which artefact, and what was said to it: nothing, where nothing was."""

    title: str
    artefact: str
    said: str


def of(estate: Estate, dump: Manifest) -> list[Refusal]:
    """Try each; the backups themselves stay whole, and may be restored meanwhile."""
    assert isinstance(estate.repository.store, Folder)
    with temporary("release-verification-damages-") as place:
        folder = place / "store"
        twin(estate.repository.store.root, folder)
        own = Repository(Folder(folder), place / "work", estate.repository.keys, estate.repository.say)
        return [
            *_files(own, folder, estate, dump),
            *_orders(own, folder, estate),
            *_whole(estate, dump),
        ]


def _files(own: Repository, folder: Path, estate: Estate, dump: Manifest) -> Iterator[Refusal]:
    """Damage one file after the other; say what was done, which artefact that is, and what was said to it."""
    full, increment = estate.full, estate.increment
    first = Archive.read(own, full.system_identifier).since(increment, None)[0]
    whose = {full.id: "the full backup", increment.id: "the increment", dump.id: "the dump"}
    for of, name, way in _damages(estate, dump):
        key = f"backups/{of.id}/{name}"
        title = f"{'largest file' if name.startswith(DATA) else name} of {whose[of.id]}: {way}"
        # A manifest is the backup that it is of. What a full backup lacks, its increment lacks, too.
        artefact = of.id if (name, way) == (MANIFEST, "missing") else key
        with spoiled(folder / key, way):
            yield Refusal(title, artefact, refused(own, increment if of is full and way in CHAINED else of))
    for way in ("cut short", "missing"):
        with spoiled(folder / first.key, way):
            yield Refusal(f"first segment of the log behind the increment: {way}", first.name, refused(own, increment))


def _damages(estate: Estate, dump: Manifest) -> Iterator[tuple[Manifest, str, str]]:
    """Name which file of which backup is damaged in which way."""
    yield from ((estate.full, "base.tar", way) for way in ("cut short", "empty", "one bit turned in backup_label"))
    yield estate.increment, "base.tar", "one bit turned"
    yield estate.full, "pg_wal.tar", "one bit turned"
    yield estate.full, "backup_manifest", "missing"
    yield estate.full, MANIFEST, "missing"
    yield estate.increment, MANIFEST, "one bit turned"
    largest = max((file for file in dump.files if file.name.startswith(DATA)), key=lambda file: file.size).name
    yield from ((dump, largest, way) for way in ("cut short", "empty", "missing"))
    if any(file.name == ROLES for file in dump.files):
        yield from ((dump, ROLES, way) for way in ("empty", "missing"))


def _orders(own: Repository, folder: Path, estate: Estate) -> Iterator[Refusal]:
    """Put whole backups together as they do not belong."""
    full, increment = estate.full, estate.increment
    with exchanged(*(folder / "backups" / one.id / "base.tar" for one in (full, increment))):
        said = refused(own, increment)
        yield Refusal("full backup and increment: each other's data", f"backups/{full.id}/base.tar", said)
    name = new_id("incremental", increment.started)
    turned = msgspec.structs.replace(increment, id=name, parents=(increment.id, full.id))
    place = folder / "backups" / name / MANIFEST
    place.parent.mkdir()
    place.write_bytes(encode(turned))
    yield Refusal("chain in the wrong order: the increment before its full backup", name, refused(own, turned))
    shutil.rmtree(place.parent)


def _whole(estate: Estate, dump: Manifest) -> Iterator[Refusal]:
    """What is whole, and yet no backup that may be trusted: too old, or sealed for somebody else."""
    for one, what in ((estate.full, "full backup"), (dump, "dump")):
        found = find([one], [], {one.kind: 24.0}, one.started + DAYS)
        yield Refusal(f"{what} of three days ago, and one planned every day", one.kind, _places(found))
    mine, other = x25519.Identity.generate(), x25519.Identity.generate()
    with temporary("release-verification-sealed-") as place:
        store, work, key = Folder(place / "store"), place / "work", place / "key"
        key.write_text(str(other))
        sealed = Repository(store, work, Keys((str(mine.to_public()),)), estate.repository.say)
        one = take.logical(sealed, Programs(), estate.address)
        for title, identity in (("no key", None), ("another key", key)):
            opened = Repository(store, work, Keys((), identity), estate.repository.say)
            yield Refusal(f"sealed backup and {title}", one.id, refused(opened, one))


def _places(found: Sequence[Finding]) -> str:
    return " ".join(finding.place for finding in found)


def refused(repository: Repository, one: Manifest) -> str:
    """Restore as far as to the server's start; say what was said against it, and nothing where nothing was."""
    # Beside the store's own work: that folder is watched over.
    with tempfile.TemporaryDirectory(dir=repository.work.parent, ignore_cleanup_errors=True) as name:
        try:
            repository.manifests()
            if one.physical:
                restore.lay_out(repository, Programs(), one, restore.Target(), Path(name))
            else:
                proof.fetch(repository, one, Path(name))
        except InputError as problem:
            return str(problem)
    return ""
