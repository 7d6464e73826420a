"""The gate's answer, in the shape of `gate.json`: what a renderer shows is in here, and nothing else is shown."""

from __future__ import annotations

import datetime as dt
import enum
from typing import Literal

import msgspec

from evidence.chart import Lines, Table, Timeline
from evidence.release import Identity
from reports.limits import Kind

SCHEMA: Literal["release-verification/gate/v1"] = "release-verification/gate/v1"


class Judgement(enum.StrEnum):
    """What one rule came to; the order of definition is worst first."""

    FAIL = "FAIL"
    UNVERIFIED = "UNVERIFIED"
    WAIVED = "WAIVED"
    """Broken, and somebody answers for it until a date."""
    PASS = "PASS"  # noqa: S105 - a judgement, not a password
    NOT_APPLICABLE = "NOT APPLICABLE"

    def __bool__(self) -> bool:
        """Only a pass is true."""
        return self is Judgement.PASS


class Verdict(enum.StrEnum):
    """What becomes of the release."""

    PROMOTE = "PROMOTE"
    HOLD = "HOLD"
    BLOCK = "BLOCK"

    def __bool__(self) -> bool:
        """Only PROMOTE is true."""
        return self is Verdict.PROMOTE

    @property
    def exit_code(self) -> int:
        """The gate's exit code: 0, 10 for BLOCK, 20 for HOLD."""
        return {Verdict.PROMOTE: 0, Verdict.BLOCK: 10, Verdict.HOLD: 20}[self]


class JudgedLimit(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A limit and the number held against it; `margin` is what is left as a share of the limit, below 0 if broken."""

    measure: str
    kind: Kind
    limit: float
    warn: float | None
    measured: float | None
    margin: float | None


class JudgedWaiver(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A broken rule that somebody lets pass: why, who asked, who agreed, and when (UTC) that ends."""

    id: str
    check: str
    scope: str
    reason: str
    owner: str
    approver: str
    until: dt.datetime


class JudgedAcceptance(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Why a finding may stay, who answers for it, and when (UTC) that ends."""

    reason: str
    owner: str
    until: dt.datetime


class JudgedFinding(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a check found at a place; `ended` is when (UTC) somebody had accepted it until."""

    place: str
    what: str
    accepted: JudgedAcceptance | None
    ended: dt.datetime | None


class Change(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A measured number against the baseline's.

    `ratio` and `drift` are shares, above 0 where the number got worse: against `baseline`, and against `best` of the
    last promoted runs; None where that number is 0 or there is none. `tolerated` and `drift_tolerated` are the shares
    that the policy allows, `floor` the difference that it calls noise. `p_value` is of the two-sample tests, None where
    one side left no samples. `surely` is the better end of the number's confidence interval, where it has one. `worse`
    is what all of them come to.
    """

    measure: str
    baseline: float
    measured: float
    surely: float
    ratio: float | None
    tolerated: float
    floor: float
    p_value: float | None
    best: float | None
    drift: float | None
    drift_tolerated: float | None
    worse: bool


class JudgedRule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One rule and what its evidence came to; `reason` says why in a sentence, `rerun` is the command to look again."""

    check: str
    claim: str
    stage: str
    required: bool
    optional_because: str
    judgement: Judgement
    reason: str
    warning: str
    measured: dict[str, float]
    limits: tuple[JudgedLimit, ...]
    samples: float | None
    cases: int | None
    seconds: float | None
    started: dt.datetime | None
    as_of: dt.datetime | None
    detail: str
    attachments: tuple[str, ...]
    where: str
    rerun: str
    owner: str
    doc: str
    waiver: JudgedWaiver | None
    change: Change | None
    findings: tuple[JudgedFinding, ...]


class StageSummary(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One stage: how many checks it has, planned and ran; `not_run` names the rest, `problem` says what befell it.

    Of those that ran, `retried` passed only on a retry; of those that did not, `skipped` were left out on purpose.

    `build` is what the deployment that it looked at said of itself, and `asked` how, where it was asked.
    """

    name: str
    checks: int
    planned: int
    ran: int
    retried: int
    skipped: int
    not_run: tuple[str, ...]
    exit_code: int | None
    started: dt.datetime | None
    finished: dt.datetime | None
    seconds: float | None
    tools: dict[str, str]
    build: str
    asked: str
    problem: str


class PolicyName(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which policy, or file of waivers beside it, judged."""

    name: str
    sha256: str


class Counts(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How many rules there are, and came to what; `warned` are part of `passed`."""

    rules: int
    required: int
    passed: int
    warned: int
    failed: int
    unverified: int
    waived: int
    not_applicable: int


class File(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A file of the run that the verdict rests on, relative to the run's folder."""

    path: str
    sha256: str
    size: int


class Baseline(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The promoted run that this one is compared with."""

    run: str
    version: str
    digest: str
    judged_at: dt.datetime


class Past(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An earlier run of the same release, as it was judged then."""

    run: str
    version: str
    verdict: Verdict
    judged_at: dt.datetime
    judgements: dict[str, Judgement]
    measured: dict[str, dict[str, float]]


class ChartLimit(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A limit of the policy on an axis of a chart; `at` is the number of the other axis that it is about, if one."""

    axis: Literal["x", "y"]
    measure: str
    value: float
    at: float | None = None


class JudgedChart(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A chart or table that a check left at `path`; `before` is the baseline's chart, where that has the same axes."""

    check: str
    stage: str
    path: str
    chart: Lines | Timeline | Table
    before: Lines | Timeline | None
    limits: tuple[ChartLimit, ...]


class Gate(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The verdict and everything that it rests on.

    `release` is what the run looked at, `release_now` what it was when it was judged; `previous` are earlier runs, at
    most 20, oldest first. `chart_notes` say which charts could not be drawn.
    """

    schema: Literal["release-verification/gate/v1"]
    verdict: Verdict
    exit_code: int
    headline: str
    release: Identity
    release_now: Identity
    run: str
    judged_at: dt.datetime
    policy: PolicyName
    waivers_file: PolicyName | None
    counts: Counts
    rules: tuple[JudgedRule, ...]
    stages: tuple[StageSummary, ...]
    unverified_optional: tuple[str, ...]
    unexpected: tuple[str, ...]
    files: tuple[File, ...]
    baseline: Baseline | None
    baseline_note: str
    waivers: tuple[JudgedWaiver, ...]
    previous: tuple[Past, ...]
    explain: tuple[str, ...]
    charts: tuple[JudgedChart, ...]
    chart_notes: tuple[str, ...]

    def of(self, *judgements: Judgement) -> list[JudgedRule]:
        """Return the rules that came to one of these, worst first, in the policy's order."""
        order = list(Judgement)
        chosen = [rule for rule in self.rules if rule.judgement in judgements]
        return sorted(chosen, key=lambda rule: order.index(rule.judgement))
