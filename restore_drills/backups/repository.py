"""The life of backups in a store: made aside, put there file by file, committed by their manifest, removed by it first.

Whatever is killed at whatever moment leaves either a manifest, and then everything that it names, or no manifest, and
then something that the next run that writes finishes (all files were made) or sweeps away (they were not). The lock is
this machine's own; what another machine may still be at is left to it for GRACE, by the store's own clock.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import fcntl
import hashlib
import io
import os
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from evidence.errors import InputError
from restore_drills.backups.crypt import Keys
from restore_drills.backups.model import ID, Damaged, File, Manifest, chain, decode, encode
from restore_drills.backups.programs import Tell, human
from restore_drills.backups.store import Entry, Missing, Store, StoreError, sync

MANIFEST = "manifest.json"
DRAFT = "draft.json"
LOCK = "lock"
GONE = ".gone"
"""What a removal is noted by here, so that one that was cut short is finished at once."""
GRACE = dt.timedelta(hours=24)
"""How long after its newest file what has no manifest is left alone: somebody else may be putting it there, or us."""
CHUNK = 1 << 20
SMALL = 1 << 16
"""What is buffered for who reads little; whoever reads more reads past it, without another copy."""


class NotWhole(Exception):
    """What was read made no sense to its reader; whether that is damage, the digest tells."""


class Busy(InputError):
    """Somebody else is at work on this repository."""


class Repository:
    """Backups in `store`; `work` is a local folder for what is unfinished, `keys` seal and open what is stored."""

    def __init__(self, store: Store, work: Path, keys: Keys, say: Tell) -> None:
        """Open it; nothing is read yet."""
        self.store, self.work, self.keys, self.say = store, work, keys, say

    @contextlib.contextmanager
    def lock(self, wait_s: float = 0.0) -> Iterator[int]:
        """Work alone; Busy where another run, or a program that it left behind, still does."""
        try:
            self._made()
            handle = os.open(self.work / LOCK, os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            msg = f"{self.work}: cannot be written ({error.strerror}); name another folder with `work` in backup.toml"
            raise InputError(msg) from None
        try:
            self._taken(handle, fcntl.LOCK_EX, time.monotonic() + wait_s)
            yield handle
        finally:
            os.close(handle)

    @contextlib.contextmanager
    def reading(self, wait_s: float = 0.0) -> Iterator[list[int]]:
        """Keep this machine's writers away, if there ever were any; Busy where one is at work. Nothing is written."""
        try:
            handle = os.open(self.work / LOCK, os.O_RDONLY)
        except OSError:
            yield []
            return
        try:
            self._taken(handle, fcntl.LOCK_SH, time.monotonic() + wait_s)
            yield [handle]
        finally:
            os.close(handle)

    def _made(self) -> None:
        """Make the folder of what is unfinished, for us alone; where it has a name of ours it is no other's, either."""
        self.work.mkdir(mode=0o700, parents=True, exist_ok=True)
        if self.work.name.startswith("."):
            with contextlib.suppress(OSError):
                self.work.chmod(0o700)

    def _taken(self, handle: int, how: int, until: float) -> None:
        while True:
            try:
                fcntl.flock(handle, how | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() >= until:
                    msg = (
                        f"{self.work / 'lock'}: another backup or prune is running; wait for it, or use --wait SECONDS"
                    )
                    raise Busy(msg) from None
                time.sleep(0.05)
            else:
                return

    def manifests(self) -> list[Manifest]:
        """Read every committed backup, oldest first; Damaged where a manifest is not whole."""
        found, damaged = self.readable()
        if damaged:
            raise Damaged(damaged[0])
        return found

    def readable(self) -> tuple[list[Manifest], list[str]]:
        """Read every committed backup that can be read, oldest first, and say of the damaged ones what is wrong."""
        found, wrong = self.looked()
        for problem in wrong.values():
            if isinstance(problem, StoreError):
                raise problem
        return found, [str(problem) for problem in wrong.values()]

    def looked(self) -> tuple[list[Manifest], dict[str, Damaged | StoreError]]:
        """Read every committed backup, oldest first; by name what is wrong with those that cannot be read."""
        found, wrong = [], dict[str, Damaged | StoreError]()
        for entry in self.store.list("backups/"):
            if entry.key.endswith(f"/{MANIFEST}") and entry.key.count("/") == 2:
                try:
                    found.append(self._manifest(entry.key))
                except Missing:
                    continue  # removed meanwhile, on another machine
                except (Damaged, StoreError) as problem:
                    wrong[_of(entry)] = problem
        return sorted(found, key=lambda manifest: (manifest.started, manifest.id)), wrong

    def read(self, name: str) -> Manifest:
        """Read one committed backup, whatever the others are; Missing where there is none of that name."""
        if not ID.fullmatch(name):
            msg = f"{self.store.name}: {name} is missing"
            raise Missing(msg)
        return self._manifest(f"backups/{name}/{MANIFEST}")

    def _manifest(self, key: str) -> Manifest:
        with self.store.open(key) as file:
            return decode(file.read(), key)

    def commit(self, manifest: Manifest, folder: Path) -> None:
        """Put a finished backup of `folder` there; once the draft is written, the next run finishes what we do not."""
        draft = folder / DRAFT
        draft.write_bytes(encode(manifest))
        sync(draft)
        sync(folder)
        if why := self._publish(manifest, folder):
            msg = f"{self.store.name}: {manifest.id}: {why}; it is not committed, take it again"
            raise StoreError(msg)

    def settle(self) -> None:
        """Finish the backups that were made but not committed, and sweep away what was not made; hold the lock."""
        self.store.sweep(GRACE)
        for note in self.work.glob(f"*{GONE}"):
            self._clear(note.stem)
        for path in self.work.iterdir():
            if path.is_file() and path.name != LOCK:
                path.unlink()
        for folder in sorted(path for path in self.work.glob("*-*-*") if path.is_dir()):
            draft = folder / DRAFT
            try:
                manifest = decode(draft.read_bytes(), f"{folder.name}/{DRAFT}")
            except (OSError, Damaged):
                self.say(f"sweep: {folder.name} was cut short while it was made")
                shutil.rmtree(folder)
            else:
                self.say(f"finish: {manifest.id} was cut short while it was put away")
                if why := self._publish(manifest, folder):
                    self.say(f"sweep: {manifest.id} cannot be finished: {why}")
        try:
            self._sweep_store()
        except StoreError as error:  # who may not remove may back up all the same
            self.say(f"sweep: what was never committed stays: {error}")

    def remove(self, manifest: Manifest) -> None:
        """Remove a backup: its manifest first, so that it is whole or not there; then its files."""
        self._made()
        note = self.work / f"{manifest.id}{GONE}"
        note.touch()
        self.store.delete(f"backups/{manifest.id}/{MANIFEST}")
        self._clear(manifest.id)
        note.unlink()

    def chain(self, manifest: Manifest) -> list[Manifest]:
        """Give what a restore needs, the full backup first; nothing else in the store is looked at."""
        members = {}
        for name in (*manifest.parents, manifest.id):
            try:
                members[name] = self.read(name)
            except Missing:
                continue  # as is said below
            except (Damaged, StoreError) as problem:
                if name == manifest.id:
                    raise
                msg = f"{manifest.id}: needs {name}, and {problem}"
                raise type(problem)(msg) from None
        return chain(manifest, members)

    @contextlib.contextmanager
    def open(self, manifest: Manifest, file: File) -> Iterator[io.BufferedReader[Metered]]:
        """Read one file as it was; Damaged, at the latest when it has been read, where it is not."""
        key = f"backups/{manifest.id}/{file.name}"
        wrong: NotWhole | None = None
        with (
            self.store.open(key) as stored,
            self.keys.opened(stored, key, encrypted=manifest.encrypted(file)) as plain,
        ):
            metered = Metered(plain)
            reader = io.BufferedReader(metered, SMALL)
            try:
                yield reader
            except NotWhole as error:
                wrong = error  # most likely since it is damaged, which the digest tells
            while reader.read(CHUNK):
                pass
        if (metered.size, metered.digest.hexdigest()) != (file.size, file.sha256):
            msg = f"{key}: {human(metered.size)} with another SHA-256 than the manifest's {human(file.size)}: damaged"
            raise Damaged(msg)
        if wrong:
            raise Damaged(str(wrong))

    def _publish(self, manifest: Manifest, folder: Path) -> str:
        """Put there what is not yet, and commit it; where that cannot be, sweep it away and say why."""
        lost = [name for name in self.lacking(manifest) if not (folder / name).exists()]
        why = f"{lost[0]} is neither here nor in the store" if lost else ""
        if not why:
            for name in self.lacking(manifest):
                self.store.put(f"backups/{manifest.id}/{name}", folder / name)
            # Another machine may have swept or pruned meanwhile: the manifest is a promise, so we look again.
            why = self._broken(manifest)
        if why:
            self._clear(manifest.id)
            shutil.rmtree(folder)
            return why
        final = folder / MANIFEST
        final.write_bytes(encode(manifest))
        self.store.put(f"backups/{manifest.id}/{MANIFEST}", final)
        self.say(f"committed {manifest.id}: {human(manifest.stored_size)} in {self.store.name}")
        shutil.rmtree(folder)
        return ""

    def _broken(self, manifest: Manifest) -> str:
        if lacking := self.lacking(manifest):
            return f"{lacking[0]} was put there, and is gone or of another size: somebody else removed it"
        for parent in manifest.parents:
            if not list(self.store.list(f"backups/{parent}/{MANIFEST}")):
                return f"{parent}, which it needs, was removed meanwhile"
        return ""

    def lacking(self, manifest: Manifest) -> list[str]:
        """Name the files of a backup that are not there yet, or of another size."""
        top = f"backups/{manifest.id}/"
        there = set(self.store.list(top))
        return [file.name for file in manifest.files if Entry(f"{top}{file.name}", file.stored_size) not in there]

    def _clear(self, name: str) -> None:
        """Remove the files of a backup that is not committed."""
        entries = list(self.store.list(f"backups/{name}/"))
        if not any(entry.key.endswith(f"/{MANIFEST}") for entry in entries):
            for entry in entries:
                self.store.delete(entry.key)

    def _sweep_store(self) -> None:
        """Remove what belongs to no committed backup, once nobody can be at it any more."""
        entries = list(self.store.list("backups/"))
        whole = {_of(entry) for entry in entries if entry.key.endswith(f"/{MANIFEST}")}
        if not (left := [entry for entry in entries if _of(entry) not in whole]):
            return
        now = self.store.now()
        for name in sorted({_of(entry) for entry in left}):
            with contextlib.suppress(Missing):
                newest = max(self.store.written(entry.key) for entry in left if _of(entry) == name)
                if now - newest > GRACE:
                    self.say(
                        f"sweep: {name} was never committed, and nobody has written to it since {newest:%F %R} UTC"
                    )
                    self._clear(name)


def _of(entry: Entry) -> str:
    return entry.key.split("/")[1]


class Metered(io.RawIOBase):
    """A stream that measures what is read from it."""

    def __init__(self, file: BinaryIO) -> None:
        """Begin with nothing read."""
        self._file, self.size, self.digest = file, 0, hashlib.sha256()

    def readable(self) -> bool:
        """Say that it can be read."""
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        """Read on."""
        size: int = self._file.readinto(buffer)  # type: ignore[attr-defined] # of every stream of bytes that stores open
        self.size += size
        self.digest.update(buffer[:size])
        return size

    def take(self, size: int) -> bytes:
        """Read on, past any buffer."""
        content = self._file.read(size)
        self.size += len(content)
        self.digest.update(content)
        return content


def measured(path: Path) -> tuple[int, str]:
    """Give size and SHA-256 of a local file."""
    with path.open("rb") as file:
        return path.stat().st_size, hashlib.file_digest(file, "sha256").hexdigest()
