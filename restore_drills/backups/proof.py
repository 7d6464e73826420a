"""Prove backups: every byte that is stored, and by restoring, every row."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import msgspec
import psycopg

from fixtures.postgres import postgres
from restore_drills import recovery
from restore_drills.backups import take
from restore_drills.backups.findings import Finding
from restore_drills.backups.model import Damaged, Manifest
from restore_drills.backups.programs import Programs
from restore_drills.backups.repository import CHUNK, MANIFEST, Metered, Repository
from restore_drills.backups.restore import Target, recovered
from restore_drills.backups.store import StoreError
from restore_drills.fingerprint import Fingerprint
from restore_drills.steps import Steps

Fingerprints = dict[str, Fingerprint]
STEP = 32
"""PostgreSQL logs a sequence this many values ahead: after a recovery it goes on behind what nobody has used."""


def stored(repository: Repository, manifest: Manifest) -> list[Finding]:
    """Read every stored byte of a backup, without any key; name each file that is not what was put there."""
    found = []
    top = f"backups/{manifest.id}/"
    extra = {entry.key for entry in repository.store.list(top)} - {f"{top}{file.name}" for file in manifest.files}
    found += [Finding(key, "belongs to no file of the manifest") for key in sorted(extra - {f"{top}{MANIFEST}"})]
    for file in manifest.files:
        try:
            with repository.store.open(f"{top}{file.name}") as raw:
                metered = Metered(raw)
                while metered.take(CHUNK):
                    pass
        except StoreError as error:
            found.append(Finding(f"{top}{file.name}", str(error)))
            continue
        if (metered.size, metered.digest.hexdigest()) != (file.stored_size, file.stored_sha256):
            found.append(Finding(f"{top}{file.name}", f"is damaged: {metered.size} bytes of another SHA-256"))
    return found


def restored(repository: Repository, programs: Programs, manifest: Manifest) -> list[Finding]:
    """Restore into a scratch server and compare every row; Damaged where it cannot be restored at all."""
    with repository.open(manifest, manifest.file(take.FINGERPRINT)) as file:
        source = msgspec.json.decode(file.read(), type=Fingerprints)
    with tempfile.TemporaryDirectory(prefix="restore-proof-", ignore_cleanup_errors=True) as scratch:
        Path(scratch).chmod(0o711)
        folder = Path(scratch, "copy")
        if manifest.physical:
            copy = _physical(repository, programs, manifest, folder)
        else:
            copy = _logical(repository, manifest, source, folder)
    if manifest.content.bound == "moving":
        repository.say("the source was written to while it was fingerprinted: rows cannot be compared by digest")
        return [Finding(manifest.id, "cannot be proven by content: the source was never still; prove a logical one")]
    return [Finding(manifest.id, problem) for problem in differences(source, copy, manifest)]


def differences(source: Mapping[str, Fingerprint], copy: Mapping[str, Fingerprint], manifest: Manifest) -> list[str]:
    """Name what is not as it was."""
    found = [
        f"database {name!r}: is in {'the source' if name in source else 'the copy'} only"
        for name in source.keys() ^ copy.keys()
    ]
    for name in sorted(source.keys() & copy.keys()):
        found += [
            f"database {name!r}: {text}" for text in _differs(source[name], copy[name], physical=manifest.physical)
        ]
    if not sum(table.rows for one in copy.values() for table in one.tables.values()) and manifest.content.rows:
        found.append("the copy is empty, and the source was not")
    return found


def _differs(source: Fingerprint, copy: Fingerprint, *, physical: bool) -> list[str]:
    lost, new = Counter(source.schema) - Counter(copy.schema), Counter(copy.schema) - Counter(source.schema)
    found = [
        f"table {name}: {source.tables.get(name)} became {copy.tables.get(name)}"
        for name in sorted(source.tables.keys() | copy.tables.keys())
        if source.tables.get(name) != copy.tables.get(name)
    ]
    found += [f"schema: lost {line.strip()}" for line in sorted(lost)] + [
        f"schema: too much {line.strip()}" for line in sorted(new)
    ]
    found += [
        f"sequence {name}: {source.sequences.get(name)} became {copy.sequences.get(name)}"
        for name in sorted(source.sequences.keys() | copy.sequences.keys())
        if not _goes_on(source.sequences.get(name), copy.sequences.get(name), physical=physical)
    ]
    roles = sorted(set(source.roles.items()) ^ set(copy.roles.items()))
    return [*found, *(f"role {name}: differs" for name in dict.fromkeys(name for name, _ in roles))]


def _goes_on(source: int | None, copy: int | None, *, physical: bool) -> bool:
    if not physical or source is None or copy is None:
        return source == copy
    return 0 <= copy - source <= STEP


def _physical(repository: Repository, programs: Programs, manifest: Manifest, folder: Path) -> Fingerprints:
    alone = manifest.content.alone or manifest.content.bound == "moving"
    target = Target("backup") if alone else Target("lsn", manifest.content.lsn)
    with recovered(repository, programs, manifest, target, folder) as server:
        return take.every_database(server.address())


def _logical(repository: Repository, manifest: Manifest, source: Fingerprints, folder: Path) -> Fingerprints:
    fetch(repository, manifest, folder)
    name = manifest.database
    taken = recovery.Taken(
        dump=folder / "dump", globals=folder / "globals.sql", source=source[name], seconds=0.0, size=manifest.size
    )
    try:
        # A fresh server has a database named postgres already.
        with recovery.recovered(taken, postgres, name if name != "postgres" else "restored", Steps()) as copy:
            return {name: copy.fingerprint}
    except (recovery.BackupFailed, psycopg.Error) as error:
        msg = f"{manifest.id}: cannot be restored: {error}"
        raise Damaged(msg) from None


def fetch(repository: Repository, manifest: Manifest, folder: Path) -> None:
    """Write a backup's files into a fresh folder, each held against its digest."""
    folder.mkdir(parents=True, exist_ok=True)
    for file in manifest.files:
        path = folder / file.name
        path.parent.mkdir(parents=True, exist_ok=True)
        with repository.open(manifest, file) as stored_file, path.open("wb") as target:
            while content := stored_file.read(CHUNK):
                target.write(content)
