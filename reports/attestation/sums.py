"""SHA256SUMS of a run, as `sha256sum --check` reads it: nothing changed, nothing missing, nothing added."""

from __future__ import annotations

import hashlib
import os
import re
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path

from evidence.errors import InputError

NAME = "SHA256SUMS"
ENVELOPE = "vsa.intoto.json"
LINE = re.compile(r"(?P<escaped>\\?)(?P<digest>[0-9a-f]{64})  (?P<path>[^\n]+)")
DIGEST = re.compile(r"[0-9a-f]{64}")
ESCAPES = {"\\": "\\\\", "\n": "\\n", "\r": "\\r"}


def digests(run: Path) -> dict[str, str]:
    """Digest every file of the run but the two that seal it; what cannot be digested has a reason instead."""
    found = {}
    for path in _walk(run):
        name = path.relative_to(run).as_posix()
        if name not in {NAME, ENVELOPE}:
            found[name] = _digest(path)
    return dict(sorted(found.items()))


def write(found: Mapping[str, str]) -> bytes:
    """Write one line a file; InputError where a file could not be digested."""
    lines = []
    for path, digest in found.items():
        if not DIGEST.fullmatch(digest):
            msg = f"{path}: {digest}, so the run cannot be signed"
            raise InputError(msg)
        escaped = "".join(ESCAPES.get(character, character) for character in path)
        lines.append(f"{'' if escaped == path else chr(92)}{digest}  {escaped}\n")
    return os.fsencode("".join(lines))


def read(content: bytes) -> dict[str, str]:
    """Read SHA256SUMS; InputError names the line that `write` would not have written."""
    listed = {}
    for number, line in enumerate(os.fsdecode(content).split("\n")[:-1], start=1):
        match = LINE.fullmatch(line)
        if not match:
            msg = f"{NAME}:{number}: is not a line of a digest and a file"
            raise InputError(msg)
        listed[_unescape(match["path"]) if match["escaped"] else match["path"]] = match["digest"]
    if write(dict(sorted(listed.items()))) != content:
        msg = f"{NAME}: is not as sign writes it: a file twice, out of order, or a line without its end"
        raise InputError(msg)
    return listed


def compare(listed: Mapping[str, str], found: Mapping[str, str]) -> list[str]:
    """Name each file that changed, is missing or was added."""
    return [
        f"{path}: {_change(listed.get(path), found.get(path))}"
        for path in sorted({*listed, *found})
        if listed.get(path) != found.get(path)
    ]


def _change(listed: str | None, found: str | None) -> str:
    if found is None:
        return f"is missing; {NAME} lists it"
    if listed is None:
        return f"was added; {NAME} does not list it"
    if not DIGEST.fullmatch(found):
        return found
    return f"was changed: its SHA-256 is {found}, {NAME} says {listed}"


def _walk(folder: Path) -> Iterator[Path]:
    """Give everything below that is not a folder; a link is given, not followed."""
    for path in folder.iterdir():
        if path.is_dir() and not path.is_symlink():
            yield from _walk(path)
        else:
            yield path


def _digest(path: Path) -> str:
    try:
        if not stat.S_ISREG(path.lstat().st_mode):
            return "is not a regular file"
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        return f"cannot be read ({error.strerror})"


def _unescape(text: str) -> str:
    back = {written: character for character, written in ESCAPES.items()}
    return re.sub(r"\\.", lambda match: back.get(match[0], match[0]), text)
