"""What is kept of a drill: a struct, and one line of a Markdown record that machines read again."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

import msgspec

from evidence.errors import InputError

OPENS, CLOSES = "<!-- dr-drill ", " -->"
NAMES = "[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9]*.md"
Moment = Annotated[dt.datetime, msgspec.Meta(tz=True)]
Outcome = Literal["passed", "failed", "undecided"]
Seconds = Annotated[float, msgspec.Meta(ge=0)]


class Step(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One step: its sentence, from when on and how long, the commands that it ran, and how it ended."""

    name: str
    sentence: str
    began: Moment
    seconds: Seconds
    commands: tuple[str, ...] = ()
    outcome: Literal["done", "failed", "undecided", "not reached"] = "done"


class Part(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A part of the way back, and whether it takes longer for more data."""

    name: str
    seconds: Seconds
    grows: bool


class Record(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One drill. `bytes` is the size of the restored database, `actions` what somebody has to do about the findings.

    `store` is where the backup lay, if that is the release's own.
    """

    release: str
    version: str
    started: Moment
    finished: Moment
    outcome: Outcome
    steps: tuple[Step, ...]
    backup: str = ""
    store: str = ""
    rows: int = 0
    bytes: int = 0
    rto_s: Seconds | None = None
    rpo_s: Seconds | None = None
    parts: tuple[Part, ...] = ()
    findings: tuple[str, ...] = ()
    actions: tuple[str, ...] = ()
    estimate: str = ""
    schema: Literal[1] = 1


def line(record: Record) -> str:
    """Write the line: a comment in Markdown, which no text inside can end, in ASCII, so that all of it is seen."""
    text = json.dumps(msgspec.to_builtins(record)).replace("<", "\\u003c").replace(">", "\\u003e")
    return f"{OPENS}{text}{CLOSES}"


def newest(folder: Path) -> tuple[Path, Record]:
    """Read the record of the drill that ended last; InputError where there is none, or one cannot be read."""
    found = [(path, read(path)) for path in sorted(folder.glob(NAMES))]
    if not found:
        msg = f"{folder}: holds no record of a drill (YYYY-MM-DD.md); `nox -s dr_drill` makes one"
        raise InputError(msg)
    return max(found, key=lambda pair: pair[1].finished)


def read(path: Path) -> Record:
    """Read one record; InputError names the file, and what is wrong with its line."""
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    marked = [text for text in lines if text.startswith(OPENS) and text.endswith(CLOSES)]
    if len(marked) != 1:
        msg = f"{path}: has {len(marked)} lines that begin with {OPENS.strip()!r}, not one: take it away, or mend it"
        raise InputError(msg)
    try:
        return msgspec.json.decode(marked[0][len(OPENS) : -len(CLOSES)], type=Record)
    except msgspec.DecodeError as error:
        msg = f"{path}: the line of the drill cannot be read: {error}; take the record away, or drill again"
        raise InputError(msg) from None


def kept(folder: Path, record: Record, text: str) -> Path:
    """Keep a record under its day, never over another one."""
    folder.mkdir(parents=True, exist_ok=True)
    for suffix in ("", f"-{record.finished:%H%M%S}"):
        path = folder / f"{record.finished:%Y-%m-%d}{suffix}.md"
        try:
            with path.open("x", encoding="utf-8") as file:
                file.write(text)
        except FileExistsError:
            continue
        return path
    msg = f"{folder}: already holds a record of {record.finished:%Y-%m-%d %H:%M:%S}"
    raise InputError(msg)


def actions(findings: Sequence[str], outcome: Outcome, finished: dt.datetime) -> tuple[str, ...]:
    """Say what somebody has to do: mend what was found and drill again, or drill again in a month."""
    if outcome == "passed" and not findings:
        return (f"drill again by {finished + dt.timedelta(days=31):%Y-%m-%d}",)
    mend = [f"mend, and name an owner: {' '.join(finding.split())}" for finding in findings]
    return (*mend, f"drill again by {finished + dt.timedelta(days=7):%Y-%m-%d}, with what was mended")
