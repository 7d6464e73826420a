"""The log between backups: shipped from the archive's folder into the store, looked through for gaps, fetched back."""

from __future__ import annotations

import gzip
import re
import shlex
import shutil
import struct
from collections.abc import Iterable, Sequence
from pathlib import Path

import msgspec

from evidence.errors import InputError
from restore_drills.backups.model import Damaged, Manifest, lsn, place
from restore_drills.backups.repository import CHUNK, Repository, measured

SEGMENT = re.compile(r"[0-9A-F]{24}")
NAME = re.compile(r"([0-9A-F]{24}|[0-9A-F]{8}\.history)-([0-9a-f]{64})\.gz(\.age)?")
KEPT = re.compile(r"[0-9A-F]{24}|[0-9A-F]{8}\.history")
"""What is shipped; the archive's other files (`.backup` notes, `.partial`) prove nothing that a manifest does not."""
LONG_HEADER = struct.Struct("<HHIQI4xQII")


class Kept(msgspec.Struct, frozen=True, order=True):
    """One file of the log in the store: its name, the SHA-256 of its content, and its key."""

    name: str
    sha256: str
    key: str

    @property
    def encrypted(self) -> bool:
        """Whether it was sealed."""
        return self.key.endswith(".age")


class Archive(msgspec.Struct, frozen=True):
    """The log of one server, as far as it is in the store."""

    system_identifier: str
    kept: tuple[Kept, ...]

    @classmethod
    def read(cls, repository: Repository, system_identifier: str) -> Archive:
        """List it; Damaged where one name has two contents."""
        entries = repository.store.list(f"wal/{system_identifier}/")
        found = ((NAME.fullmatch(entry.key.rpartition("/")[2]), entry.key) for entry in entries)
        kept = [Kept(match[1], match[2], key) for match, key in found if match]
        names = [one.name for one in kept]
        if twice := sorted({name for name in names if names.count(name) > 1} if len(set(names)) < len(names) else ()):
            msg = f"wal/{system_identifier}/{twice[0]}: is there with two contents: two servers archive into one store"
            raise Damaged(msg)
        return cls(system_identifier, tuple(sorted(kept)))

    def segments(self, timeline: int, size: int) -> dict[int, Kept]:
        """Number the segments of a timeline."""
        return {
            number(one.name, size): one
            for one in self.kept
            if SEGMENT.fullmatch(one.name) and int(one.name[:8], 16) == timeline
        }

    def gaps(self, timeline: int, size: int, first: int) -> list[str]:
        """Name the segments that are missing between `first` and the last one that is there."""
        there = self.segments(timeline, size)
        return [segment(timeline, n, size) for n in range(first, max(there, default=first - 1)) if n not in there]

    def since(self, manifest: Manifest, until: int | None) -> list[Kept]:
        """Give what leads on from a backup, up to a place; Damaged names the segment where the way is broken.

        Without a target a server ends its recovery at a gap as if that were the end, and looks fine: so it is refused.
        """
        size, first = manifest.segment_size, lsn(manifest.end_lsn) // manifest.segment_size
        if until is not None and until <= lsn(manifest.end_lsn):
            return []
        later = sorted({int(one.name[:8], 16) for one in self.kept} - set(range(manifest.timeline + 1)))
        wanted = [one for one in self.kept if one.name.endswith(".history")]
        for timeline in (manifest.timeline, *later):
            there = {n: one for n, one in self.segments(timeline, size).items() if n >= first}
            begin = first if timeline == manifest.timeline else min(there, default=first)
            last = max(there, default=begin - 1) if until is None or later else until // size
            for n in range(begin, last + 1):
                if n not in there:
                    raise Damaged(self._broken(manifest, timeline, n, n > begin))
            wanted += [one for n, one in there.items() if n <= last]
        return sorted(wanted)

    def _broken(self, manifest: Manifest, timeline: int, n: int, some: bool) -> str:  # noqa: FBT001
        end = place(n * manifest.segment_size)
        return (
            f"wal/{self.system_identifier}/{segment(timeline, n, manifest.segment_size)}: is missing: after"
            f" {manifest.id} the log goes on to {end} only; recover `--until"
            f" {end if some else 'backup'}`, or find the segment"
        )


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


def gathered(repository: Repository, kept: Sequence[Kept], folder: Path) -> str:
    """Fetch files of the log into a folder, each held against its digest; give the restore_command that reads there.

    The server's user needs neither the store's credentials nor our key.
    """
    folder.mkdir(mode=0o755)
    for one in kept:
        path = folder / one.name
        with (
            repository.store.open(one.key) as stored,
            repository.keys.opened(stored, one.key, encrypted=one.encrypted) as packed,
            path.open("wb") as file,
        ):
            try:
                with gzip.open(packed, "rb") as plain:
                    shutil.copyfileobj(plain, file, CHUNK)
            except (OSError, EOFError) as error:
                msg = f"{one.key}: cannot be unpacked ({error}): it is damaged"
                raise Damaged(msg) from None
        if measured(path)[1] != one.sha256:
            msg = f"{one.key}: has another content than its name says: it is damaged"
            raise Damaged(msg)
        path.chmod(0o644)
    return f'cp {shlex.quote(str(folder)).replace("%", "%%")}/%f "%p"'


def number(name: str, size: int) -> int:
    """Count a segment from the beginning of all log."""
    return int(name[8:16], 16) * ((1 << 32) // size) + int(name[16:24], 16)


def segment(timeline: int, n: int, size: int) -> str:
    """Name a segment."""
    high, low = divmod(n, (1 << 32) // size)
    return f"{timeline:08X}{high:08X}{low:08X}"


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
