"""What a deployment says becomes text of ours: one line, nothing that a terminal, TOML or a variable would obey."""

from __future__ import annotations

import json
import re
import textwrap
from collections.abc import Iterable, Mapping
from urllib.parse import quote, unquote

WIDTH = 118
LONGEST = 120
SECRET_SEGMENT = re.compile(r"[0-9a-f-]{16,}|(?=[^/]*\d)(?=[^/]*[A-Za-z])[\w.~-]{24,}|eyJ[\w.-]+", re.IGNORECASE)
"""What a segment of a path looks like that somebody was sent as an invitation, or as a key."""
BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")


def clean(text: str, longest: int = LONGEST) -> str:
    """One printable line, cut."""
    line = " ".join("".join(each if each.isprintable() else " " for each in text).split())
    return line if len(line) <= longest else f"{line[: longest - 1]}…"


def path_of(path: str) -> str:
    """A path as it may stand in release.toml: percent-encoded, so that no brace is a template, no dollar a variable."""
    return quote(unquote(path, errors="replace"), safe="/-._~!&'()*+,;=:@")


def may_be_secret(path: str) -> bool:
    """Say whether a path has a segment that nobody could guess."""
    return any(SECRET_SEGMENT.fullmatch(unquote(segment)) for segment in path.split("/"))


def value(given: object) -> str:
    """Write a value as TOML: every string in it becomes one printable line."""
    if isinstance(given, bool):
        return "true" if given else "false"
    if isinstance(given, int | float):
        return repr(given)
    if isinstance(given, Mapping):
        inside = ", ".join(f"{key(name)} = {value(inner)}" for name, inner in given.items())
        return f"{{ {inside} }}" if inside else "{}"
    if isinstance(given, str):
        return string(given)
    assert isinstance(given, Iterable)
    parts = [value(each) for each in given]
    line = f"[{', '.join(parts)}]"
    return line if len(line) < WIDTH - 20 else "\n".join(["[", *(f"    {part}," for part in parts), "]"])


def string(given: str) -> str:
    """Write a string, as it stands where that reads better."""
    line = "".join(each if each.isprintable() else "\N{REPLACEMENT CHARACTER}" for each in given)
    return f"'{line}'" if '"' in line and "'" not in line else json.dumps(line, ensure_ascii=False)


def key(name: str) -> str:
    """Write a key, quoted where it must be."""
    return name if BARE_KEY.fullmatch(name) else value(name)


def comment(text: str) -> list[str]:
    """Write a comment, over several lines where it is long."""
    return [f"# {line}" for line in textwrap.wrap(clean(text, 2000), WIDTH - 2, break_on_hyphens=False)]


def table(name: str, entries: Mapping[str, object]) -> list[str]:
    """Write a table, or with a name in brackets one of an array; of what is None there is nothing."""
    lines = [f"[{name}]"]
    for each, given in entries.items():
        if given is not None:
            lines += f"{key(each)} = {value(given)}".splitlines()
    return lines


def left_out(lines: Iterable[str]) -> list[str]:
    """Comment lines out."""
    return [f"# {line}" for line in lines]


def question(text: str, *tables: Iterable[str]) -> list[str]:
    """Write a question, and the tables that would answer it, commented out."""
    return [*comment(f"QUESTION: {text}"), *(line for lines in tables for line in left_out(lines))]


def saw(*texts: object) -> list[str]:
    """Write what was seen, a comment each."""
    return [line for text in texts for line in comment(f"seen: {text}")]
