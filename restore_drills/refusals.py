"""What is said to backups that are damaged, too old, or sealed for somebody else."""

from __future__ import annotations

import datetime as dt
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from pyrage import x25519

from evidence.errors import InputError
from restore_drills.backups import proof, restore, take
from restore_drills.backups.crypt import Keys
from restore_drills.backups.dump import DATA
from restore_drills.backups.findings import find
from restore_drills.backups.model import Manifest
from restore_drills.backups.programs import Programs
from restore_drills.backups.repository import Repository
from restore_drills.backups.store import Folder
from restore_drills.backups.wal import Archive
from restore_drills.damage import spoiled, twin
from restore_drills.estate import Estate

DAYS = dt.timedelta(days=3)


class Refusal(NamedTuple):
    """What was done, to which artefact, and what was said to it: nothing, where nothing was."""

    title: str
    artefact: str
    said: str


def of(estate: Estate, dump: Manifest) -> list[Refusal]:
    """Try each; the backups themselves stay whole, and may be restored meanwhile."""
    assert isinstance(estate.repository.store, Folder)
    with tempfile.TemporaryDirectory(prefix="release-verification-damages-") as name:
        folder = Path(name, "store")
        twin(estate.repository.store.root, folder)
        own = Repository(Folder(folder), Path(name, "work"), estate.repository.keys, estate.repository.say)
        return [*_files(own, folder, estate, dump), *_whole(estate)]


def _files(own: Repository, folder: Path, estate: Estate, dump: Manifest) -> Iterator[Refusal]:
    """Damage one file after the other; say what was done, which artefact that is, and what was said to it."""
    first = Archive.read(own, estate.full.system_identifier).since(estate.increment, None)[0]
    full, increment = estate.full, estate.increment
    data = max((file for file in dump.files if file.name.startswith(DATA)), key=lambda file: file.size)
    for key, way, one in (
        (f"backups/{full.id}/base.tar", "cut short", full),
        (f"backups/{increment.id}/base.tar", "one bit turned", increment),
        (f"backups/{full.id}/pg_wal.tar", "one bit turned", full),
        (f"backups/{full.id}/backup_manifest", "missing", full),
        (f"backups/{full.id}/base.tar", "empty", increment),
        (f"backups/{full.id}/manifest.json", "missing", increment),
        (f"backups/{increment.id}/manifest.json", "one bit turned", increment),
        (first.key, "cut short", increment),
        (first.key, "missing", increment),
        (f"backups/{dump.id}/{data.name}", "cut short", dump),
        (f"backups/{dump.id}/{data.name}", "missing", dump),
    ):
        # A manifest is the backup that it is of, and a segment is known by its number.
        artefact = {f"backups/{full.id}/manifest.json": full.id, first.key: first.name}.get(key, key)
        with spoiled(folder / key, way):
            yield Refusal(f"{key}, {way}", artefact, refused(own, one))


def _whole(estate: Estate) -> Iterator[Refusal]:
    """What is whole, and yet no backup that may be trusted: too old, or sealed for somebody else."""
    later = find([estate.full], [], {"full": 24.0}, estate.full.started + DAYS)
    yield Refusal("a full backup of three days ago", "full", " ".join(finding.place for finding in later))
    mine, other = x25519.Identity.generate(), x25519.Identity.generate()
    with tempfile.TemporaryDirectory(prefix="release-verification-sealed-") as name:
        store, work, key = Folder(Path(name, "store")), Path(name, "work"), Path(name, "key")
        key.write_text(str(other))
        sealed = Repository(store, work, Keys((str(mine.to_public()),)), estate.repository.say)
        one = take.logical(sealed, Programs(), estate.address)
        for title, identity in (("no key", None), ("another key", key)):
            opened = Repository(store, work, Keys((), identity), estate.repository.say)
            yield Refusal(f"a sealed backup and {title}", one.id, refused(opened, one))


def refused(repository: Repository, one: Manifest) -> str:
    """Restore as far as to the server's start; say what was said against it, and nothing where nothing was."""
    with tempfile.TemporaryDirectory(prefix="release-verification-damaged-", ignore_cleanup_errors=True) as name:
        try:
            repository.manifests()
            if one.physical:
                restore.lay_out(repository, Programs(), one, restore.Target(), Path(name))
            else:
                proof.fetch(repository, one, Path(name))
        except InputError as problem:
            return str(problem)
    return ""
