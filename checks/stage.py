"""A stage at work: results come in one by one, one file goes out at the end, whatever ran the checks."""

from __future__ import annotations

import datetime as dt
import math
import os
import re
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path

import msgspec

from checks.findings import MOST
from evidence import release as releases
from evidence import run as runs
from evidence.errors import InputError
from evidence.model import Build, Evidence, Finding, Outcome, StageRecord, worst

DETAIL_LIMIT = 8_000
"""Characters kept of what a check says: the rest of a megabyte of response body helps nobody."""


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """What one run of one check came to; `evidence.model.Evidence` has the fields' meanings.

    `failed` is for a check that both broke and could not be ended: its outcome alone does not say so any more.
    """

    check: str
    claim: str
    outcome: Outcome
    started: dt.datetime
    seconds: float
    detail: str = ""
    measured: dict[str, float] = msgspec.field(default_factory=dict)
    attachments: tuple[str, ...] = ()
    where: str = ""
    as_of: dt.datetime | None = None
    failed: bool = False
    findings: tuple[Finding, ...] = ()

    @property
    def broken(self) -> bool:
        """The release broke the claim."""
        return self.failed or self.outcome is Outcome.FAILED


class Stage:
    """Collects results and writes them, combined and bound to run and release, on `finish`."""

    def __init__(self, name: str, run: runs.Run, release: releases.Release) -> None:
        """Start the stage's clock; nothing is written before `finish`."""
        self.name = name
        self.run = run
        self.release = release
        self.tools: dict[str, str] = {}
        self.build: Build | None = None
        self._started = runs.now()
        self._planned: dict[str, None] = {}
        self._results: dict[str, list[Result]] = {}

    def plan(self, checks: Iterable[str]) -> None:
        """Say which checks this stage sets out to run."""
        self._planned.update(dict.fromkeys(checks))

    def add(self, result: Result) -> None:
        """Take one result."""
        self._results.setdefault(result.check, []).append(result)

    def attach(self, name: str, content: bytes | str | Path) -> str:
        """Keep a file beside the evidence; text is redacted. Return its path relative to the run folder."""
        safe = re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip("-.") or "attachment"
        path = Path("attachments", self.name, safe)
        target = self.run.path / path
        if isinstance(content, Path):
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(content, target)
        else:
            data = content if isinstance(content, bytes) else redact(content).encode("utf-8", "backslashreplace")
            runs.write_atomically(target, data)
        return path.as_posix()

    def finish(self, exit_code: int) -> Path:
        """Write the stage's file; `exit_code` is the runner's own, 0 or 1 where it could look.

        InputError where the run folder has no room.
        """
        record = StageRecord(
            stage=self.name,
            run=self.run.record.run,
            release=self.run.record.identity.digest,
            started=self._started,
            finished=runs.now(),
            planned=tuple(self._planned),
            exit_code=exit_code,
            tools=self.tools,
            build=self.build,
        )
        try:
            return self.run.write(record, [self._combine(results) for results in self._results.values()])
        except OSError as error:
            msg = f"{self.run.evidence_path}: the evidence of {self.name} cannot be written ({error.strerror})"
            raise InputError(msg) from None

    def _combine(self, results: list[Result]) -> Evidence:
        outcome = worst(result.outcome for result in results)
        measured, conflicts = _merge(result.measured for result in results)
        details = [
            result.detail for result in results if result.detail and (result.outcome is outcome or result.broken)
        ]
        if conflicts:
            outcome = Outcome.ERRORED
            details.append(f"measured more than once with different values: {', '.join(sorted(conflicts))}")
        if nonsense := {name: value for name, value in measured.items() if not math.isfinite(value)}:
            # JSON has no such numbers, and no limit can be held against one.
            outcome = Outcome.ERRORED
            details.append(f"measured what is not a number: {nonsense}")
            measured = {name: value for name, value in measured.items() if name not in nonsense}
        return Evidence(
            check=results[0].check,
            claim=results[0].claim,
            outcome=outcome,
            stage=self.name,
            run=self.run.record.run,
            release=self.run.record.identity.digest,
            started=min(result.started for result in results),
            seconds=sum(result.seconds for result in results),
            detail=shorten(redact("\n".join(dict.fromkeys(details)))),
            measured=measured,
            cases=len(results),
            attachments=tuple(dict.fromkeys(name for result in results for name in result.attachments)),
            where=results[0].where,
            as_of=min((result.as_of for result in results if result.as_of), default=None),
            failed=sum(result.broken for result in results),
            findings=_findings([result for result in results if result.broken]),
        )


def from_environment(environment: Mapping[str, str] = os.environ) -> Stage:
    """Open the stage that RELEASE_STAGE, RELEASE_RUN and RELEASE_FILE name; InputError where one is missing."""
    missing = [name for name in ("RELEASE_STAGE", "RELEASE_RUN", "RELEASE_FILE") if not environment.get(name)]
    if missing:
        msg = f"{', '.join(missing)} not set: run a stage by `nox -s STAGE`, which sets them"
        raise InputError(msg)
    release = releases.load(Path(environment["RELEASE_FILE"]))
    stage = Stage(environment["RELEASE_STAGE"], runs.start(Path(environment["RELEASE_RUN"]), release), release)
    if told := environment.get("TARGET_BUILD"):
        stage.build = msgspec.json.decode(told, type=Build)
    return stage


def redact(text: str, environment: Mapping[str, str] = os.environ) -> str:
    """Replace the value of every variable that RELEASE_SECRETS names by the variable's name.

    The longest first: one secret can hold another, whose name in its midst would leave the rest to be read.
    """
    names = filter(None, environment.get("RELEASE_SECRETS", "").split(","))
    for name in sorted(names, key=lambda name: len(environment.get(name, "")), reverse=True):
        if value := environment.get(name):
            text = text.replace(value, f"<{name}>")
    return text


def shorten(text: str) -> str:
    """Cut text to DETAIL_LIMIT characters, with a note of how much is gone."""
    if len(text) <= DETAIL_LIMIT:
        return text
    return f"{text[:DETAIL_LIMIT]}\n… ({len(text) - DETAIL_LIMIT} characters more)"


def _findings(broken: list[Result]) -> tuple[Finding, ...]:
    """Unite findings; none where some case broke without one, or there are too many to accept."""
    united = {each.place: each for result in broken for each in result.findings}
    if len(united) > MOST or not all(result.findings for result in broken):
        return ()
    return tuple(Finding(place=redact(each.place), what=redact(each.what)) for each in united.values())


def _merge(parts: Iterable[Mapping[str, float]]) -> tuple[dict[str, float], set[str]]:
    """Unite measures of several results; a name with two different values is a conflict, never the better one."""
    merged: dict[str, float] = {}
    conflicts: set[str] = set()
    for part in parts:
        for name, value in part.items():
            known = merged.setdefault(name, value)
            if known != value and not (math.isnan(known) and math.isnan(value)):
                conflicts.add(name)
    return merged, conflicts
