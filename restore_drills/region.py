"""The region is lost: the server, and the store of backups beside it; what was copied off-site is all that there is."""

from __future__ import annotations

import contextlib
import secrets
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import msgspec

from evidence.errors import InputError
from evidence.variables import resolve
from fixtures.folder import temporary
from restore_drills.backups import proof
from restore_drills.backups.crypt import Keys
from restore_drills.backups.model import Manifest
from restore_drills.backups.programs import Programs
from restore_drills.backups.repository import Repository
from restore_drills.backups.restore import Target, choose
from restore_drills.backups.store import Folder, Store
from restore_drills.compare import Fingerprints
from restore_drills.escrow import Opening, escrowed, opened
from restore_drills.estate import Estate
from restore_drills.loss import RECOVERY, Failed
from restore_drills.own.contract import Command
from restore_drills.own.tool import Complained, run
from restore_drills.sealing import seal
from restore_drills.sentinel import Sentinel, words
from restore_drills.steps import Steps

STORE, OFFSITE = "{store}", "{offsite}"
Hours = Annotated[float, msgspec.Meta(gt=0)]


class Region(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`[backup.drills.region]`: `copy` brings the store in `{store}` to `{offsite}`, every `every_h`.

    That is a folder, or a place of its own below `offsite`, s3://BUCKET/PREFIX (AWS_* variables say the rest), which is
    empty again afterwards. With `recipients`, public keys of age, the store is sealed as `nox -s backup` seals it, and
    `key` is the command that prints the secret key from where it is kept for this day.
    """

    copy: Command
    every_h: Hours
    offsite: Annotated[str, msgspec.Meta(pattern=r"^(s3://[^/]+(/.+)?)?$")] = ""
    recipients: tuple[str, ...] = ()
    key: Command = ()

    def __post_init__(self) -> None:
        """Refuse what cannot be meant."""
        if bool(self.recipients) != bool(self.key):
            msg = "`recipients` seal the off-site copy, and `key` prints what opens it: give both, or none"
            raise ValueError(msg)


class Regained(msgspec.Struct, frozen=True, kw_only=True):
    """What came of it: the words in the copy, what it is, how long it took, and how old its newest word was then.

    `age_s` is None where no word is there, and then the copy leads nowhere near the loss.
    """

    words: set[str]
    content: Fingerprints
    seconds: float
    age_s: float | None
    steps: Steps


class Tried(msgspec.Struct, frozen=True, kw_only=True):
    """What came of the off-site copy, and, where it is sealed, of whoever tries to open it."""

    came: Regained | Failed
    opening: Opening | None


def tried(estate: Estate, declared: Region, root: Path) -> Tried:
    """Copy the store off-site as the release does, lose all but that, and come back from it; Failed where none came."""
    steps = Steps()
    with offsite(estate, declared, root, steps) as (own, folder):
        manifest, opening, identity = _newest(own), None, None
        if declared.recipients:
            with steps.step("try without the key"), _blamed():
                identity, said = escrowed(declared.key, root, folder)
                opening = opened(own, manifest, identity, said, folder)
        keyed = Repository(own.store, own.work, Keys((), identity), steps)
        try:
            came: Regained | Failed = _back(keyed, manifest, estate.sentinel, steps)
        except Failed as problem:
            came = problem
        return Tried(came=came, opening=opening)


def regained(estate: Estate, declared: Region, root: Path) -> Regained:
    """Come back from the off-site copy alone; Failed says why not."""
    came = tried(estate, declared, root).came
    if isinstance(came, Failed):
        raise came
    return came


@contextlib.contextmanager
def offsite(estate: Estate, declared: Region, root: Path, steps: Steps) -> Iterator[tuple[Repository, Path]]:
    """Give what is left off-site, and a folder to work in; all of it is gone afterwards."""
    with contextlib.ExitStack() as stack:
        folder = stack.enter_context(temporary("release-verification-region-"))
        folder.chmod(0o711)  # the server's own user passes through
        first = folder / "region" / "store"
        assert isinstance(estate.repository.store, Folder)
        # A store of its own, not links: what a command does to it, it does to nobody else's.
        shutil.copytree(estate.repository.store.root, first, ignore=shutil.ignore_patterns(".*"))
        if declared.recipients:
            seal(first, resolve(declared.recipients))
        store, place = _place(declared, folder)
        if declared.offsite:
            stack.callback(_emptied, store)  # a folder goes as a whole
        with steps.step("copy off-site"), _blamed():
            run(tuple(part.replace(STORE, str(first)).replace(OFFSITE, place) for part in declared.copy), "", root)
        with steps.step("lose server and store"):
            shutil.rmtree(first.parent)
        yield Repository(store, folder / "work", Keys(), steps), folder


def _place(declared: Region, folder: Path) -> tuple[Store, str]:
    if not declared.offsite:
        (folder / "offsite").mkdir()
        return Folder(folder / "offsite"), str(folder / "offsite")
    from restore_drills.backups.s3 import S3  # noqa: PLC0415 - a folder needs no library

    # Of its own: what is removed there afterwards is nobody else's.
    address = f"{str(resolve(declared.offsite)).rstrip('/')}/release-verification-{secrets.token_hex(6)}"
    return S3(address), address


def _emptied(store: Store) -> None:
    for entry in list(store.list("")):
        store.delete(entry.key)


def _back(own: Repository, manifest: Manifest, sentinel: Sentinel, steps: Steps) -> Regained:
    lost = time.monotonic()
    with contextlib.ExitStack() as stack:
        with steps.step(RECOVERY), _blamed():
            copying = proof.copied(own, Programs(), manifest, target=Target())
            copy = stack.enter_context(copying)
        seconds = time.monotonic() - lost
        with steps.step("compare every row"), _blamed():
            content, found = proof.content(copy, manifest), words(copy)
    written = [sentinel.written[word] for word in found & sentinel.written.keys()]
    age_s = lost - max(written) if written else None
    return Regained(words=found, content=content, seconds=seconds, age_s=age_s, steps=steps)


def _newest(own: Repository) -> Manifest:
    with _blamed():
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
