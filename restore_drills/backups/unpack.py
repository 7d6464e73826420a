"""Unpack a tar file of data files as it arrives: while a piece is read and measured, the one before it is written."""

from __future__ import annotations

import contextlib
import errno
import io
import os
import queue
import tarfile
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from pathlib import Path, PurePosixPath

from evidence.errors import InputError
from restore_drills.backups.repository import Metered, NotWhole

PIECE = 1 << 20
"""What is read, measured and written at once."""
AHEAD = 16
"""How many pieces there are: making a thousand small files takes as long as measuring half a gigabyte."""
SETTLE = 64
"""After how many pieces of a file the disk is set to work: recovery waits for it, and it would idle until then."""

SENSELESS = (errno.EEXIST, errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.ENAMETOOLONG, errno.EINVAL)
"""What names can be to blame for; all else is the disk's."""


def untar(file: io.BufferedReader[Metered], inside: Path, where: str, *, stays: bool = True) -> None:
    """Unpack what pg_basebackup packed; NotWhole where it makes no sense, InputError where there is no room.

    What is measured is the very memory that is written: where the digest of the whole fits, every file is what it was.
    Files that do not stay, since a chain is joined of them, are not brought to the disk.
    """
    try:
        with Writer() as writer:
            while member := _next(file):
                path = inside / _within(member)
                if member.isdir():
                    path.mkdir(mode=0o700, parents=True, exist_ok=True)
                else:
                    _file(file, member, path, writer, stays=stays)
    except tarfile.TarError as error:
        msg = f"{where}: {error}"
        raise NotWhole(msg) from None
    except OSError as error:
        if error.errno in SENSELESS:
            msg = f"{where}: {error.filename}: {error.strerror}"
            raise NotWhole(msg) from None
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        what = f"no room for {where}; make room" if full else f"{where} cannot be written ({error.strerror}); mend that"
        msg = f"--to {inside}: {what}, or name another folder"
        raise InputError(msg) from None


class Target:
    """A file that is to be written: it is made, written and closed by another thread than ours, in this order."""

    def __init__(self, path: Path) -> None:
        """Name it."""
        self._path = path
        self._file: io.BufferedWriter | None = None

    def make(self) -> None:
        """Make it, for us alone, where there is none."""
        self._file = open(self._path, "xb", opener=_private)  # noqa: SIM115 - closed by `close`

    def write(self, piece: memoryview) -> None:
        """Write on."""
        assert self._file
        self._file.write(piece)

    def close(self) -> None:
        """Close it, if it was made."""
        if self._file:
            self._file.close()

    def to_disk(self) -> Callable[[], None]:
        """Give what brings it to the disk as far as it is written, even when it is closed meanwhile."""
        assert self._file
        return partial(_synced, os.dup(self._file.fileno()))


class Writer(contextlib.AbstractContextManager["Writer"]):
    """Works in a thread of its own, one thing after the other, and has yet another bring files to the disk.

    What it does is for the kernel, or for the host of a virtual machine, to do: memory for files, and their names.
    """

    def __init__(self) -> None:
        """Make the pieces."""
        self._working, self._syncing = ThreadPoolExecutor(max_workers=1), ThreadPoolExecutor(max_workers=1)
        self._synced: Future[None] | None = None
        self._failed: BaseException | None = None
        self._free: queue.SimpleQueue[memoryview] = queue.SimpleQueue()
        for _ in range(AHEAD):
            self._free.put(memoryview(bytearray(PIECE)))

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        """Do what is left; OSError where it cannot be done."""
        self._working.shutdown()
        self._syncing.shutdown()
        if kind is None:
            self._told()
            if self._synced:
                self._synced.result()

    def free(self) -> memoryview:
        """Give a piece to fill; OSError where something before could not be done."""
        piece = self._free.get()
        self._told()
        return piece

    def do(self, work: Callable[[], object], *, always: bool = False) -> None:
        """Do it after all that was asked for before, and where that failed only if it is done `always`."""
        self._working.submit(self._tried, work, always=always)

    def write(self, target: Target, piece: memoryview, size: int) -> None:
        """Write so much of a piece, and free it."""
        self.do(lambda: target.write(piece[:size]))
        self._working.submit(self._free.put, piece)

    def settle(self, target: Target) -> None:
        """Bring what is written of a file to the disk, unless that is still busy with what was before."""
        if self._synced is None or self._synced.done():
            if self._synced:
                self._synced.result()
            self._synced = self._syncing.submit(target.to_disk())

    def _tried(self, work: Callable[[], object], *, always: bool) -> None:
        if self._failed and not always:
            return
        try:
            work()
        except BaseException as error:  # noqa: BLE001 - whatever it is, who waits for it has to hear of it
            self._failed = self._failed or error

    def _told(self) -> None:
        if self._failed:
            raise self._failed


def _file(
    file: io.BufferedReader[Metered], member: tarfile.TarInfo, path: Path, writer: Writer, *, stays: bool
) -> None:
    target = Target(path)
    writer.do(target.make)
    try:
        for number, size in enumerate(_sizes(member.size), 1):
            piece = writer.free()
            if file.readinto(piece[:size]) < size:
                msg = f"ends within {member.name}"
                raise tarfile.TarError(msg)
            writer.write(target, piece, size)
            if stays and number % SETTLE == 0:
                writer.do(lambda: writer.settle(target))
    finally:
        writer.do(target.close, always=True)
    file.read(-member.size % tarfile.BLOCKSIZE)


def _sizes(whole: int) -> Iterator[int]:
    for begun in range(0, whole, PIECE):
        yield min(PIECE, whole - begun)


def _next(file: io.BufferedReader[Metered]) -> tarfile.TarInfo | None:
    """Read the next header; a block of zeros is the end."""
    header = file.read(tarfile.BLOCKSIZE)
    if not header.strip(b"\0"):
        return None
    return tarfile.TarInfo.frombuf(header, "utf-8", "surrogateescape")


def _within(member: tarfile.TarInfo) -> PurePosixPath:
    if not (member.isreg() or member.isdir()):
        msg = f"{member.name} is neither a file nor a folder"
        raise tarfile.TarError(msg)
    path = PurePosixPath(member.name)
    if path.is_absolute() or ".." in path.parts:
        msg = f"{member.name} climbs out of its folder"
        raise tarfile.TarError(msg)
    return path


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _synced(handle: int) -> None:
    try:
        os.fdatasync(handle)
    finally:
        os.close(handle)
