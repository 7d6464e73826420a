"""The region is lost: the server, and the store of backups beside it; what was copied off-site is all that there is."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import msgspec

from evidence.errors import InputError
from restore_drills.backups import proof
from restore_drills.backups.model import Manifest
from restore_drills.backups.programs import Programs
from restore_drills.backups.repository import Repository
from restore_drills.backups.restore import Target, choose
from restore_drills.backups.store import Folder
from restore_drills.compare import Fingerprints
from restore_drills.estate import Estate
from restore_drills.loss import RECOVERY, Failed
from restore_drills.own.contract import Command
from restore_drills.own.tool import Complained, run
from restore_drills.sentinel import Sentinel, words
from restore_drills.steps import Steps

STORE, OFFSITE = "{store}", "{offsite}"
Hours = Annotated[float, msgspec.Meta(gt=0)]


class Region(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`[backup.drills.region]`: `copy` brings the store in `{store}` to the folder `{offsite}`, every `every_h`."""

    copy: Command
    every_h: Hours


class Regained(msgspec.Struct, frozen=True, kw_only=True):
    """What came of it: the words in the copy, what it is, how long it took, and how old its newest word was then.

    `age_s` is None where no word is there, and then the copy leads nowhere near the loss.
    """

    words: set[str]
    content: Fingerprints
    seconds: float
    age_s: float | None
    steps: Steps


def regained(estate: Estate, declared: Region, root: Path) -> Regained:
    """Copy the store off-site as the release does, lose all but that, and come back from it; Failed says why not."""
    steps = Steps()
    with tempfile.TemporaryDirectory(prefix="release-verification-region-", ignore_cleanup_errors=True) as name:
        first, offsite = Path(name, "region", "store"), Path(name, "offsite")
        assert isinstance(estate.repository.store, Folder)
        # A store of its own, not links: what a command does to it, it does to nobody else's.
        shutil.copytree(estate.repository.store.root, first, ignore=shutil.ignore_patterns(".*"))
        offsite.mkdir()
        with steps.step("copy off-site"), _blamed():
            run(
                tuple(part.replace(STORE, str(first)).replace(OFFSITE, str(offsite)) for part in declared.copy),
                "",
                root,
            )
        with steps.step("lose server and store"):
            shutil.rmtree(first.parent)
        own = Repository(Folder(offsite), Path(name, "work"), estate.repository.keys, steps)
        return _back(own, estate.sentinel, steps)


def _back(own: Repository, sentinel: Sentinel, steps: Steps) -> Regained:
    lost = time.monotonic()
    with contextlib.ExitStack() as stack:
        with steps.step(RECOVERY), _blamed():
            copying = proof.copied(own, Programs(), manifest := _newest(own), target=Target())
            copy = stack.enter_context(copying)
        seconds = time.monotonic() - lost
        with steps.step("compare every row"), _blamed():
            content, found = proof.content(copy, manifest), words(copy)
    written = [sentinel.written[word] for word in found & sentinel.written.keys()]
    age_s = lost - max(written) if written else None
    return Regained(words=found, content=content, seconds=seconds, age_s=age_s, steps=steps)


def _newest(own: Repository) -> Manifest:
    if not (found := own.manifests()):
        msg = "the off-site copy holds no backup: `copy` of [backup.drills.region] ended well, and brought none"
        raise Failed(msg)
    return choose(found, Target())


@contextlib.contextmanager
def _blamed() -> Iterator[None]:
    try:
        yield
    except (InputError, Complained) as problem:
        msg = f"from the off-site copy alone: {problem}"
        raise Failed(msg) from None
