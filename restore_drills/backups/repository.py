"""The life of backups in a store: made aside, put there file by file, committed by their manifest, removed by it first.

Whatever is killed at whatever moment leaves either a manifest, and then everything that it names, or no manifest, and
then something that the next run finishes (all files were made) or sweeps away (they were not).
"""

from __future__ import annotations

import contextlib
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
from restore_drills.backups.model import Damaged, File, Manifest, by_id, chain, decode, encode
from restore_drills.backups.programs import Tell, human
from restore_drills.backups.store import Entry, Store, sync

MANIFEST = "manifest.json"
DRAFT = "draft.json"
LOCK = "lock"
CHUNK = 1 << 20


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
            self.work.mkdir(parents=True, exist_ok=True)
            handle = os.open(self.work / LOCK, os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            msg = f"{self.work}: cannot be written ({error.strerror}); name another folder with `work` in backup.toml"
            raise InputError(msg) from None
        try:
            self._taken(handle, time.monotonic() + wait_s)
            yield handle
        finally:
            os.close(handle)

    def _taken(self, handle: int, until: float) -> None:
        while True:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
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
        """Read every committed backup that can be read, oldest first, and say of the others why not."""
        found, damaged = [], []
        for entry in self.store.list("backups/"):
            if entry.key.endswith(f"/{MANIFEST}") and entry.key.count("/") == 2:
                with self.store.open(entry.key) as file:
                    content = file.read()
                try:
                    found.append(decode(content, entry.key))
                except Damaged as error:
                    damaged.append(str(error))
        return sorted(found, key=lambda manifest: (manifest.started, manifest.id)), damaged

    def commit(self, manifest: Manifest, folder: Path) -> None:
        """Put a finished backup of `folder` there; once the draft is written, the next run finishes what we do not."""
        draft = folder / DRAFT
        draft.write_bytes(encode(manifest))
        sync(draft)
        sync(folder)
        self._publish(manifest, folder)

    def settle(self) -> None:
        """Finish the backups that were made but not committed, and sweep away what was not made; hold the lock."""
        self.store.sweep()
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
                self._publish(manifest, folder)
        self._sweep_store()

    def remove(self, manifest: Manifest) -> None:
        """Remove a backup: its manifest first, so that it is whole or not there; then its files."""
        top = f"backups/{manifest.id}/"
        self.store.delete(f"{top}{MANIFEST}")
        for entry in list(self.store.list(top)):
            self.store.delete(entry.key)

    def chain(self, manifest: Manifest) -> list[Manifest]:
        """Give what a restore needs, the full backup first."""
        return chain(manifest, by_id(self.manifests()))

    @contextlib.contextmanager
    def open(self, manifest: Manifest, file: File) -> Iterator[BinaryIO]:
        """Read one file as it was; Damaged, at the latest when it has been read, where it is not."""
        key = f"backups/{manifest.id}/{file.name}"
        wrong: NotWhole | None = None
        with (
            self.store.open(key) as stored,
            self.keys.opened(stored, key, encrypted=manifest.encrypted(file)) as plain,
        ):
            metered = Metered(plain)
            reader = io.BufferedReader(metered, CHUNK)
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

    def _publish(self, manifest: Manifest, folder: Path) -> None:
        top = f"backups/{manifest.id}/"
        there = {Entry(entry.key, entry.size) for entry in self.store.list(top)}
        missing = [file for file in manifest.files if Entry(f"{top}{file.name}", file.stored_size) not in there]
        if lost := [file.name for file in missing if not (folder / file.name).exists()]:
            self.say(f"sweep: {manifest.id} cannot be finished: {lost[0]} is neither here nor in the store")
            shutil.rmtree(folder)
            return
        for file in missing:
            self.store.put(f"{top}{file.name}", folder / file.name)
        final = folder / MANIFEST
        final.write_bytes(encode(manifest))
        self.store.put(f"{top}{MANIFEST}", final)
        self.say(f"committed {manifest.id}: {human(manifest.stored_size)} in {self.store.name}")
        shutil.rmtree(folder)

    def _sweep_store(self) -> None:
        entries = list(self.store.list("backups/"))
        whole = {entry.key.split("/")[1] for entry in entries if entry.key.endswith(f"/{MANIFEST}")}
        for entry in entries:
            if entry.key.split("/")[1] not in whole:
                self.say(f"sweep: {entry.key} belongs to no committed backup")
                self.store.delete(entry.key)


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
        content = self.take(len(buffer))
        buffer[: len(content)] = content
        return len(content)

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
