"""Where backups lie: whole objects under keys. An object is there completely or not at all."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple, Protocol

from evidence.errors import InputError

HIDDEN = ".work"
"""The folder inside a folder store that is not the store: unfinished backups, and the lock."""


class StoreError(InputError):
    """The store cannot be read or written; the message names it, the object, and what to do."""


class Entry(NamedTuple):
    """An object."""

    key: str
    size: int


class Store(Protocol):
    """A folder, or S3."""

    @property
    def name(self) -> str:
        """Tell people where it is, without secrets."""

    def put(self, key: str, path: Path) -> None:
        """Store a local file, durably, before this returns. The file may be gone afterwards."""

    def open(self, key: str) -> contextlib.AbstractContextManager[BinaryIO]:
        """Read an object from its beginning; StoreError where it is not there."""

    def list(self, prefix: str) -> Iterator[Entry]:
        """Name the objects whose key begins so."""

    def delete(self, key: str) -> None:
        """Remove an object, if it is there."""

    def sweep(self) -> None:
        """Remove what a `put` that was cut short has left; nobody else may be writing."""


class Folder:
    """A store in a file system."""

    def __init__(self, root: Path) -> None:
        """Take its path; the first `put` makes it."""
        self.root = root

    @property
    def name(self) -> str:
        """Its path."""
        return str(self.root)

    def put(self, key: str, path: Path) -> None:
        """Move the file in, or copy it where it is on another file system; synced before it gets its name."""
        target = self.root / key
        with self._explained(key):
            target.parent.mkdir(parents=True, exist_ok=True)
            sync(path)
            # In one step: killed between two, the file would be in neither place.
            try:
                path.replace(target)
            except OSError as error:
                if error.errno != errno.EXDEV:
                    raise
                part = target.with_name(f".{target.name}.part")
                shutil.copyfile(path, part)
                sync(part)
                part.replace(target)
            for folder in (target.parent, *target.parent.parents):
                sync(folder)
                if folder == self.root:
                    break

    @contextlib.contextmanager
    def open(self, key: str) -> Iterator[BinaryIO]:
        """Open the file."""
        with self._explained(key):
            file = (self.root / key).open("rb")
        with file:
            yield file

    def list(self, prefix: str) -> Iterator[Entry]:
        """Walk the folder; what is hidden is unfinished."""
        top = self.root / prefix.rpartition("/")[0]
        for folder, folders, names in os.walk(top):
            folders[:] = sorted(name for name in folders if not name.startswith("."))
            for name in sorted(names):
                path = Path(folder, name)
                key = path.relative_to(self.root).as_posix()
                if not name.startswith(".") and key.startswith(prefix):
                    with self._explained(key):
                        yield Entry(key, path.stat().st_size)

    def delete(self, key: str) -> None:
        """Remove the file, and the folders that this leaves empty."""
        path = self.root / key
        with self._explained(key):
            path.unlink(missing_ok=True)
            for folder in path.parents:
                if folder in (self.root, *self.root.parents):
                    break
                with contextlib.suppress(OSError):
                    folder.rmdir()

    def sweep(self) -> None:
        """Remove what a copy that was cut short has left."""
        for part in self.root.rglob(".*.part"):
            with self._explained(part.name):
                part.unlink(missing_ok=True)

    @contextlib.contextmanager
    def _explained(self, key: str) -> Iterator[None]:
        try:
            yield
        except FileNotFoundError:
            msg = f"{self.name}: {key} is missing"
            raise StoreError(msg) from None
        except OSError as error:
            msg = f"{self.name}: {key}: {error.strerror}; make room or give permission, then run again"
            raise StoreError(msg) from None


def sync(path: Path) -> None:
    """Bring a file, or a folder's names, to the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
