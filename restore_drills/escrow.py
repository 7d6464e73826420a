"""The key of what is sealed: it comes from where it is kept for this day, and without it nothing opens."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from pathlib import Path

import msgspec
from pyrage import x25519

from evidence.errors import InputError
from restore_drills.backups.crypt import Keys
from restore_drills.backups.model import OPEN, Manifest
from restore_drills.backups.programs import WITHIN_S, Programs
from restore_drills.backups.repository import MANIFEST, Repository
from restore_drills.backups.restore import Target, recovered
from restore_drills.own.contract import Command

AGE = b"age-encryption.org/"
NAMED = "key-in-escrow"
NONE, ANOTHER = "no key", "another key"


class Opening(msgspec.Struct, frozen=True, kw_only=True):
    """Who was let in: what was said to no key, to another one, and to the one in escrow (nothing: it opens).

    `left` is what was half restored in spite of a refusal, `lie_open` what lies off-site as it is, and `sealed` how
    many files of backups do not.
    """

    said: Mapping[str, str]
    escrow: str
    left: tuple[str, ...]
    lie_open: tuple[str, ...]
    sealed: int


def escrowed(command: Command, root: Path, folder: Path) -> tuple[Path, str]:
    """Have the key printed into a file of ours; say why there is none. What was printed is never shown."""
    path = folder / NAMED
    path.touch(0o600)
    try:
        done = subprocess.run(command, cwd=root, stdin=subprocess.DEVNULL, capture_output=True, timeout=WITHIN_S)  # noqa: S603, PLW1510
    except OSError as error:
        return path, f"{command[0]}: cannot be run ({error.strerror}): nobody gets at the key"
    path.write_bytes(done.stdout)
    if done.returncode or not done.stdout.strip():
        why = " ".join(done.stderr.decode(errors="replace").split())[-300:] or "it said nothing"
        return path, f"{command[0]}: prints no key (exit code {done.returncode}): {why}"
    return path, ""


def opened(own: Repository, manifest: Manifest, identity: Path, said: str, folder: Path) -> Opening:
    """Try to restore without a key and with another one, and to read one file with the key in escrow."""
    other = folder / "another-key"
    other.touch(0o600)
    other.write_text(f"{x25519.Identity.generate()}\n")
    answers, left = {}, list[str]()
    for title, key in ((NONE, None), (ANOTHER, other)):
        place = folder / f"restored with {title}"
        answers[title] = _refusal(_with(own, key), manifest, place)
        if answers[title]:
            left += [str(path.relative_to(place)) for path in place.rglob("*")]
    closed, lie_open = _looked(own)
    return Opening(
        said=answers, escrow=said or _read(_with(own, identity), manifest), left=tuple(left), lie_open=lie_open,
        sealed=closed,
    )  # fmt: skip


def _with(own: Repository, identity: Path | None) -> Repository:
    return Repository(own.store, own.work, Keys((), identity), own.say)


def _refusal(own: Repository, manifest: Manifest, place: Path) -> str:
    try:
        with recovered(own, Programs(), manifest, Target(), place):
            return ""
    except InputError as problem:
        return str(problem)


def _read(own: Repository, manifest: Manifest) -> str:
    """Read the smallest of the files that are sealed; say why that is not possible."""
    file = min((file for file in manifest.files if file.name != OPEN), key=lambda file: file.size)
    try:
        with own.open(manifest, file):
            return ""
    except InputError as problem:
        return str(problem)


def _looked(own: Repository) -> tuple[int, tuple[str, ...]]:
    """Look at the beginning of everything that is there."""
    sealed, lie_open = 0, []
    for entry in own.store.list(""):
        if entry.key.startswith("backups/") and entry.key.endswith((f"/{MANIFEST}", f"/{OPEN}")):
            continue
        with own.store.open(entry.key) as file:
            if file.read(len(AGE)) != AGE:
                lie_open.append(entry.key)
            else:
                sealed += entry.key.startswith("backups/")  # how much log there is, is no business of the evidence
    return sealed, tuple(lie_open)
