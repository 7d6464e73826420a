"""Ways to damage what lies in a store, each undone afterwards: a backup that nobody has seen refused proves nothing."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

Spoil = Callable[[Path], None]


def cut(path: Path) -> None:
    """Leave the first half."""
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])


def flip(path: Path) -> None:
    """Turn one bit over, in the middle."""
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def empty(path: Path) -> None:
    """Leave nothing in it."""
    path.write_bytes(b"")


def remove(path: Path) -> None:
    """Take it away."""
    path.unlink()


WAYS: Mapping[str, Spoil] = {"cut short": cut, "one bit turned": flip, "empty": empty, "missing": remove}


@contextlib.contextmanager
def spoiled(path: Path, way: str) -> Iterator[None]:
    """Damage a file in one of these ways; it is whole again afterwards, and so is who shares its content."""
    whole = path.with_name(f".{path.name}.whole")  # a store passes over what is hidden
    path.rename(whole)
    shutil.copyfile(whole, path)
    try:
        WAYS[way](path)
        yield
    finally:
        whole.replace(path)


def twin(root: Path, folder: Path) -> None:
    """Give every file that can be seen a second name in a folder of our own: what is damaged here is whole there."""
    shutil.copytree(root, folder, copy_function=os.link, ignore=shutil.ignore_patterns(".*"))
