"""Where backups lie: whole objects under keys. An object is there completely or not at all."""

from __future__ import annotations

import contextlib
import datetime as dt
import errno
import io
import os
import shutil
import stat
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple, Protocol

from evidence.errors import InputError

HIDDEN = ".work"
"""The folder inside a folder store that is not the store: unfinished backups, and the lock."""
LOST = "lost+found"
"""What a file system has of its own where it is mounted, for root alone."""
SICK = "give permission, or look at the disk or the mount"
"""What is to be done where something is there and cannot be read."""


class StoreError(InputError):
    """The store cannot be read or written; the message names it, the object, and what to do."""


class Missing(StoreError):
    """The store can be read, and the object is not there."""


class Entry(NamedTuple):
    """An object."""

    key: str
    size: int


class Protection(NamedTuple):
    """What the store itself does for an object, in its own words; what it does not tell is not taken for granted."""

    encryption: str = "not told"
    lock: str = "not told"


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

    def written(self, key: str) -> dt.datetime:
        """Say when an object was put there, by the store's own clock; Missing where it is not there."""

    def now(self) -> dt.datetime:
        """Ask the store's own clock, which takes a write: machines that write to it need not agree on the time."""

    def protection(self, key: str) -> Protection:
        """Ask how an object is protected where it lies."""

    def sweep(self, grace: dt.timedelta) -> None:
        """Remove what a `put` that was cut short has left, once nobody has written to it for so long."""


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
            shared = self._shared()
            self._folder(target.parent, shared)
            path.chmod(0o600 | shared & 0o060)
            os.utime(path)  # from now on it tells when it was put there, not when it was made
            sync(path)
            # In one step: killed between two, the file would be in neither place.
            try:
                path.replace(target)
            except OSError as error:
                if error.errno != errno.EXDEV:
                    raise
                part = target.with_name(f".{target.name}.part")
                part.unlink(missing_ok=True)
                part.touch(0o600)
                shutil.copyfile(path, part)
                part.chmod(0o600 | shared & 0o060)
                sync(part)
                part.replace(target)
            for folder in (target.parent, *target.parent.parents):
                sync(folder)
                if folder == self.root:
                    break

    @contextlib.contextmanager
    def open(self, key: str) -> Iterator[BinaryIO]:
        """Open the file; what cannot be read of it is explained, too."""
        with self._explained(key):
            raw = Explained(self.root / key, lambda: self._explained(key, SICK))
        with io.BufferedReader(raw) as file:
            yield file

    def list(self, prefix: str) -> Iterator[Entry]:
        """Walk the folder; what is hidden is unfinished. A folder that cannot be read is no empty one."""
        top = self.root / prefix.rpartition("/")[0]
        for folder, folders, names in os.walk(top, onerror=self._unread):
            folders[:] = sorted(name for name in folders if not name.startswith(".") and name != LOST)
            for name in sorted(names):
                path = Path(folder, name)
                key = path.relative_to(self.root).as_posix()
                if not name.startswith(".") and key.startswith(prefix):
                    with contextlib.suppress(Missing):  # removed meanwhile, on another machine
                        yield Entry(key, self._size(key))

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

    def written(self, key: str) -> dt.datetime:
        """Ask the file."""
        with self._explained(key):
            return _modified(self.root / key)

    def now(self) -> dt.datetime:
        """Ask a new file: the disk may be another machine's."""
        with self._explained("its clock"):
            self.root.mkdir(parents=True, exist_ok=True)
            with tempfile.NamedTemporaryFile(dir=self.root, prefix=".clock-") as file:
                return _modified(Path(file.name))

    def protection(self, key: str) -> Protection:
        """Say nothing: a folder does not tell."""
        del key
        return Protection()

    def sweep(self, grace: dt.timedelta) -> None:
        """Remove what a copy that was cut short has left; another machine may be at a newer one."""
        for part in self.root.rglob(".*.part"):
            with self._explained(part.name), contextlib.suppress(FileNotFoundError):
                if _modified(part) < self.now() - grace:
                    part.unlink()

    def _shared(self) -> int:
        """Say what the group of the store may do in it: what it may in its top folder, where that hands its group on.

        Everybody else may do nothing: rows and password hashes lie in it.
        """
        self.root.mkdir(mode=0o700, parents=True, exist_ok=True)
        mode = self.root.stat().st_mode
        return mode & (stat.S_ISGID | 0o070) if mode & stat.S_ISGID else 0

    def _folder(self, folder: Path, shared: int) -> None:
        if not folder.is_dir():
            self._folder(folder.parent, shared)
            folder.mkdir(mode=0o700, exist_ok=True)
            if shared:
                folder.chmod(0o700 | shared)

    def _size(self, key: str) -> int:
        with self._explained(key, SICK):
            return (self.root / key).stat().st_size

    def _unread(self, error: OSError) -> None:
        """Refuse to go on past a folder; one that is gone, or is a file by now, holds nothing."""
        if not isinstance(error, FileNotFoundError | NotADirectoryError):
            with self._explained(os.path.relpath(error.filename or self.root, self.root), SICK):
                raise error

    @contextlib.contextmanager
    def _explained(self, key: str, mend: str = "make room or give permission") -> Iterator[None]:
        try:
            yield
        except FileNotFoundError:
            msg = f"{self.name}: {key} is missing"
            raise Missing(msg) from None
        except OSError as error:
            msg = f"{self.name}: {key}: {error.strerror}; {mend}, then run again"
            raise StoreError(msg) from None


class Explained(io.FileIO):
    """A file of which it is said, by name, when it cannot be read any further."""

    def __init__(self, path: Path, explained: Callable[[], contextlib.AbstractContextManager[None]]) -> None:
        """Open it, and take how to explain what goes wrong."""
        super().__init__(path)
        self._explained = explained

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        """Read on."""
        with self._explained():
            return super().readinto(buffer)

    def readall(self) -> bytes:
        """Read all that is left."""
        with self._explained():
            return super().readall()


def sync(path: Path) -> None:
    """Bring a file, or a folder's names, to the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _modified(path: Path) -> dt.datetime:
    return dt.datetime.fromtimestamp(path.stat().st_mtime, dt.UTC)
