"""One rule and its evidence: what the evidence may be relied on for, and whether its numbers are good enough."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import msgspec

from evidence.model import Evidence, Outcome
from reports import accepted, doubt, regression
from reports.accepted import Acceptance
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
    """What one rule's evidence is weighed with: the time, how it compares, its quarantine, what of it is accepted."""

    now: dt.datetime
    change: Change | None
    quarantine: Quarantine | None
    accepted: Sequence[Acceptance] = ()


def weigh(rule: Rule, evidence: Evidence, beside: Beside) -> Finding:
    """Weigh evidence that is this check's, of this run and release.

    What failed stays failed however old it is: waiting must never turn BLOCK into PROMOTE.
    """
    if not evidence.broken:
        found = _unbroken(rule, evidence, beside)
    elif why := _unaccepted(evidence, beside):
        found = Finding(Judgement.FAIL, why)
    else:
        kept = Outcome.PASSED if evidence.outcome is Outcome.FAILED else evidence.outcome
        found = _unbroken(rule, msgspec.structs.replace(evidence, outcome=kept), beside)
        if found.judgement is Judgement.PASS:
            found = Finding(Judgement.WAIVED, _acceptance(evidence, beside), found.warning)
    stale = accepted.stale(beside.accepted, evidence)
    return found._replace(warning="; ".join(filter(None, (found.warning, stale))))


def _unbroken(rule: Rule, evidence: Evidence, beside: Beside) -> Finding:
    """Weigh a claim that holds, or of which everything that broke it is accepted."""
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


def _unaccepted(evidence: Evidence, beside: Beside) -> str:
    """Say what broke the claim and is accepted by nobody, or nothing."""
    if not evidence.findings:
        return doubt.sentence("The claim does not hold", evidence.detail)
    judged = accepted.judge(beside.accepted, evidence, beside.now)
    new = [each for each in judged if not each.accepted]
    if not new:
        return ""
    first = new[0]
    ended = f" (accepted until {first.ended:%Y-%m-%d %H:%M:%S} UTC, which is over)" if first.ended else ""
    more = f"; and {len(new) - 1} more" if len(new) > 1 else ""
    says = "The claim does not hold"
    if len(judged) > len(new):
        says = f"{len(new)} of {len(judged)} findings {'is' if len(new) == 1 else 'are'} not accepted"
    return doubt.sentence(says, f"{first.place}: {first.what}{ended}{more}")


def _acceptance(evidence: Evidence, beside: Beside) -> str:
    """Say what is accepted, by whom, and until when the first of it ends."""
    places = {each.place for each in evidence.findings}
    held = sorted((one for one in beside.accepted if one.place in places), key=lambda one: one.until)
    owners = ", ".join(sorted({one.owner for one in held}))
    many = "1 finding is" if len(held) == 1 else f"All {len(held)} findings are"
    until = f"until {held[0].until:%Y-%m-%d %H:%M:%S} UTC{' at the earliest' if len(held) > 1 else ''}"
    return doubt.sentence(f"{many} accepted {until} by {owners}", accepted.named([one.place for one in held]))


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
