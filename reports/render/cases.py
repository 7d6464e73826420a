"""A verdict as test cases, for the formats that know nothing else.

FAIL is a failure and a required UNVERIFIED an error. What holds nothing is skipped, with the reason: an optional
UNVERIFIED, a waived failure, what is not applicable. The verdict is a case of its own, since HOLD may have another
cause than a rule (evidence that nobody asked for), and a report that is all green must mean PROMOTE.
"""

from __future__ import annotations

import datetime as dt
import enum
from typing import NamedTuple

from reports.model import Gate, JudgedRule, Judgement, Verdict
from reports.render.text import capped, place, visible


class Result(enum.StrEnum):
    """What a case came to."""

    PASSED = "passed"
    FAILED = "failed"
    ERROR = "error"
    SKIPPED = "skipped"


class Case(NamedTuple):
    """One rule, or the verdict; `seconds` is 0 where it did not run, `line` 0 where it is not known."""

    suite: str
    name: str
    result: Result
    message: str
    detail: str
    seconds: float
    started: dt.datetime | None
    path: str
    line: int


RESULTS = {
    Judgement.PASS: Result.PASSED,
    Judgement.FAIL: Result.FAILED,
    Judgement.UNVERIFIED: Result.ERROR,
    Judgement.WAIVED: Result.SKIPPED,
    Judgement.NOT_APPLICABLE: Result.SKIPPED,
}
VERDICTS = {Verdict.PROMOTE: Result.PASSED, Verdict.HOLD: Result.ERROR, Verdict.BLOCK: Result.FAILED}


def cases(gate: Gate) -> list[Case]:
    """Give the verdict's case, then one a rule, in the policy's order; all text is cut and made visible."""
    verdict = Case(
        suite="gate",
        name="verdict",
        result=VERDICTS[gate.verdict],
        message=visible(f"{gate.verdict}: {gate.headline}"),
        detail=visible(capped("\n".join(gate.explain))),
        seconds=0.0,
        started=None,
        path="",
        line=0,
    )
    return [verdict, *map(_case, gate.rules)]


def _case(rule: JudgedRule) -> Case:
    path, line = place(visible(rule.where))
    optional = rule.judgement is Judgement.UNVERIFIED and not rule.required
    because = f" Optional, because {rule.optional_because}." if optional else ""
    warning = f" Warning: {rule.warning}." if rule.warning else ""
    return Case(
        suite=visible(rule.stage),
        name=visible(f"{rule.check}: {rule.claim}"),
        result=Result.SKIPPED if optional else RESULTS[rule.judgement],
        message=visible(capped(f"{rule.judgement}: {rule.reason}{because}{warning}")),
        detail=visible(capped(rule.detail)),
        seconds=rule.seconds or 0.0,
        started=rule.started,
        path=path,
        line=line,
    )
