"""A small world to judge: three checks, a run that went well, and ways to spoil it."""

from __future__ import annotations

import datetime as dt

import msgspec

from checks.catalogue import CheckInfo
from evidence.model import Evidence, Outcome, StageEvidence, StageRecord
from evidence.release import Identity
from evidence.run import RunRecord
from reports.baseline import Comparison
from reports.judge import judge
from reports.limits import Kind, Limit
from reports.model import File, Gate, JudgedRule
from reports.policy import Policy, Rule
from reports.seen import Seen

NOW = dt.datetime(2026, 3, 1, 12, tzinfo=dt.UTC)
DIGEST = "sha256:" + "ab" * 32
IDENTITY = Identity(name="shop", version="2.14.0", digest=DIGEST, commit="3f2c1ab" + "0" * 33, dirty=False)
RECORD = RunRecord(run="r1", identity=IDENTITY, release_file="release.toml", started=NOW - dt.timedelta(minutes=9))
CATALOGUE = {
    info.identifier: info
    for info in (
        CheckInfo(identifier="DEPS-001", claim="No dependency is known bad.", stage="security", where="s/deps.py:7"),
        CheckInfo(identifier="CSRF-001", claim="No token, no change.", stage="live_security", where="s/csrf.py:9"),
        CheckInfo(identifier="LOAD-001", claim="The p95 stays within its limit.", stage="load", where="load/p95.py:3"),
    )
}
DAY = dt.timedelta(hours=24)
DEPS = Rule(
    check="DEPS-001", limits=(), warnings=(), min_samples=0, max_age=DAY, required=False, reason="not every machine can"
)
CSRF = Rule(check="CSRF-001", limits=(), warnings=(), min_samples=0, max_age=DAY, required=True, reason="")
LOAD = Rule(
    check="LOAD-001",
    limits=(Limit(Kind.MAX, "p95_ms", 100.0),),
    warnings=(Limit(Kind.MAX, "p95_ms", 80.0),),
    min_samples=100,
    max_age=DAY,
    required=True,
    reason="",
)
POLICY = Policy(name="policy.toml", sha256="cd" * 32, rules=(DEPS, CSRF, LOAD))


def evidence(check: str, **changes: object) -> Evidence:
    """Make evidence of a check that went well, ten minutes ago, but for the changes."""
    info = CATALOGUE[check]
    good = Evidence(
        check=check,
        claim=info.claim,
        outcome=Outcome.PASSED,
        stage=info.stage,
        run="r1",
        release=DIGEST,
        started=NOW - dt.timedelta(minutes=10),
        seconds=1.5,
        measured={"p95_ms": 71.5, "samples_total": 900.0} if check == "LOAD-001" else {},
        where=info.where,
    )
    return msgspec.structs.replace(good, **changes)


def stage(name: str, *found: Evidence, **changes: object) -> StageEvidence:
    """Make the file of a stage that ran what it found, but for the changes."""
    record = StageRecord(
        stage=name,
        run="r1",
        release=DIGEST,
        started=NOW - dt.timedelta(minutes=11),
        finished=NOW - dt.timedelta(minutes=9),
        planned=tuple(dict.fromkeys(each.check for each in found)),
        exit_code=0,
        tools={"pytest": "9.0.2"},
    )
    return StageEvidence(record=msgspec.structs.replace(record, **changes), evidence=found)


def seen(*stages: StageEvidence, **changes: object) -> Seen:
    """See these stages, and of the others that all went well, but for the changes."""
    given = {each.record.stage for each in stages}
    well = [
        stage(info.stage, evidence(check))
        for check, info in CATALOGUE.items()
        if info.stage not in given and info.stage not in changes.get("without", ())  # type: ignore[operator]
    ]
    whole = Seen(
        record=RECORD,
        identity=IDENTITY,
        stages=(*well, *stages),
        unreadable={},
        files=(File(path="release.json", sha256="ef" * 32, size=321),),
        options="--run runs/r1",
    )
    return msgspec.structs.replace(whole, **{name: value for name, value in changes.items() if name != "without"})


def gate_of(found: Seen, *rules: Rule) -> Gate:
    """Judge what was seen by these rules, or by the whole policy."""
    policy = msgspec.structs.replace(POLICY, rules=rules) if rules else POLICY
    return judge(policy, CATALOGUE, found, NOW)


def gate_with(policy: Policy, found: Seen, now: dt.datetime = NOW, comparison: Comparison | None = None) -> Gate:
    """Judge what was seen by another policy, at another time, compared with another run."""
    return judge(policy, CATALOGUE, found, now, comparison or Comparison())


def judged(found: Seen, rule: Rule) -> JudgedRule:
    """Judge by the whole policy, with this rule in place of its own, and return what it came to."""
    rules = [rule if rule.check == each.check else each for each in POLICY.rules]
    return next(each for each in gate_of(found, *rules).rules if each.check == rule.check)


def load(**changes: object) -> Seen:
    """See a load stage whose only evidence has these changes."""
    return seen(stage("load", evidence("LOAD-001", **changes)))


def measured(**numbers: float) -> Seen:
    """See a load stage that measured these numbers."""
    return load(measured=numbers)
