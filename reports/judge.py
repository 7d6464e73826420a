"""The judge: policy, catalogue, what was seen and is compared with in, a gate out. No clock, no network, no file."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from checks.catalogue import CheckInfo
from reports import accepted as acceptance
from reports import charts, doubt, waivers
from reports.accepted import Acceptance
from reports.baseline import Comparison
from reports.explain import explain
from reports.model import SCHEMA, Counts, Gate, JudgedLimit, JudgedRule, Judgement, PolicyName
from reports.policy import Policy, Rule
from reports.regression import Reference
from reports.seen import Seen
from reports.stages import summarise, unexpected
from reports.verdict import decide, headline
from reports.waivers import Quarantine
from reports.weigh import Beside, Finding, compared, weigh

ALONE = Comparison()
"""Compared with nothing."""


class Court(NamedTuple):
    """What all rules are judged with; `stages` says of each why it is in doubt."""

    seen: Seen
    now: dt.datetime
    references: Mapping[str, Reference]
    quarantine: Mapping[str, Quarantine]
    accepted: Mapping[str, list[Acceptance]]
    stages: Mapping[str, str | None]


def judge(
    policy: Policy,
    catalogue: Mapping[str, CheckInfo],
    seen: Seen,
    now: dt.datetime,
    comparison: Comparison = ALONE,
) -> Gate:
    """Judge every rule by its evidence; what no rule asks for changes a verdict only for the worse.

    InputError where a waiver of the policy ends too late, is of another release, or waives what did not fail.
    """
    waivers.unbounded((*policy.waivers, *policy.quarantine, *policy.accepted), now)
    court = Court(
        seen=seen,
        now=now,
        references=comparison.references,
        quarantine={entry.check: entry for entry in policy.quarantine},
        accepted=_by_check(policy.accepted),
        stages={stage: doubt.of_stage(seen, stage) for stage in {info.stage for info in catalogue.values()}},
    )
    judged = tuple(_judge_rule(rule, catalogue[rule.check], court) for rule in policy.rules)
    rules = waivers.apply(policy.waivers, judged, seen.record.identity, now)
    strangers = unexpected(seen, catalogue)
    verdict = decide(rules, strangers)
    return Gate(
        schema=SCHEMA,
        verdict=verdict,
        exit_code=verdict.exit_code,
        headline=headline(verdict, rules, strangers),
        release=seen.record.identity,
        release_now=seen.identity,
        run=seen.record.run,
        judged_at=now,
        policy=PolicyName(name=policy.name, sha256=policy.sha256),
        waivers_file=policy.waivers_file,
        counts=_count(rules),
        rules=rules,
        stages=summarise(seen, catalogue),
        unverified_optional=tuple(
            rule.check for rule in rules if not rule.required and rule.judgement is Judgement.UNVERIFIED
        ),
        unexpected=strangers,
        files=seen.files,
        baseline=comparison.baseline,
        baseline_note=comparison.note,
        waivers=tuple(map(waivers.recorded, policy.waivers)),
        previous=comparison.previous,
        explain=explain(verdict, rules, strangers),
        charts=charts.judged(rules, seen.charts, comparison.charts),
        chart_notes=seen.chart_notes,
    )


def _judge_rule(rule: Rule, info: CheckInfo, court: Court) -> JudgedRule:
    unbound = court.stages[info.stage] or doubt.of_origin(court.seen, info)
    evidence = None if unbound else court.seen.by_check[rule.check][0][1]
    change = compared(rule, evidence, court.references.get(rule.check)) if evidence else None
    accepted = court.accepted.get(rule.check, [])
    beside = Beside(court.now, change, court.quarantine.get(rule.check), accepted)
    finding = weigh(rule, evidence, beside) if evidence else Finding(Judgement.UNVERIFIED, str(unbound))
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
        rerun=f"nox -s {info.stage} gate -- {court.seen.options}",
        owner=rule.owner,
        doc=rule.doc,
        waiver=None,
        change=change,
        findings=acceptance.judge(accepted, evidence, court.now) if evidence else (),
    )


def _by_check(accepted: Iterable[Acceptance]) -> dict[str, list[Acceptance]]:
    found: dict[str, list[Acceptance]] = {}
    for one in accepted:
        found.setdefault(one.check, []).append(one)
    return found


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
        waived=judgements.count(Judgement.WAIVED),
        not_applicable=judgements.count(Judgement.NOT_APPLICABLE),
    )
