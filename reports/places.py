"""Where in a TOML file a key is: tomllib does not say, and an error without a line is half an error."""

from __future__ import annotations

import functools
import json
import tomllib
from collections import Counter
from collections.abc import Iterator, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from evidence.errors import InputError

Keys = tuple[str, ...]


class Places:
    """The lines of one file's keys, and errors that name them."""

    def __init__(self, path: Path, text: str) -> None:
        """Keep the text: its lines are only read where something is wrong."""
        self.path = path
        self.text = text

    @functools.cached_property
    def lines(self) -> dict[Keys, int]:
        """The first line of every table and key; the tables of an array are counted from 0."""
        lines: dict[Keys, int] = {}
        header: Keys = ()
        arrays: Counter[Keys] = Counter()
        for number, line in enumerate(self.text.splitlines(), start=1):
            found = list(_paths(line))
            if found and line.lstrip().startswith("["):
                header = found[-1]
                if line.lstrip().startswith("[["):
                    arrays[header] += 1
                    header = (*header, str(arrays[header] - 1))
                lines.setdefault(header, number)
            else:
                lines.update({header + keys: number for keys in found})
        return lines

    def where(self, keys: Keys) -> str:
        """Name file and line of a key, or of the nearest table above it."""
        known = keys
        while known and known not in self.lines:
            known = known[:-1]
        return f"{self.path}:{self.lines[known]}" if known else str(self.path)

    def error(self, keys: Keys, value: object, says: str) -> InputError:
        """Make the one line: file, line, key, value, what is wrong and the mend. A value of None is not shown."""
        shown = "" if value is None else f" = {_shown(value)}"
        return InputError(f"{self.where(keys)}: {_named(keys)}{shown}: {says}")


def nearest(word: str, known: Sequence[str]) -> str:
    """Say which valid word was probably meant, or which there are."""
    if match := get_close_matches(word, known, n=1):
        return f'did you mean "{match[0]}"?'
    return f"known are {', '.join(known)}" if known else "none is known"


def _paths(line: str) -> Iterator[Keys]:
    """Read one line as TOML by itself; a line inside a longer value is not, and has no key."""
    try:
        table: Any = tomllib.loads(line)
    except tomllib.TOMLDecodeError:
        return
    yield from _flat((), table)


def _flat(above: Keys, table: dict[str, Any]) -> Iterator[Keys]:
    for key, value in table.items():
        yield (*above, key)
        if isinstance(value, dict):
            yield from _flat((*above, key), value)


def _named(keys: Keys) -> str:
    if keys[:1] == ("rules",) and len(keys) > 1:
        return f"[rules.{keys[1]}] {'.'.join(keys[2:])}".rstrip()
    if len(keys) > 1 and keys[1].isdecimal():
        return f"[[{keys[0]}]] {'.'.join(keys[2:])}".rstrip()
    return ".".join(keys)


def _shown(value: object) -> str:
    text = json.dumps(value, default=str)
    return text if len(text) <= 60 else f"{text[:60]}…"
