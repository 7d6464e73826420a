"""Prove backups: every byte that is stored, and by restoring, every row."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import msgspec
from psycopg import conninfo

from evidence.errors import InputError
from fixtures.folder import temporary
from fixtures.postgres import PROVIDER, Postgres, postgres
from restore_drills import fingerprint
from restore_drills.backups import dump, looks, settled
from restore_drills.backups.agreed import compared, unproven
from restore_drills.backups.findings import Finding
from restore_drills.backups.model import Damaged, Manifest
from restore_drills.backups.programs import Programs, connect
from restore_drills.backups.repository import CHUNK, MANIFEST, Metered, Repository
from restore_drills.backups.restore import Target, recovered
from restore_drills.backups.settled import Looks, unseen
from restore_drills.backups.store import Missing, StoreError
from restore_drills.compare import Fingerprints, differences, logged, unlogged
from restore_drills.fingerprint import Fingerprint
from restore_drills.properties import resorted

Fresh = Callable[[], contextlib.AbstractContextManager[Postgres]]


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
        except Missing:
            found.append(Finding(f"{top}{file.name}", "is missing"))
            continue
        except StoreError as error:
            found.append(Finding(f"{top}{file.name}", str(error)))
            continue
        if (metered.size, metered.digest.hexdigest()) != (file.stored_size, file.stored_sha256):
            found.append(Finding(f"{top}{file.name}", f"is damaged: {metered.size} bytes of another SHA-256"))
    if found and not list(repository.store.list(f"{top}{MANIFEST}")):
        repository.say(f"{manifest.id} was removed meanwhile, on another machine")
        return []
    return found


def restored(
    repository: Repository, programs: Programs, manifest: Manifest, remark: Callable[[Finding], None] = lambda _: None
) -> list[Finding]:
    """Restore into a scratch server and compare every row; Damaged where it cannot be restored at all.

    What was written while it was backed up, or is in no log, cannot be compared, and nothing is wrong with it: `remark`
    is told.
    """
    source = content_of(repository, manifest)
    with copied(repository, programs, manifest) as address:
        copy = content(address, manifest)
        otherwise = _resorted(address, copy) if manifest.physical else []
        if manifest.content.bound == "moving":
            found = _moving(repository, manifest, address, copy, remark)
        else:
            if manifest.physical:
                for text in unlogged(source):
                    remark(Finding(manifest.id, text))
                source, copy = logged(source), logged(copy)
            found = [difference.text for difference in differences(source, copy, physical=manifest.physical)]
    return [Finding(manifest.id, text) for text in (*found, *otherwise)]


def _moving(
    repository: Repository, manifest: Manifest, address: str, copy: Fingerprints, remark: Callable[[Finding], None]
) -> list[str]:
    """Compare what is known of a database that was never still."""
    if manifest.content.moved is None:
        return ["cannot be proven by content: the source was never still; prove a logical one"]
    with repository.open(manifest, manifest.file(looks.SETTLED)) as file:
        seen = msgspec.json.decode(file.read(), type=Looks)
    if late := unseen(address, seen):
        who = f"transaction {', '.join(late)} was committed while the source did not show it"
        return [f"cannot be proven by content: {who}; prove a logical one"]
    rows = settled.look(address, copy, seen.since)
    for text in unproven(seen, content_of(repository, manifest), rows):
        remark(Finding(manifest.id, text))
    return compared(seen, copy, rows)


def _resorted(address: str, names: Iterable[str]) -> list[str]:
    """Look in every database of restored data files: a dump is sorted anew where it is restored, and they are not."""
    found = []
    for name in names:
        with connect(conninfo.make_conninfo(address, dbname=name)) as connection:
            found += [f"database {name!r}: {text}" for text in resorted(connection)]
    return found


def content_of(repository: Repository, manifest: Manifest) -> Fingerprints:
    """Read what the source was at the moment of its backup."""
    with repository.open(manifest, manifest.file(looks.FINGERPRINT)) as file:
        return msgspec.json.decode(file.read(), type=Fingerprints)


@contextlib.contextmanager
def copied(
    repository: Repository,
    programs: Programs,
    manifest: Manifest,
    fresh: Fresh | None = None,
    target: Target | None = None,
) -> Iterator[str]:
    """Restore a backup of whichever kind; give the superuser's address of the copy, which is gone afterwards.

    A dump goes into a `fresh` server, one of our own if no other is meant; of data files the restored server is one,
    recovered to `target`, or to the moment of the fingerprint.
    """
    alone = manifest.content.alone or manifest.content.bound == "moving"
    until = target or (Target("backup") if alone else Target("lsn", manifest.content.lsn))
    with contextlib.ExitStack() as stack:
        folder = stack.enter_context(temporary("restore-proof-")) / "copy"
        if manifest.physical:
            folder.parent.chmod(0o711)  # the server's own user passes through
            running = stack.enter_context(recovered(repository, programs, manifest, until, folder))
            yield running.address(manifest.database)
            return
        repository.say(f"fetch {manifest.id}")
        fetch(repository, manifest, folder)
        repository.say("start a fresh server")
        yield dump.restore(programs, manifest, folder, stack.enter_context((fresh or ours)()), repository.say)


def ours() -> contextlib.AbstractContextManager[Postgres]:
    """Bring up a server of our own; InputError where RELEASE_POSTGRES gives one, which nobody allowed to be used so."""
    if (os.environ.get(PROVIDER) or "").startswith(("postgresql://", "postgres://")):
        msg = f"{PROVIDER}: is a server that is given, and nothing is restored there; unset it, or use a drill"
        raise InputError(msg)
    return postgres()


def content(address: str, manifest: Manifest, described: Callable[[], None] | None = None) -> Fingerprints:
    """Fingerprint a copy: every database of restored data files, the one of a dump; Damaged where one cannot be."""
    if manifest.physical:
        try:
            return looks.every_database(address, described)
        except InputError as problem:
            msg = f"{manifest.id}: a database of the copy cannot be read: {problem}"
            raise Damaged(msg) from None
    found = look(address, described)
    if manifest.superuser != (own := str(conninfo.conninfo_to_dict(address)["user"])):
        found.roles.pop(own)  # the fresh server's own, not restored by anybody
    return {manifest.database: found}


def fetch(repository: Repository, manifest: Manifest, folder: Path) -> None:
    """Write a backup's files into a fresh folder, each held against its digest."""
    folder.mkdir(parents=True, exist_ok=True)
    for file in manifest.files:
        path = folder / file.name
        path.parent.mkdir(parents=True, exist_ok=True)
        with repository.open(manifest, file) as stored_file, path.open("wb") as target:
            while content := stored_file.read(CHUNK):
                target.write(content)


def look(address: str, described: Callable[[], None] | None = None) -> Fingerprint:
    """Fingerprint one database, as it is now."""
    with connect(address) as connection:
        return fingerprint.take(connection, address, described=described)
