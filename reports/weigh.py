"""One rule and its evidence: what the evidence may be relied on for, and whether its numbers are good enough."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import msgspec

from evidence.model import Evidence, Outcome
from reports import doubt, regression
from reports.limits import BROKEN, KEPT, WARNED, Kind, Limit
from reports.model import Change, Judgement
from reports.policy import Rule
from reports.regression import Reference
from reports.waivers import Quarantine


class Finding(NamedTuple):
    """What a rule came to, and why."""

    judgement: Judgement
    reason: str
    warning: str = ""


class Beside(NamedTuple):
    """What one rule's evidence is weighed with: the time, how it compares, its quarantine."""

    now: dt.datetime
    change: Change | None
    quarantine: Quarantine | None


def weigh(rule: Rule, evidence: Evidence, beside: Beside) -> Finding:
    """Weigh evidence that is this check's, of this run and release.

    What failed stays failed however old it is: waiting must never turn BLOCK into PROMOTE.
    """
    if evidence.outcome is Outcome.FAILED:
        return Finding(Judgement.FAIL, doubt.sentence("The claim does not hold", evidence.detail))
    flaky, warning = _quarantined(evidence, beside)
    if warning:
        evidence = msgspec.structs.replace(evidence, outcome=Outcome.PASSED)
    if weak := flaky or doubt.of_outcome(evidence):
        return Finding(Judgement.UNVERIFIED, weak)
    old = doubt.of_age(rule, evidence, beside.now)
    if evidence.outcome is Outcome.NOT_APPLICABLE:
        says = doubt.sentence("release.toml declares it not applicable", evidence.detail)
        return Finding(Judgement.UNVERIFIED, old) if old else Finding(Judgement.NOT_APPLICABLE, says)
    return _numbers(rule, evidence, old, (beside.change, warning))


def compared(rule: Rule, evidence: Evidence, reference: Reference | None) -> Change | None:
    """Hold the number that the rule compares against the baseline's, where both are numbers."""
    if not rule.regression or not reference:
        return None
    if doubt.of_measure(rule.regression.measure, evidence):
        return None
    return regression.compare(rule.regression, evidence.measured, reference)


def _quarantined(evidence: Evidence, beside: Beside) -> tuple[str, str]:
    """Say of a check that passed only on a retry why it is in doubt, or, in quarantine, what to warn of."""
    if evidence.outcome is not Outcome.FLAKY:
        return "", ""
    flaky, entry = str(doubt.of_outcome(evidence)), beside.quarantine
    if entry is None:
        return flaky, ""
    until = f"{entry.until:%Y-%m-%d %H:%M:%S} UTC"
    if beside.now > entry.until:
        return f"{flaky} Its quarantine by {entry.owner} ended on {until}.", ""
    return "", f"passed only on a retry, in quarantine until {until} by {entry.owner}: {entry.reason}"


def _numbers(rule: Rule, evidence: Evidence, old: str | None, beside: tuple[Change | None, str]) -> Finding:
    """Hold what was measured against limits and baseline: what is broken outweighs what is missing or old."""
    change, warning = beside
    if few := doubt.of_samples(rule, evidence):
        return Finding(Judgement.UNVERIFIED, few)
    doubts = [doubt.of_number(limit, evidence) for limit in rule.limits]
    sound = [limit for limit, why in zip(rule.limits, doubts, strict=True) if not why]
    broken = [*_broken(sound, evidence, BROKEN), *_regressed(rule, change)]
    if broken:
        return Finding(Judgement.FAIL, f"{'; '.join(broken)}.", warning)
    if weak := next(filter(None, doubts), old):
        return Finding(Judgement.UNVERIFIED, weak)
    kept = "; ".join(limit.against(evidence.measured[limit.measure], KEPT[limit.kind]) for limit in rule.limits)
    cases = f" in {evidence.cases} cases" if evidence.cases > 1 else ""
    notable = regression.notable(rule.regression, change) if rule.regression and change else ""
    warnings = [*_broken(rule.warnings, evidence, WARNED), *filter(None, (notable, warning))]
    return Finding(Judgement.PASS, f"{kept or f'The claim holds{cases}'}.", "; ".join(warnings))


def _regressed(rule: Rule, change: Change | None) -> Sequence[str]:
    if rule.regression and change and change.worse:
        return (regression.sentence(rule.regression, change),)
    return ()


def _broken(limits: Iterable[Limit], evidence: Evidence, relations: Mapping[Kind, str]) -> list[str]:
    measured = evidence.measured
    broken = [limit for limit in limits if limit.breaks(measured)]
    return [limit.against(measured[limit.measure], relations[limit.kind]) for limit in broken]
