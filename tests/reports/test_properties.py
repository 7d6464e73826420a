"""What holds for every run and policy, tried on many by hypothesis.

Waivers are left out where evidence gets worse: a waiver is for a failure, so that a doubt that becomes the failure that
somebody answers for may pass. That is what waivers are, and test_waivers.py has their limits.
"""

from __future__ import annotations

import datetime as dt
import math
from typing import NamedTuple

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from checks.catalogue import STAGES, CheckInfo
from evidence.model import Evidence, Outcome, StageEvidence, StageRecord
from reports.baseline import Comparison
from reports.judge import judge
from reports.limits import Kind, Limit
from reports.model import Gate, Judgement, Verdict
from reports.policy import Policy, Rule
from reports.regression import Reference, Regression
from reports.render import json_v1
from reports.seen import Seen
from tests.reports.world import DIGEST, IDENTITY, NOW, RECORD

MANY = settings(max_examples=100, deadline=None, derandomize=True)
WORSE: dict[Outcome, tuple[Outcome, ...]] = {
    outcome: tuple(Outcome)[number + 1 :] for number, outcome in enumerate(Outcome)
}
DAY = dt.timedelta(hours=24)


class Case(NamedTuple):
    """A policy, the checks that there are, what was seen of them, and what they are compared with."""

    policy: Policy
    catalogue: dict[str, CheckInfo]
    seen: Seen
    comparison: Comparison

    def judge(self) -> Gate:
        """Judge it."""
        return judge(self.policy, self.catalogue, self.seen, NOW, self.comparison)

    def with_stages(self, stages: list[StageEvidence]) -> Case:
        """See other stages."""
        return self._replace(seen=msgspec.structs.replace(self.seen, stages=tuple(stages)))

    def with_evidence(self, check: str, *new: Evidence) -> Case:
        """See other evidence of one check."""
        stages = [
            StageEvidence(
                record=found.record,
                evidence=tuple(each for old in found.evidence for each in (new if old.check == check else (old,))),
            )
            for found in self.seen.stages
        ]
        return self.with_stages(stages)


NUMBERS = st.floats(0, 200) | st.sampled_from([0.0, 50.0, 100.0, math.nan, math.inf, -1.0])
OUTCOMES = st.sampled_from([Outcome.PASSED] * 6 + list(Outcome))
AGES = st.integers(-10, 30 * 60) | st.just(5)


@st.composite
def rules(draw: st.DrawFn, check: str) -> Rule:
    """Draw a rule: limits or none, required or not, compared or not."""
    kind = draw(st.sampled_from([Kind.MAX, Kind.MIN]))
    limited = draw(st.booleans())
    compared = limited and draw(st.booleans())
    return Rule(
        check=check,
        limits=(Limit(kind, "x_ms", 100.0),) if limited else (),
        warnings=(Limit(kind, "x_ms", 80.0 if kind is Kind.MAX else 120.0),) if limited and draw(st.booleans()) else (),
        min_samples=draw(st.sampled_from([0, 0, 10])),
        max_age=DAY,
        required=draw(st.sampled_from([True, True, False])),
        reason="",
        regression=Regression(measure="x_ms", kind=kind, worse_by=0.2, floor=5, drift=0.4) if compared else None,
    )


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """Draw a world of a few checks, most of which went well."""
    names = [f"X-{number:03}" for number in range(draw(st.integers(1, 6)))]
    stage_of = {name: draw(st.sampled_from(list(STAGES)[:3])) for name in names}
    catalogue = {
        name: CheckInfo(identifier=name, claim="It holds.", stage=stage_of[name], where="x.py:1") for name in names
    }
    stages = []
    for stage in dict.fromkeys(stage_of.values()):
        own = [name for name in names if stage_of[name] == stage]
        record = StageRecord(
            stage=stage,
            run=RECORD.run,
            release=DIGEST,
            started=NOW,
            finished=NOW,
            planned=tuple(own),
            exit_code=draw(st.sampled_from([0, 0, 0, 1, 2])),
        )
        stages.append(StageEvidence(record=record, evidence=tuple(draw(pieces(name, stage)) for name in own)))
    policy = Policy(name="policy.toml", sha256="", rules=tuple(draw(rules(name)) for name in names))
    references = {name: Reference(baseline=draw(st.floats(0, 150))) for name in names if draw(st.booleans())}
    whole = Seen(record=RECORD, identity=IDENTITY, stages=tuple(stages), unreadable={})
    return Case(policy, catalogue, whole, Comparison(references=references))


