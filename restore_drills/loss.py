"""The loss of the whole server: what is lost, the newest backup, the copy that comes of it, and its first write."""

from __future__ import annotations

import contextlib
import secrets
import time
from collections.abc import Callable, Iterator, Sequence

import msgspec
import psycopg

from evidence.chart import Span
from restore_drills.backups import itself, proof
from restore_drills.backups.model import Damaged, Manifest
from restore_drills.backups.programs import ProgramFailed, Programs
from restore_drills.backups.proof import Fresh
from restore_drills.backups.repository import Repository
from restore_drills.compare import Difference, Fingerprints, Part, differences, newer
from restore_drills.fingerprint import Fingerprint
from restore_drills.sentinel import TABLE, Sentinel
from restore_drills.steps import Steps

RECOVERY, COMPARISON = "recovery, the whole of it", "compare every row"
"""The step whose length is the recovery time, and the one that follows it."""
LOSE, DETECT, WRITE, UNTOUCHED = "lose the server", "detect", "write, and read it again", "see the source untouched"
WORDS = {"detect": (DETECT,), "fetch": ("fetch",), "restore": ("start a fresh", "restore the", "create the", "analyze")}
"""What the steps of a recovery come to, for whoever wants three numbers."""
MAKE = "CREATE SCHEMA release_verification_write CREATE TABLE word (word text)"
FILL = "INSERT INTO release_verification_write.word VALUES (%s)"
READ = "SELECT word FROM release_verification_write.word"
REMOVE = "DROP SCHEMA release_verification_write CASCADE"


class Failed(AssertionError):
    """The release's backup, or the restore from it, failed: the release's fault. The message quotes the tool."""


class Source(msgspec.Struct, frozen=True, kw_only=True):
    """The database that is lost: how it is backed up, and what takes its server down and up again.

    `detect` sees that it is gone, and `look` what it is once it is back. Where it is only `left` alone, this says why,
    and others may write to it meanwhile.
    """

    back_up: Callable[[], Manifest]
    down: Callable[[], None]
    up: Callable[[], None]
    detect: Callable[[], None] = lambda: None
    look: Callable[[], Fingerprint] | None = None
    left: str = ""
    sentinel: Sentinel | None = None


class Recovered(msgspec.Struct, frozen=True, kw_only=True):
    """A copy, restored from a backup alone: its superuser's address, what it is, and how long it took.

    `seconds` run from the loss to the first write that was read again; `changed` is what the drill did to its source.
    """

    manifest: Manifest
    source: Fingerprints
    copy: str
    content: Fingerprints
    seconds: float
    changed: tuple[str, ...] = ()
    left: str = ""

    def differences(self, *parts: Part) -> list[str]:
        """Name what is not as it was at the moment of the backup."""
        found: list[Difference] = differences(self.source, self.content, physical=self.manifest.physical)
        return [each.text for each in found if each.part in parts]

    def newer(self) -> list[str]:
        """Name the extensions that the copy has in a newer version."""
        return newer(self.source, self.content)


@contextlib.contextmanager
def lost(source: Source, repository: Repository, steps: Steps, fresh: Fresh) -> Iterator[Recovered]:
    """Back up, lose the server, recover, bring the server back, and see that it is what it was."""
    with contextlib.ExitStack() as stack:
        with contextlib.ExitStack() as away:
            if source.sentinel:
                away.callback(source.sentinel.remove)
                source.sentinel.write()
            with steps.step("back up"), _blamed():
                manifest = source.back_up()
            if source.sentinel:
                source.sentinel.write()
            with contextlib.ExitStack() as gone:
                gone.callback(source.up)
                with steps.step(RECOVERY), _blamed():
                    began = time.monotonic()
                    _gone(source, steps)
                    copy = stack.enter_context(proof.copied(repository, Programs(), manifest, fresh))
                    steps(WRITE)
                    first_write(copy)
                    seconds = time.monotonic() - began
                with steps.step(COMPARISON):
                    before, after = proof.content_of(repository, manifest), proof.content(copy, manifest)
            with steps.step(UNTOUCHED):
                changed = tuple(_changed(source, before, manifest.database))
        yield Recovered(
            manifest=manifest, source=before, copy=copy, content=after, seconds=seconds, changed=changed,
            left=source.left,
        )  # fmt: skip


def first_write(copy: str) -> None:
    """Write into a copy, read it again by another connection, leave nothing; Failed where it takes no write."""
    word = secrets.token_hex(8)
    try:
        with psycopg.connect(itself.opened(copy), autocommit=True) as connection:
            connection.execute(MAKE)
            connection.execute(FILL, [word])
            with psycopg.connect(copy) as other:
                found = other.execute(READ).fetchall()
            connection.execute(REMOVE)
    except psycopg.Error as problem:
        msg = f"the copy takes no write: {' '.join(str(problem).split())}"
        raise Failed(msg) from None
    if found != [(word,)]:
        msg = f"the copy acknowledged a write, and another connection reads {len(found)} rows of it"
        raise Failed(msg)


def by_word(spans: Sequence[Span]) -> dict[str, float]:
    """Say how long each part of a recovery took, as far as it had one."""
    parts = [*((word, begin) for word, begins in WORDS.items() for begin in begins), ("verify", COMPARISON)]
    took: dict[str, float] = {}
    for word, begin in parts:
        for span in spans:
            if span.name.startswith(begin):
                took[word] = took.get(word, 0.0) + span.end_s - span.start_s
    return took


def _gone(source: Source, steps: Steps) -> None:
    if source.left:
        return
    steps(LOSE)
    source.down()
    steps(DETECT)
    source.detect()


def _changed(source: Source, before: Fingerprints, database: str) -> list[str]:
    """Name what is not as it was at the backup; of a server that others use meanwhile, apart from what they write."""
    if source.look is None:
        return []
    then, now = ({database: _without_ours(one)} for one in (before[database], source.look()))
    found = differences(then, now, physical=True)
    return [each.text for each in found if not (source.left and each.part in {"rows", "sequences"})]


def _without_ours(content: Fingerprint) -> Fingerprint:
    """Leave out the table of our own words: one more is written after the backup."""
    return msgspec.structs.replace(content, tables={k: v for k, v in content.tables.items() if k != TABLE})


@contextlib.contextmanager
def _blamed() -> Iterator[None]:
    try:
        yield
    except (ProgramFailed, Damaged) as problem:
        raise Failed(str(problem)) from None
