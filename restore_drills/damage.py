"""Ways to damage what lies in a store, each undone afterwards: a backup that nobody has seen refused proves nothing."""

from __future__ import annotations

import contextlib
import os
import shutil
import tarfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

Spoil = Callable[[Path], None]


def cut(path: Path) -> None:
    """Leave the first half."""
    os.truncate(path, path.stat().st_size // 2)


def flip(path: Path) -> None:
    """Turn one bit over, in the middle."""
    turn(path, path.stat().st_size // 2)


def label(path: Path) -> None:
    """Turn one bit over in the label of a base backup, which says where in the log its recovery begins."""
    with tarfile.open(path) as archive:
        at = archive.getmember(LABEL).offset_data
    turn(path, at)


def turn(path: Path, at: int) -> None:
    """Turn one bit over at a place; a file may be larger than memory."""
    with path.open("r+b") as file:
        file.seek(at)
        (byte,) = file.read(1)
        file.seek(at)
        file.write(bytes([byte ^ 1]))


def empty(path: Path) -> None:
    """Leave nothing in it."""
    os.truncate(path, 0)


def remove(path: Path) -> None:
    """Take it away."""
    path.unlink()


LABEL = "backup_label"
WAYS: Mapping[str, Spoil] = {"cut short": cut, "one bit turned": flip, "empty": empty, "missing": remove}
OF_A_BASE_BACKUP: Mapping[str, Spoil] = {f"one bit turned in {LABEL}": label}


@contextlib.contextmanager
def spoiled(path: Path, way: str) -> Iterator[None]:
    """Damage a file in one of these ways; it is whole again afterwards, and so is who shares its content."""
    whole = path.with_name(f".{path.name}.whole")  # a store passes over what is hidden
    path.rename(whole)
    shutil.copyfile(whole, path)
    try:
        {**WAYS, **OF_A_BASE_BACKUP}[way](path)
        yield
    finally:
        whole.replace(path)


@contextlib.contextmanager
def exchanged(one: Path, other: Path) -> Iterator[None]:
    """Give two files each other's name."""
    aside = one.with_name(f".{one.name}.aside")
    for before, after in ((one, aside), (other, one), (aside, other)):
        before.rename(after)
    try:
        yield
    finally:
        for before, after in ((one, aside), (other, one), (aside, other)):
            before.rename(after)


def twin(root: Path, folder: Path) -> None:
    """Give every file that can be seen a second name in a folder of our own: what is damaged here is whole there."""
    shutil.copytree(root, folder, copy_function=os.link, ignore=shutil.ignore_patterns(".*"))