@st.composite
def pieces(draw: st.DrawFn, name: str, stage: str) -> Evidence:
    """Draw one check's evidence."""
    outcome = draw(OUTCOMES)
    measured = {"x_ms": draw(NUMBERS), "samples_total": draw(st.sampled_from([100.0, 100.0, 5.0]))}
    return Evidence(
        check=name,
        claim="It holds.",
        outcome=outcome,
        failed=int(outcome is Outcome.FAILED),
        stage=stage,
        run=RECORD.run,
        release=DIGEST,
        started=NOW - dt.timedelta(minutes=draw(AGES)),
        seconds=1,
        measured=measured if draw(st.sampled_from([True, True, True, False])) else {},
    )


def pick(data: st.DataObject, case: Case) -> Evidence:
    """Choose one piece of evidence of a case."""
    return data.draw(st.sampled_from([each for found in case.seen.stages for each in found.evidence]))


def no_better(before: Gate, after: Gate) -> bool:
    """Say that a verdict did not improve: nothing became PROMOTE."""
    return after.verdict is not Verdict.PROMOTE or before.verdict is Verdict.PROMOTE


@MANY
@given(cases(), st.data())
def test_a_worse_outcome_never_improves_the_verdict(case: Case, data: st.DataObject) -> None:
    """Evidence that comes out worse turns nothing into PROMOTE, and its own rule into no PASS.

    One outcome is no worse but another thing: what release.toml declares not applicable, with a reason, is not judged.
    And where the policy makes a rule optional, numbers that broke a limit block, while an error of ours does not hold.
    """
    old = pick(data, case)
    before = case.judge()
    rule = next(rule for rule in before.rules if rule.check == old.check)
    worse = [outcome for outcome in WORSE[old.outcome] if outcome is not Outcome.NOT_APPLICABLE]
    if not worse or (rule.judgement is Judgement.FAIL and not rule.required and not old.broken):
        return
    spoilt = case.with_evidence(old.check, msgspec.structs.replace(old, outcome=data.draw(st.sampled_from(worse))))
    after = spoilt.judge()

    assert no_better(before, after)
    assert not next(rule for rule in after.rules if rule.check == old.check).judgement


@MANY
@given(cases(), st.data())
def test_a_worse_number_never_improves_the_verdict(case: Case, data: st.DataObject) -> None:
    """A number that moves in the direction that is worse, or stops being one, blocks or holds at least as before."""
    old = pick(data, case)
    rule = next(rule for rule in case.policy.rules if rule.check == old.check)
    number = old.measured.get("x_ms")
    if not rule.limits or number is None or not math.isfinite(number) or number < 0:
        return
    worse = st.floats(number, 1e6) if rule.limits[0].kind is Kind.MAX else st.floats(0, number)
    moved = data.draw(worse | st.sampled_from([math.nan, math.inf, -1.0]))
    spoilt = case.with_evidence(old.check, msgspec.structs.replace(old, measured=old.measured | {"x_ms": moved}))
    before, after = case.judge(), spoilt.judge()

    assert no_better(before, after)
    if before.verdict is Verdict.BLOCK and math.isfinite(moved) and moved >= 0:
        assert Verdict.BLOCK is after.verdict


