"""`history.jsonl`, beside the runs' folders: one line for every judgement, added and never changed.

The last line of a run holds. A line that cannot be read is named and passed over: an old line never stops a judgement.
"""

from __future__ import annotations

import datetime as dt
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Literal

import msgspec

from evidence.release import Identity
from reports.model import Gate, Judgement, Past, Verdict

NAME = "history.jsonl"
SHOWN = 20
"""Earlier runs that a report shows."""


class Line(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One judgement of one run; `policy` is the digest of the policy that judged, `measured` what each check did."""

    run: str
    release: Identity
    verdict: Verdict
    judged_at: Annotated[dt.datetime, msgspec.Meta(tz=True)]
    policy: str
    judgements: dict[str, Judgement]
    measured: dict[str, dict[str, float]]
    schema: Literal[1] = 1

    @property
    def past(self) -> Past:
        """What a later run's gate.json says of this one."""
        return Past(
            run=self.run,
            version=self.release.version,
            verdict=self.verdict,
            judged_at=self.judged_at,
            judgements=self.judgements,
            measured=self.measured,
        )


class History(msgspec.Struct, frozen=True, kw_only=True):
    """Every run's last line, in the order in which the runs were first judged, and a note on each unreadable line."""

    lines: tuple[Line, ...] = ()
    notes: tuple[str, ...] = ()

    def before(self, run: str, name: str, now: dt.datetime) -> tuple[Line, ...]:
        """Return the runs of a release's name that were judged by `now`, and first before `run` was."""
        earlier: list[Line] = []
        for line in self.lines:
            if line.run == run:
                break
            if line.release.name == name and line.judged_at <= now:
                earlier.append(line)
        return tuple(earlier)


def beside(run: Path) -> Path:
    """Return where the history of a run's folder is."""
    return run.absolute().parent / NAME


def read(path: Path) -> History:
    """Read the history; none is empty, and what is broken in it is noted by line."""
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return History()
    except OSError as error:
        return History(notes=(f"{path.name} cannot be read ({error.strerror})",))
    lines: dict[str, Line] = {}
    notes = []
    raw = content.split(b"\n")
    for number, text in enumerate(raw, start=1):
        if not text.strip():
            continue
        try:
            line = msgspec.json.decode(text, type=Line)
        except (msgspec.ValidationError, msgspec.DecodeError):
            torn = number == len(raw)
            notes.append(f"{path.name}:{number} {'is torn' if torn else 'is not a line of history'} and was left out")
        else:
            lines[line.run] = line
    return History(lines=tuple(lines.values()), notes=tuple(notes))


def append(gate: Gate, path: Path) -> None:
    """Add one line and wait until it is on the disk; after a torn line it begins a new one."""
    line = msgspec.json.encode(line_of(gate)) + b"\n"
    handle = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        size = os.fstat(handle).st_size
        torn = size and os.pread(handle, 1, size - 1) != b"\n"
        os.write(handle, b"\n" + line if torn else line)
        os.fsync(handle)
    finally:
        os.close(handle)


def line_of(gate: Gate) -> Line:
    """Give what the history keeps of a judgement."""
    return Line(
        run=gate.run,
        release=gate.release,
        verdict=gate.verdict,
        judged_at=gate.judged_at,
        policy=gate.policy.sha256,
        judgements={rule.check: rule.judgement for rule in gate.rules},
        measured={rule.check: rule.measured for rule in gate.rules if rule.measured},
    )


def promoted(lines: Iterable[Line]) -> list[Line]:
    """Return those that were promoted, in their order."""
    return [line for line in lines if line.verdict is Verdict.PROMOTE]


def good(line: Line, check: str, measure: str) -> float | None:
    """Return what a check measured where it passed: a waived or doubtful number is no reference."""
    if line.judgements.get(check) is not Judgement.PASS:
        return None
    return line.measured.get(check, {}).get(measure)
