"""Which backup is the newest, and what it is: told by its content, not by its name."""

from __future__ import annotations

import glob
import gzip
import os
import subprocess
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from evidence.errors import CannotTell
from restore_drills.own.contract import Unfit

Form = Literal["sql", "archive", "files"]
HEAD, CHUNK = 1 << 16, 1 << 20
GZIP, CUSTOM = b"\x1f\x8b", b"PGDMP"
TAR_AT = 257
"""Where a tar file says that it is one."""


def newest(pattern: str, root: Path) -> Path:
    """Choose the match that was written last; Unfit where there is none."""
    found = [Path(name) for name in glob.glob(str(root / pattern), recursive=True)]  # noqa: PTH207 - patterns are absolute
    if not found:
        msg = f"{root / pattern}: no backup is there; name where they lie with `path` of [backup.own]"
        raise Unfit(msg)
    return max(found, key=lambda path: (_written(path), path.name))


def form_of(path: Path) -> Form:
    """Say what a backup is; Unfit where it is nothing that is known, and where it is empty."""
    if path.is_dir():
        if (path / "toc.dat").exists():
            return "archive"
        if (path / "PG_VERSION").exists() or any(path.glob("base.tar*")):
            return "files"
        msg = f"{path}: is no dump (it has no toc.dat) and no base backup (no PG_VERSION, no base.tar)"
        raise Unfit(msg)
    head = start_of(path)
    if not head:
        msg = f"{path}: is empty"
        raise Unfit(msg)
    if head.startswith(CUSTOM):
        return "archive"
    if head[TAR_AT : TAR_AT + 5] == b"ustar":
        return "archive" if head.startswith(b"toc.dat") else "files"
    if b"\0" in head:
        msg = f"{path}: is no SQL, no archive of pg_dump and no tar file (encrypted, or packed by other than gzip?)"
        raise Unfit(msg)
    return "sql"


def packed(path: Path) -> bool:
    """Tell whether a file is packed by gzip, whatever its name."""
    with path.open("rb") as file:
        return file.read(2) == GZIP


def start_of(path: Path) -> bytes:
    """Read the beginning, unpacked; Unfit where it cannot be read."""
    return next(pieces(path, size=HEAD), b"")


def pieces(path: Path, *, size: int = CHUNK) -> Iterator[bytes]:
    """Read a file of the backup piece by piece, unpacked; Unfit where it cannot be, and only where it is to blame."""
    try:
        with gzip.open(path) if packed(path) else path.open("rb") as file:
            while piece := file.read(size):
                yield piece
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        msg = f"{path}: cannot be unpacked: it was cut short or damaged ({error})"
        raise Unfit(msg) from None
    except OSError as error:
        msg = f"{path}: cannot be read ({error.strerror})"
        raise Unfit(msg) from None


def unpacked(path: Path, folder: Path) -> None:
    """Unpack a tar file; Unfit where it is cut short, damaged, or climbs out of the folder.

    CannotTell where tar did not come to say so.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    command = ["tar", "--extract", f"--file={path.absolute()}", "--no-same-owner", f"--directory={folder}"]
    told = {**os.environ, "LC_ALL": "C"}
    done = subprocess.run(command, capture_output=True, check=False, umask=0o077, env=told)  # noqa: S603
    if done.returncode < 0:
        msg = f"{path}: tar was ended by signal {-done.returncode} while it unpacked"
        raise CannotTell(msg)
    if done.returncode:
        msg = f"{path}: cannot be unpacked: {done.stderr.decode(errors='replace').strip()[-300:]}"
        raise Unfit(msg)


def _written(path: Path) -> float:
    """When the last of it was written: a folder's own time tells only when a name was added."""
    inside = (part.lstat().st_mtime for part in path.rglob("*") if part.is_file())
    return max(inside, default=path.lstat().st_mtime)