@MANY
@given(cases(), st.data())
def test_older_evidence_never_improves_the_verdict(case: Case, data: st.DataObject) -> None:
    """Waiting turns no BLOCK into anything else, and nothing into PROMOTE that is not too new."""
    old = pick(data, case)
    if old.started > NOW:
        return
    aged = msgspec.structs.replace(old, started=old.started - dt.timedelta(minutes=data.draw(st.integers(0, 9999))))
    before, after = case.judge(), case.with_evidence(old.check, aged).judge()

    assert no_better(before, after)
    assert before.verdict is not Verdict.BLOCK or after.verdict is Verdict.BLOCK


@MANY
@given(cases(), st.data())
def test_required_evidence_that_is_gone_never_promotes(case: Case, data: st.DataObject) -> None:
    """Without any one piece of evidence that a required rule needs, however it is gone, there is no PROMOTE."""
    lost = pick(data, case)
    (whole,) = [found for found in case.seen.stages if found.record.stage == lost.stage]
    left = [found for found in case.seen.stages if found is not whole]
    unplanned = msgspec.structs.replace(
        whole.record, planned=tuple(check for check in whole.record.planned if check != lost.check)
    )
    rest = tuple(each for each in whole.evidence if each is not lost)
    ways = [
        case.with_evidence(lost.check),
        case.with_evidence(lost.check, lost, lost),
        case.with_evidence(lost.check, msgspec.structs.replace(lost, release="sha256:other")),
        case.with_evidence(lost.check, msgspec.structs.replace(lost, run="r0")),
        case.with_stages([*left, StageEvidence(record=unplanned, evidence=rest)]),
        case.with_stages(left),
        case.with_stages([*case.seen.stages, whole]),
        case._replace(seen=msgspec.structs.replace(case.seen, stages=tuple(left), unreadable={lost.stage: "torn"})),
    ]
    required = next(rule.required for rule in case.policy.rules if rule.check == lost.check)
    for way in ways:
        gate = way.judge()
        assert Judgement.UNVERIFIED is next(rule.judgement for rule in gate.rules if rule.check == lost.check)
        assert not (required and gate.verdict)


@MANY
@given(cases(), st.data())
def test_order_never_matters(case: Case, data: st.DataObject) -> None:
    """Stages, evidence, plans and rules in any order come to the same judgements and verdict."""
    stages = [
        StageEvidence(
            record=msgspec.structs.replace(
                found.record, planned=tuple(data.draw(st.permutations(found.record.planned)))
            ),
            evidence=tuple(data.draw(st.permutations(found.evidence))),
        )
        for found in data.draw(st.permutations(case.seen.stages))
    ]
    shuffled = case.with_stages(stages)._replace(
        policy=msgspec.structs.replace(case.policy, rules=tuple(data.draw(st.permutations(case.policy.rules)))),
        catalogue=dict(data.draw(st.permutations(list(case.catalogue.items())))),
    )
    one, other = case.judge(), shuffled.judge()

    assert (one.verdict, one.counts) == (other.verdict, other.counts)
    assert sorted(one.rules, key=lambda rule: rule.check) == sorted(other.rules, key=lambda rule: rule.check)
    assert len(one.explain) == len(other.explain)


@MANY
@given(cases())
def test_judging_is_deterministic(case: Case) -> None:
    """The same inputs give the same bytes, and what they say can be read back."""
    gate = case.judge()

    assert json_v1.render(gate) == json_v1.render(case.judge())
    assert gate == msgspec.json.decode(json_v1.render(gate), type=Gate)


@MANY
@given(cases())
def test_promotion_is_earned(case: Case) -> None:
    """PROMOTE means that something passed, nothing failed, and every required rule passed or does not apply."""
    gate = case.judge()
    required = {rule.judgement for rule in gate.rules if rule.required}

    if gate.verdict:
        assert Judgement.PASS in {rule.judgement for rule in gate.rules}
        assert required <= {Judgement.PASS, Judgement.NOT_APPLICABLE}
        assert 0 == gate.counts.failed
    assert len(gate.rules) == sum(
        getattr(gate.counts, name) for name in ("passed", "failed", "unverified", "waived", "not_applicable")
    )
