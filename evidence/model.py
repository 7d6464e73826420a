"""What one check saw, and the order in which outcomes get worse."""

from __future__ import annotations

import datetime as dt
import enum
from collections.abc import Iterable

import msgspec

SCHEMA = 1


class Outcome(enum.StrEnum):
    """What became of a check, from best to worst; the order of definition is the order of badness."""

    PASSED = enum.auto()
    NOT_APPLICABLE = enum.auto()
    """`release.toml` says, with a reason, that the release has no such thing."""
    FLAKY = enum.auto()
    """Passed, but only on a retry."""
    SKIPPED = enum.auto()
    FAILED = enum.auto()
    """The release broke the claim."""
    ERRORED = enum.auto()
    """We could not tell."""

    def __bool__(self) -> bool:
        """Only a plain pass is true."""
        return self is Outcome.PASSED


def worst(outcomes: Iterable[Outcome]) -> Outcome:
    """Combine outcomes of one check: the worst one holds; of none, that we could not tell."""
    order = list(Outcome)
    return max(outcomes, key=order.index, default=Outcome.ERRORED)


class Finding(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One thing that a check found: `place` is the same in every run, `what` says what is wrong there."""

    place: str
    what: str


class Evidence(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What one check saw, bound to the run and to the release that it looked at.

    `measured` holds numbers whose names end in their unit (`p95_ms`, `error_ratio`, `rto_s`). `cases` counts the
    results that were combined (a parametrised check has several). `attachments` are paths relative to the run folder.
    `as_of` says when the data that it rests on was current, where that is not now (a snapshot of advisories).
    `failed` counts the cases in which the release broke the claim, also where another case could not tell; `findings`
    are all that was broken, and empty where a failed case had anything to say beside findings.
    """

    check: str
    claim: str
    outcome: Outcome
    stage: str
    run: str
    release: str
    started: dt.datetime
    seconds: float
    detail: str = ""
    measured: dict[str, float] = msgspec.field(default_factory=dict)
    cases: int = 1
    attachments: tuple[str, ...] = ()
    where: str = ""
    as_of: dt.datetime | None = None
    failed: int = 0
    findings: tuple[Finding, ...] = ()

    @property
    def broken(self) -> bool:
        """The release broke the claim, whatever else befell the check; what was found is, counted or not."""
        return self.outcome is Outcome.FAILED or self.failed > 0 or bool(self.findings)


class Build(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which build the deployment said that it is; `by` says how it was asked, `problem` why that could not be told."""

    reported: str | None
    by: str
    problem: str = ""


class StageRecord(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The first line of a stage's file: what the stage set out to do, and with which tools.

    `planned` are the ids of the checks that it collected: what is planned and has no evidence did not run.
    `exit_code` is the runner's own (pytest's 0 and 1 mean that it looked). `build` is what a live stage's deployment
    said of itself; None where the stage looked at none, or at one that was started from the release's own tree.
    """

    stage: str
    run: str
    release: str
    started: dt.datetime
    finished: dt.datetime
    planned: tuple[str, ...]
    exit_code: int
    tools: dict[str, str] = msgspec.field(default_factory=dict)
    build: Build | None = None
    schema: int = SCHEMA


class StageEvidence(msgspec.Struct, frozen=True, kw_only=True):
    """One stage's file, read back."""

    record: StageRecord
    evidence: tuple[Evidence, ...]
