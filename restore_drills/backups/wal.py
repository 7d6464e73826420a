"""The log between backups, as it lies in the store: looked through for gaps, along its timelines, and fetched back."""

from __future__ import annotations

import contextlib
import datetime as dt
import gzip
import hashlib
import io
import re
import shlex
import zlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import BinaryIO

import msgspec

from evidence.errors import InputError
from fixtures.server import own
from restore_drills.backups.crypt import KeyRefused, Keys
from restore_drills.backups.model import Damaged, Manifest, lsn, place
from restore_drills.backups.repository import CHUNK, Repository, measured
from restore_drills.backups.timelines import SEGMENT, Stretch, forks, guessed, number, segment, way

NAME = re.compile(r"([0-9A-F]{24}|[0-9A-F]{8}\.history)-([0-9a-f]{64})\.gz(\.age)?")
KEPT = re.compile(r"[0-9A-F]{24}|[0-9A-F]{8}\.history")
"""What is shipped; the archive's other files (`.backup` notes, `.partial`) prove nothing that a manifest does not."""


class Kept(msgspec.Struct, frozen=True, order=True):
    """One file of the log in the store: its name, the SHA-256 of its content, and its key."""

    name: str
    sha256: str
    key: str

    @property
    def encrypted(self) -> bool:
        """Whether it was sealed."""
        return self.key.endswith(".age")

    @property
    def server(self) -> str:
        """Whose log it is of, by the system identifier."""
        return self.key.split("/")[1]


class Archive(msgspec.Struct, frozen=True):
    """The log of one server, as far as it is in the store."""

    system_identifier: str
    kept: tuple[Kept, ...]
    histories: Mapping[int, Mapping[int, int]] = msgspec.field(default_factory=dict)
    grew: dt.datetime | None = None
    """When its newest segment came, by the store's clock; None where nobody looked (`followed` does)."""

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

    def followed(self, repository: Repository) -> Archive:
        """Read where timelines were left, as far as there is a key, and when the log grew last."""
        histories = {}
        for one in self.kept:
            if one.name.endswith(".history"):
                try:
                    histories[int(one.name[:8], 16)] = forks(_text(repository, one))
                except KeyRefused:
                    repository.say(f"{one.key}: is sealed, so where its timeline begins is guessed; give --identity")
        newest = self.newest
        grew = repository.store.written(newest.key) if newest else None
        return msgspec.structs.replace(self, histories=histories, grew=grew)

    @property
    def newest(self) -> Kept | None:
        """The last segment of the newest timeline."""
        return max((one for one in self.kept if SEGMENT.fullmatch(one.name)), default=None)

    def way(self, timeline: int, at: int, size: int) -> list[Stretch]:
        """Say which segments lead on from a place; Damaged where a server would not find its way."""
        names = {one.name for one in self.kept}
        last = max((int(name[:8], 16) for name in names), default=timeline)
        for later in range(timeline + 1, last + 1):
            if (history := f"{later:08X}.history") not in names:
                msg = f"wal/{self.system_identifier}/{history}: is missing: a server recovers past it by no way"
                raise Damaged(msg)
        if last in self.histories:
            try:
                return way(self.histories, timeline, at, size)
            except Damaged as error:
                msg = f"wal/{self.system_identifier}/{error}"
                raise Damaged(msg) from None
        begins = {one: min(there) for one in range(timeline + 1, last + 1) if (there := self.segments(one, size))}
        return guessed(begins, timeline, at // size)

    def missing(self, timeline: int, at: int, size: int) -> Iterator[str]:
        """Name the segments that are missing from a place to the last one that there is."""
        for stretch in self.way(timeline, at, size):
            there = self.segments(stretch.timeline, size)
            last = max(there, default=-1) if stretch.last is None else stretch.last
            yield from (segment(stretch.timeline, n, size) for n in range(stretch.first, last + 1) if n not in there)

    def since(self, manifest: Manifest, until: int | None) -> list[Kept]:
        """Give what leads on from a backup, up to a place; Damaged names the segment where the way is broken.

        Without a target a server ends its recovery at a gap as if that were the end, and looks fine: so it is refused.
        """
        size, end = manifest.segment_size, lsn(manifest.end_lsn)
        if until is not None and until <= end:
            return []
        wanted = [one for one in self.kept if one.name.endswith(".history")]
        for stretch in self.way(manifest.timeline, end, size):
            there = {n: one for n, one in self.segments(stretch.timeline, size).items() if n >= stretch.first}
            open_end = max(there, default=stretch.first - 1) if until is None else until // size
            last = open_end if stretch.last is None else min(stretch.last, until // size if until else stretch.last)
            for n in range(stretch.first, last + 1):
                if n not in there:
                    raise Damaged(self._broken(manifest, stretch.timeline, n, n > stretch.first))
            wanted += [one for n, one in there.items() if n <= last + (stretch.last is not None)]
        return sorted(wanted)

    def _broken(self, manifest: Manifest, timeline: int, n: int, some: bool) -> str:  # noqa: FBT001
        end = place(n * manifest.segment_size)
        return (
            f"wal/{self.system_identifier}/{segment(timeline, n, manifest.segment_size)}: is missing: after"
            f" {manifest.id} the log goes on to {end} only; recover `--until"
            f" {end if some else 'backup'}`, or find the segment"
        )


def gathered(repository: Repository, kept: Sequence[Kept], folder: Path) -> str:
    """Fetch files of the log into a folder, each held against its digest; give the restore_command that reads there.

    The server's user needs neither the store's credentials nor our key. Nobody else may read them: rows are in them.
    """
    folder.mkdir(mode=0o700)
    for one in kept:
        path = folder / one.name
        with _written(folder), path.open("wb") as file:
            _unpack(repository, one, file)
        if measured(path)[1] != one.sha256:
            raise Damaged(altered(one))
        path.chmod(0o600)
    own(folder)
    return f'cp {shlex.quote(str(folder)).replace("%", "%%")}/%f "%p"'


def _unpack(repository: Repository, one: Kept, file: BinaryIO) -> None:
    with repository.store.open(one.key) as stored:
        unpack(repository.keys, one, stored, file)


def unpack(keys: Keys, one: Kept, stored: BinaryIO, file: BinaryIO) -> None:
    """Write down what a stored file of the log was; Damaged where it is none any more, InputError where is no room."""
    with keys.opened(stored, one.key, encrypted=one.encrypted) as packed, gzip.open(packed, "rb") as plain:
        folder = Path(str(getattr(file, "name", ""))).parent
        while piece := _read(plain, one):
            with _written(folder):
                file.write(piece)
        with _written(folder):
            file.flush()


def _read(plain: gzip.GzipFile, one: Kept) -> bytes:
    try:
        return plain.read(CHUNK)
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        msg = f"{one.key}: cannot be unpacked ({error}): it is damaged"
        raise Damaged(msg) from None


@contextlib.contextmanager
def _written(folder: Path) -> Iterator[None]:
    """What cannot be written is the fault of the disk here, and never of what is stored."""
    try:
        yield
    except OSError as error:
        msg = f"{folder}: cannot be written ({error.strerror}); make room, or name another folder"
        raise InputError(msg) from None


def _text(repository: Repository, one: Kept) -> str:
    content = io.BytesIO()
    _unpack(repository, one, content)
    if hashlib.sha256(content.getvalue()).hexdigest() != one.sha256:
        raise Damaged(altered(one))
    return content.getvalue().decode(errors="replace")


def altered(one: Kept) -> str:
    """Say that a file of the log is not what its name says."""
    return f"{one.key}: has another content than its name says: it is damaged"
