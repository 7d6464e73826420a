"""The loss of the whole server: what is lost, the newest backup, and the copy that comes of it."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator

import msgspec

from restore_drills.backups import proof
from restore_drills.backups.model import Damaged, Manifest
from restore_drills.backups.programs import ProgramFailed, Programs
from restore_drills.backups.proof import Fresh
from restore_drills.backups.repository import Repository
from restore_drills.compare import Difference, Fingerprints, Part, differences
from restore_drills.sentinel import Sentinel
from restore_drills.steps import Steps

RECOVERY, COMPARISON = "recovery, the whole of it", "compare every row"
"""The step whose length is the recovery time, and the one that follows it."""


class Failed(AssertionError):
    """The release's backup, or the restore from it, failed: the release's fault. The message quotes the tool."""


class Source(msgspec.Struct, frozen=True, kw_only=True):
    """The database that is lost: how it is backed up, and what takes its server down and up again."""

    back_up: Callable[[], Manifest]
    down: Callable[[], None]
    up: Callable[[], None]
    sentinel: Sentinel | None = None


class Recovered(msgspec.Struct, frozen=True, kw_only=True):
    """A copy, restored from a backup alone: its superuser's address, what it is, and how long it took."""

    manifest: Manifest
    source: Fingerprints
    copy: str
    content: Fingerprints
    seconds: float

    def differences(self, *parts: Part) -> list[str]:
        """Name what is not as it was at the moment of the backup."""
        found: list[Difference] = differences(self.source, self.content, physical=self.manifest.physical)
        return [each.text for each in found if each.part in parts]


@contextlib.contextmanager
def lost(source: Source, repository: Repository, steps: Steps, fresh: Fresh) -> Iterator[Recovered]:
    """Back up, lose the server, recover, bring the server back. The clock runs to the first answered query."""
    with contextlib.ExitStack() as stack:
        with contextlib.ExitStack() as away:
            if source.sentinel:
                away.callback(source.sentinel.remove)
                source.sentinel.write()
            with steps.step("back up"), _blamed():
                manifest = source.back_up()
            if source.sentinel:
                source.sentinel.write()
            away.callback(source.up)
            with steps.step("lose the server"):
                source.down()
            with steps.step(RECOVERY), _blamed():
                started = time.monotonic()
                copy = stack.enter_context(proof.copied(repository, Programs(), manifest, fresh))
                seconds = time.monotonic() - started
            with steps.step(COMPARISON):
                before, after = proof.content_of(repository, manifest), proof.content(copy, manifest)
        yield Recovered(manifest=manifest, source=before, copy=copy, content=after, seconds=seconds)


@contextlib.contextmanager
def _blamed() -> Iterator[None]:
    try:
        yield
    except (ProgramFailed, Damaged) as problem:
        raise Failed(str(problem)) from None
