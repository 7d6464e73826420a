"""Data files are unpacked as they were packed, and what no base backup holds is refused."""

from __future__ import annotations

import errno
import io
import os
import tarfile
from pathlib import Path
from types import MappingProxyType
from typing import NoReturn

import pytest
from typing_extensions import Buffer

from evidence.errors import InputError
from restore_drills.backups import unpack
from restore_drills.backups.repository import SMALL, Metered, NotWhole
from restore_drills.backups.unpack import PIECE, SETTLE, untar

CONTENT = MappingProxyType(
    {f"base/5/{size}": bytes([size % 251]) * size for size in (0, 1, 511, 512, 513, SMALL + 1, PIECE, 3 * PIECE + 7)}
)


def packed(*members: tarfile.TarInfo, content: bytes = b"") -> bytes:
    """Write a tar file; each member has the same content."""
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for member in members:
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return file.getvalue()


def member(name: str, kind: bytes = tarfile.REGTYPE, target: str = "") -> tarfile.TarInfo:
    """Describe a member."""
    found = tarfile.TarInfo(name)
    found.type, found.linkname = kind, target
    return found


def unpacked(content: bytes, inside: Path) -> Metered:
    """Unpack, and give what was measured meanwhile."""
    metered = Metered(io.BytesIO(content))
    untar(io.BufferedReader(metered, SMALL), inside, "base.tar")
    return metered


def test_every_size_comes_out_as_it_went_in(tmp_path: Path) -> None:
    """Files that fill a block, a piece, or neither; folders that are empty; nobody else may read them."""
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for name in ("base", "base/5", "pg_twophase"):
            tar.addfile(member(name, tarfile.DIRTYPE))
        for name, content in CONTENT.items():
            (info := member(name)).size = len(content)
            tar.addfile(info, io.BytesIO(content))
    unpacked(file.getvalue(), tmp_path)

    assert CONTENT == {f"base/5/{path.name}": path.read_bytes() for path in (tmp_path / "base" / "5").iterdir()}
    assert {"base", "pg_twophase"} == {path.name for path in tmp_path.iterdir()}
    assert {0o600, 0o700} == {path.stat().st_mode & 0o777 for path in tmp_path.rglob("*")}


REFUSED: dict[str, tuple[bytes, str]] = {
    "climbs": (packed(member("../outside")), "climbs out"),
    "absolute": (packed(member("/outside")), "climbs out"),
    "climbs in the middle": (packed(member("a/../../outside")), "climbs out"),
    "symbolic link": (packed(member("link", tarfile.SYMTYPE, "/etc")), "neither a file nor a folder"),
    "hard link": (packed(member("link", tarfile.LNKTYPE, "/etc/passwd")), "neither a file nor a folder"),
    "pipe": (packed(member("pipe", tarfile.FIFOTYPE)), "neither a file nor a folder"),
    "twice": (packed(member("twice"), member("twice")), "twice: File exists"),
    "no folder": (packed(member("lost/file")), "lost/file: No such file"),
    "cut in a file": (packed(member("file"), content=b"x" * 2000)[:1500], "ends within file"),
    "no tar": (b"x" * 512, "base.tar: "),
    "cut in a header": (b"x" * 100, "base.tar: "),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_no_base_backup_holds_is_refused(tmp_path: Path, case: str) -> None:
    """Nothing is written outside, nothing twice, no link is made, and what is cut short is said to be."""
    (inside := tmp_path / "inside").mkdir()
    made, said = REFUSED[case]

    with pytest.raises(NotWhole, match=said):
        unpacked(made, inside)
    assert [inside] == list(tmp_path.iterdir())
    assert all(path.is_file() and not path.is_symlink() for path in inside.iterdir())


@pytest.mark.parametrize("number", [0, 5])
def test_a_piece_that_cannot_be_written_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    """The disk fills up while the thread writes, at the first piece or at the last: the reader hears of it."""
    content = packed(member("large"), content=bytes(PIECE * (number + 1)))
    monkeypatch.setattr(unpack, "open", lambda path, *_, **__: Full(path, number), raising=False)

    with pytest.raises(InputError, match=r"no room for base\.tar"):
        unpacked(content, tmp_path)


@pytest.mark.parametrize(
    ("problem", "said"),
    [
        (OSError(errno.EIO, os.strerror(errno.EIO)), r"base\.tar cannot be written \(Input/output error\)"),
        (OSError(errno.EDQUOT, os.strerror(errno.EDQUOT)), r"no room for base\.tar"),
    ],
    ids=["broken", "quota"],
)
def test_a_disk_that_does_not_take_it_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, problem: OSError, said: str
) -> None:
    """Some say only at the end that what they were given is not there; the backup is not to blame for it."""
    monkeypatch.setattr(os, "fdatasync", lambda _: raised(problem))

    with pytest.raises(InputError, match=said):
        unpacked(packed(member("large"), content=bytes(PIECE * (SETTLE + 1))), tmp_path)


def test_whatever_goes_wrong_beside_us_is_heard_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also what is no error of a disk; and the file is closed."""
    opened: list[Full] = []

    def opens(path: Path, *_: object, **__: object) -> Full:
        opened.append(Full(path, 9))
        return opened[-1]

    monkeypatch.setattr(unpack, "open", opens, raising=False)
    monkeypatch.setattr(Full, "write", lambda *_: raised(MemoryError()))

    with pytest.raises(MemoryError):
        unpacked(packed(member("large"), content=bytes(PIECE)), tmp_path)
    assert [True] == [file.closed for file in opened]


def raised(problem: BaseException) -> NoReturn:
    """Raise it."""
    raise problem


class Full(io.FileIO):
    """A file on a disk that has room for so many pieces."""

    def __init__(self, path: Path, room: int) -> None:
        """Open it."""
        super().__init__(path, "xb")
        self._room = room

    def write(self, piece: Buffer, /) -> int:
        """Write, as long as there is room."""
        if self.tell() >= self._room * PIECE:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), self.name)
        return super().write(piece)
