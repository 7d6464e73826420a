"""The judge: policy, catalogue and what was seen in, a gate out. No clock, no network, no file."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from evidence.catalogue import CheckInfo
from evidence.model import Evidence, Outcome
from reports import doubt
from reports.limits import BROKEN, KEPT, WARNED, Kind, Limit
from reports.model import SCHEMA, Counts, Gate, JudgedLimit, JudgedRule, Judgement, PolicyName
from reports.policy import Policy, Rule
from reports.seen import Seen
from reports.stages import summarise, unexpected
from reports.verdict import decide, headline


class Finding(NamedTuple):
    """What a rule came to, and why."""

    judgement: Judgement
    reason: str
    warning: str = ""


def judge(policy: Policy, catalogue: Mapping[str, CheckInfo], seen: Seen, now: dt.datetime) -> Gate:
    """Judge every rule by its evidence; what no rule asks for changes a verdict only for the worse."""
    rules = tuple(_judge_rule(rule, catalogue[rule.check], seen, now) for rule in policy.rules)
    strangers = unexpected(seen, catalogue)
    verdict = decide(rules, strangers)
    return Gate(
        schema=SCHEMA,
        verdict=verdict,
        exit_code=verdict.exit_code,
        headline=headline(verdict, rules, strangers),
        release=seen.record.identity,
        run=seen.record.run,
        judged_at=now,
        policy=PolicyName(name=policy.name, sha256=policy.sha256),
        counts=_count(rules),
        rules=rules,
        stages=summarise(seen, catalogue),
        unverified_optional=tuple(
            rule.check for rule in rules if not rule.required and rule.judgement is Judgement.UNVERIFIED
        ),
        unexpected=strangers,
        files=seen.files,
    )


def _judge_rule(rule: Rule, info: CheckInfo, seen: Seen, now: dt.datetime) -> JudgedRule:
    unbound = doubt.of_stage(seen, info.stage) or doubt.of_origin(seen, info)
    evidence = None if unbound else doubt.evidence_of(seen, rule.check)[0][1]
    finding = _weigh(rule, evidence, now) if evidence else Finding(Judgement.UNVERIFIED, str(unbound))
    measured = {name: value for name, value in (evidence.measured if evidence else {}).items() if math.isfinite(value)}
    return JudgedRule(
        check=rule.check,
        claim=info.claim,
        stage=info.stage,
        required=rule.required,
        optional_because=rule.reason,
        judgement=finding.judgement,
        reason=finding.reason,
        warning=finding.warning,
        measured=measured,
        limits=_limits(rule, measured),
        samples=measured.get("samples_total"),
        cases=evidence.cases if evidence else None,
        seconds=evidence.seconds if evidence else None,
        started=evidence.started if evidence else None,
        as_of=evidence.as_of if evidence else None,
        detail=evidence.detail if evidence else "",
        attachments=evidence.attachments if evidence else (),
        where=info.where,
        rerun=f"nox -s {info.stage} gate -- {seen.options}",
    )


def _weigh(rule: Rule, evidence: Evidence, now: dt.datetime) -> Finding:
    """Weigh evidence that is this check's, of this run and release.

    What failed stays failed however old it is: waiting must never turn BLOCK into PROMOTE.
    """
    if evidence.outcome is Outcome.FAILED:
        return Finding(Judgement.FAIL, doubt.sentence("The claim does not hold", evidence.detail))
    if weak := doubt.of_outcome(evidence):
        return Finding(Judgement.UNVERIFIED, weak)
    old = doubt.of_age(rule, evidence, now)
    if evidence.outcome is Outcome.NOT_APPLICABLE:
        says = doubt.sentence("release.toml declares it not applicable", evidence.detail)
        return Finding(Judgement.UNVERIFIED, old) if old else Finding(Judgement.NOT_APPLICABLE, says)
    return _weigh_numbers(rule, evidence, old)


def _weigh_numbers(rule: Rule, evidence: Evidence, old: str | None) -> Finding:
    """Hold what was measured against the limits: one that is broken outweighs one that is missing or old."""
    if few := doubt.of_samples(rule, evidence):
        return Finding(Judgement.UNVERIFIED, few)
    doubts = [doubt.of_number(limit, evidence) for limit in rule.limits]
    sound = [limit for limit, why in zip(rule.limits, doubts, strict=True) if not why]
    if broken := _broken(sound, evidence, BROKEN):
        return Finding(Judgement.FAIL, f"{broken}.")
    if weak := next(filter(None, doubts), old):
        return Finding(Judgement.UNVERIFIED, weak)
    kept = "; ".join(limit.against(evidence.measured[limit.measure], KEPT[limit.kind]) for limit in rule.limits)
    cases = f" in {evidence.cases} cases" if evidence.cases > 1 else ""
    return Finding(Judgement.PASS, f"{kept or f'The claim holds{cases}'}.", _broken(rule.warnings, evidence, WARNED))


def _broken(limits: Sequence[Limit], evidence: Evidence, relations: Mapping[Kind, str]) -> str:
    measured = evidence.measured
    broken = [limit for limit in limits if limit.breaks(measured)]
    return "; ".join(limit.against(measured[limit.measure], relations[limit.kind]) for limit in broken)


def _limits(rule: Rule, measured: Mapping[str, float]) -> tuple[JudgedLimit, ...]:
    warnings = {(limit.kind, limit.measure): limit.value for limit in rule.warnings}
    return tuple(
        JudgedLimit(
            measure=limit.measure,
            kind=limit.kind,
            limit=limit.value,
            warn=warnings.get((limit.kind, limit.measure)),
            measured=measured.get(limit.measure),
            margin=limit.margin(measured[limit.measure]) if limit.measure in measured else None,
        )
        for limit in rule.limits
    )


def _count(rules: tuple[JudgedRule, ...]) -> Counts:
    judgements = [rule.judgement for rule in rules]
    return Counts(
        rules=len(rules),
        required=sum(rule.required for rule in rules),
        passed=judgements.count(Judgement.PASS),
        warned=sum(bool(rule.warning) for rule in rules),
        failed=judgements.count(Judgement.FAIL),
        unverified=judgements.count(Judgement.UNVERIFIED),
        not_applicable=judgements.count(Judgement.NOT_APPLICABLE),
    )
