"""Bring the log from the folder that the server archives it into to the store, each file under its own digest."""

from __future__ import annotations

import gzip
import shutil
import struct
from collections.abc import Iterable
from pathlib import Path

from evidence.errors import InputError
from restore_drills.backups.model import Damaged
from restore_drills.backups.repository import CHUNK, Repository, measured
from restore_drills.backups.timelines import SEGMENT
from restore_drills.backups.wal import KEPT, Archive, Kept

LONG_HEADER = struct.Struct("<HHIQI4xQII")


def ship(repository: Repository, spool: Path) -> list[str]:
    """Bring what the server has archived into the store, oldest first, and remove it here once it is there."""
    shipped = []
    if not spool.is_dir():
        msg = f"`wal` of backup.toml: {spool} is no folder; make it, and name it in the server's archive_command"
        raise InputError(msg)
    known: dict[str, dict[str, Kept]] = {}
    identifier = ""
    for path in sorted(path for path in spool.iterdir() if KEPT.fullmatch(path.name)):
        identifier = _identifier(path) if SEGMENT.fullmatch(path.name) else _only(known, path)
        if not identifier:
            continue  # a history file goes with the first segment of its timeline
        if identifier not in known:
            known[identifier] = {one.name: one for one in Archive.read(repository, identifier).kept}
        digest = measured(path)[1]
        if (there := known[identifier].get(path.name)) and there.sha256 != digest:
            msg = f"{there.key}: the store has another content than {path}: two servers archive under one identity"
            raise Damaged(msg)
        if there is None:
            _put(repository, path, f"wal/{identifier}/{path.name}-{digest}.gz")
            shipped.append(path.name)
        path.unlink()
    return shipped


def _put(repository: Repository, path: Path, key: str) -> None:
    packed = repository.work / f"{path.name}.gz"
    with path.open("rb") as plain, packed.open("wb") as raw, gzip.GzipFile("", "wb", 1, raw, mtime=0) as file:
        shutil.copyfileobj(plain, file, CHUNK)
    repository.keys.seal(packed)
    repository.store.put(f"{key}.age" if repository.keys.recipients else key, packed)
    packed.unlink(missing_ok=True)


def _identifier(path: Path) -> str:
    """Read whose log a segment is, from its first page."""
    with path.open("rb") as file:
        header = file.read(LONG_HEADER.size)
    if len(header) < LONG_HEADER.size or not LONG_HEADER.unpack(header)[1] & 2:
        msg = f"{path}: does not begin as a segment of the log does; it was cut short or is no segment"
        raise Damaged(msg)
    return str(LONG_HEADER.unpack(header)[5])


def _only(known: Iterable[str], path: Path) -> str:
    """Whose a history file is: of the server whose segments lie beside it."""
    beside = sorted(other for other in path.parent.iterdir() if SEGMENT.fullmatch(other.name))
    return next(iter([*known, *(_identifier(other) for other in beside)]), "")
