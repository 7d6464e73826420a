"""Each rule comes to one judgement, and whatever is in doubt is UNVERIFIED with its reason."""

from __future__ import annotations

import datetime as dt
import re
from pathlib import Path

import msgspec
import pytest

from evidence.model import Outcome
from reports.limits import SIGNED, Kind, Limit
from reports.model import Judgement
from reports.policy import Rule
from reports.seen import Seen
from tests.reports.world import (
    CSRF,
    DEPS,
    DIGEST,
    IDENTITY,
    LOAD,
    NOW,
    evidence,
    judged,
    load,
    measured,
    seen,
    stage,
)

TREE = Path(__file__).parents[2]
OTHER = "sha256:" + "00" * 32
GOOD = evidence("LOAD-001")
DOUBTS: dict[str, tuple[Seen, str]] = {
    "the source changed": (
        seen(identity=msgspec.structs.replace(IDENTITY, digest=OTHER)),
        f"The source changed after the run began: the run looks at {DIGEST}, the source is now {OTHER}.",
    ),
    "another commit": (
        seen(identity=msgspec.structs.replace(IDENTITY, commit=None)),
        f"The commit changed after the run began: the run looks at {IDENTITY.commit}, the commit is now None.",
    ),
    "a work tree with changes": (
        seen(identity=msgspec.structs.replace(IDENTITY, dirty=True)),
        (
            "The work tree changed after the run began: the run looks at a clean one, "
            "the work tree is now one with changes."
        ),
    ),
    "no stage file": (seen(without=("load",)), "The stage load left no evidence file in this run."),
    "unreadable": (
        seen(without=("load",), unreadable={"load": "evidence/load.jsonl:3: is not evidence: truncated"}),
        "The stage's evidence cannot be read: evidence/load.jsonl:3: is not evidence: truncated.",
    ),
    "stage twice": (
        seen(stage("load", GOOD), stage("load", GOOD)),
        "The stage load left 2 evidence files in this run.",
    ),
    "stage of another run": (
        seen(stage("load", GOOD, run="r0")),
        "The stage's evidence belongs to another run, r0.",
    ),
    "stage of another release": (
        seen(stage("load", GOOD, release=OTHER)),
        f"The stage's evidence belongs to another release, {OTHER}.",
    ),
    **{
        f"exit code {code}": (
            seen(stage("load", GOOD, exit_code=code)),
            f"The stage load broke down: its runner ended with exit code {code}.",
        )
        for code in (2, 3, 4, 5, -9)
    },
    "not planned, no evidence": (seen(stage("load")), "The stage load ran without this check."),
    "not planned, but evidence": (
        seen(stage("load", GOOD, planned=())),
        "The stage load did not plan this check.",
    ),
    "planned, no evidence": (
        seen(stage("load", planned=("LOAD-001",))),
        "The check was planned and left no evidence.",
    ),
    "evidence twice": (
        seen(stage("load", GOOD, GOOD)),
        "The check was planned and left 2 evidence records.",
    ),
    "evidence of another run": (load(run="r0"), "The evidence belongs to another run, r0."),
    "evidence of another release": (load(release=OTHER), f"The evidence belongs to another release, {OTHER}."),
    "evidence of another stage": (
        load(stage="smoke"),
        "The evidence is of the stage smoke, but the check belongs to load.",
    ),
    "evidence in another stage's file": (
        seen(stage("load", planned=("LOAD-001",)), stage("smoke", GOOD)),
        "The evidence is of the stage smoke, but the check belongs to load.",
    ),
    "skipped": (load(outcome=Outcome.SKIPPED, detail="no k"), "The check was skipped: no k."),
    "errored": (
        load(outcome=Outcome.ERRORED, detail="RuntimeError: lost\nmore"),
        "The check could not tell: RuntimeError: lost.",
    ),
    "flaky": (load(outcome=Outcome.FLAKY), "The check passed only on a retry."),
    "no case": (load(cases=0), "The check ran no case."),
    "from the future": (
        load(started=NOW + dt.timedelta(minutes=5, seconds=1)),
        "The evidence is dated 2026-03-01 12:05:01 UTC, which is in the future.",
    ),
    "too old": (
        load(started=NOW - dt.timedelta(hours=24, seconds=1)),
        "The evidence is of 2026-02-28 11:59:59 UTC, older than the rule's 1 d.",
    ),
    "without a time zone": (
        load(started=dt.datetime(2026, 3, 1, 11)),  # noqa: DTZ001 - the point
        "The evidence is dated 2026-03-01T11:00:00, without a time zone.",
    ),
    "resting on old data": (
        load(as_of=NOW - dt.timedelta(days=8)),
        "The data that the evidence rests on is of 2026-02-21 12:00:00 UTC, older than the rule's 1 d.",
    ),
    "resting on data of the future": (
        load(as_of=NOW + dt.timedelta(days=1)),
        "The data that the evidence rests on is dated 2026-03-02 12:00:00 UTC, which is in the future.",
    ),
    "samples not measured": (measured(p95_ms=71.5), "samples_total was not measured; the rule asks for 100."),
    "too few samples": (
        measured(p95_ms=71.5, samples_total=99),
        "It rests on 99 samples; the rule asks for at least 100.",
    ),
    "too few samples to fail on": (
        measured(p95_ms=171.5, samples_total=99),
        "It rests on 99 samples; the rule asks for at least 100.",
    ),
    "samples that are no number": (
        measured(p95_ms=71.5, samples_total=float("nan")),
        "It rests on nan samples; the rule asks for at least 100.",
    ),
    "a limit within the confidence interval": (
        measured(p95_ms=53.25, p95_low_ms=41.2, p95_high_ms=132.0, samples_total=900),
        (
            "p95_ms may be at most 100 ms, but its confidence interval reaches from 41.2 to 132 ms, "
            "so that nobody can tell; measure longer."
        ),
    ),
    "a number outside of its interval": (
        measured(p95_ms=53.25, p95_low_ms=60.0, p95_high_ms=70.0, samples_total=900),
        "p95_ms was measured outside of its own confidence interval, or with one end of it alone.",
    ),
    "half of an interval": (
        measured(p95_ms=53.25, p95_low_ms=41.2, samples_total=900),
        "p95_ms was measured outside of its own confidence interval, or with one end of it alone.",
    ),
    "a measure by another name": (
        measured(p95_s=0.07, samples_total=900),
        'p95_ms was not measured; did you mean "p95_s"?',
    ),
    "no measure at all": (measured(samples_total=900), "p95_ms was not measured; known are samples_total."),
    **{
        f"measured {value}": (
            measured(p95_ms=value, samples_total=900),
            f"p95_ms was measured as {value}, which is no measurement.",
        )
        for value in (float("nan"), float("inf"), float("-inf"), -1.0)
    },
}


@pytest.mark.parametrize(("found", "reason"), DOUBTS.values(), ids=DOUBTS)
def test_what_is_in_doubt_is_unverified_with_its_reason(found: Seen, reason: str) -> None:
    """Each way in which evidence may not be relied on is UNVERIFIED, and says which way it is."""
    rule = judged(found, LOAD)

    assert (Judgement.UNVERIFIED, reason) == (rule.judgement, rule.reason)


def test_no_samples_are_never_enough() -> None:
    """A rule that asks for no number of samples still refuses evidence that rests on none."""
    rule = judged(measured(p95_ms=0, samples_total=0), msgspec.structs.replace(LOAD, min_samples=0))

    assert (Judgement.UNVERIFIED, "It rests on 0 samples; the rule asks for at least 1.") == (
        rule.judgement,
        rule.reason,
    )


PASSED: dict[str, tuple[Seen, str, str]] = {
    "well within": (load(), "p95_ms is 71.5 ms, within its limit of 100 ms.", ""),
    "on the limit": (
        measured(p95_ms=100, samples_total=100),
        "p95_ms is 100 ms, within its limit of 100 ms.",
        "p95_ms is 100 ms, above its warning at 80 ms",
    ),
    "on the warning": (measured(p95_ms=80, samples_total=100), "p95_ms is 80 ms, within its limit of 100 ms.", ""),
    "just old enough": (
        load(started=NOW - dt.timedelta(hours=24)),
        "p95_ms is 71.5 ms, within its limit of 100 ms.",
        "",
    ),
    "clocks a little apart": (
        load(started=NOW + dt.timedelta(minutes=5)),
        "p95_ms is 71.5 ms, within its limit of 100 ms.",
        "",
    ),
    "exit code 1": (
        seen(stage("load", GOOD, exit_code=1)),
        "p95_ms is 71.5 ms, within its limit of 100 ms.",
        "",
    ),
}


@pytest.mark.parametrize(("found", "reason", "warning"), PASSED.values(), ids=PASSED)
def test_what_keeps_its_limits_passes(found: Seen, reason: str, warning: str) -> None:
    """A limit itself is allowed; past the warning a rule passes with a warning."""
    rule = judged(found, LOAD)

    assert (Judgement.PASS, reason, warning) == (rule.judgement, rule.reason, rule.warning)


OLD = NOW - dt.timedelta(days=99)
FAILED: dict[str, tuple[Seen, str]] = {
    "the claim": (
        load(outcome=Outcome.FAILED, detail="AssertionError: assert 403 == 201\n + where"),
        "The claim does not hold: assert 403 == 201.",
    ),
    "the claim of one case": (
        load(outcome=Outcome.FAILED, detail="[post] AssertionError: no"),
        "The claim does not hold: [post] no.",
    ),
    "the claim, without a word": (load(outcome=Outcome.FAILED), "The claim does not hold."),
    "a limit": (
        measured(p95_ms=150, samples_total=900),
        "p95_ms is 150 ms, above its limit of 100 ms.",
    ),
    "a limit by a hair": (
        measured(p95_ms=100.00001, samples_total=900),
        "p95_ms is 100.00001 ms, above its limit of 100 ms.",
    ),
    "the claim, long ago": (load(outcome=Outcome.FAILED, started=OLD), "The claim does not hold."),
    "the claim, by old data": (load(outcome=Outcome.FAILED, as_of=OLD), "The claim does not hold."),
    "a limit, long ago": (
        load(started=OLD, measured={"p95_ms": 150.0, "samples_total": 900.0}),
        "p95_ms is 150 ms, above its limit of 100 ms.",
    ),
}


@pytest.mark.parametrize(("found", "reason"), FAILED.values(), ids=FAILED)
def test_what_is_broken_fails_and_stays_failed(found: Seen, reason: str) -> None:
    """A broken claim or limit fails with measured number, limit and unit, and does not heal by growing old."""
    rule = judged(found, LOAD)

    assert (Judgement.FAIL, reason) == (rule.judgement, rule.reason)


@pytest.mark.parametrize(
    ("limit", "value", "reason"),
    [
        (Limit(Kind.MIN, "achieved_ratio", 0.98), 0.979, "achieved_ratio is 0.979, below its limit of 0.98."),
        (Limit(Kind.EQUALS, "failed_total", 0.0), 2.0, "failed_total is 2, other than its limit of 0."),
        (
            Limit(Kind.MAX, "dump_bytes", 5e6),
            12345678.0,
            "dump_bytes is 12,345,678 bytes, above its limit of 5,000,000 bytes.",
        ),
    ],
)
def test_every_kind_of_limit_can_be_broken(limit: Limit, value: float, reason: str) -> None:
    """A limit of each kind fails on the wrong side, and says so in its own words."""
    rule = msgspec.structs.replace(CSRF, limits=(limit,))
    found = seen(stage("live_security", evidence("CSRF-001", measured={limit.measure: value})))

    assert (Judgement.FAIL, reason) == ((one := judged(found, rule)).judgement, one.reason)


def test_a_broken_limit_outweighs_a_missing_number() -> None:
    """What one number proves is not lost because another one is missing."""
    rule = msgspec.structs.replace(LOAD, limits=(Limit(Kind.MAX, "p99_ms", 200.0), *LOAD.limits))

    assert Judgement.FAIL is judged(measured(p95_ms=150, samples_total=900), rule).judgement


@pytest.mark.parametrize("rule", [CSRF, LOAD])
def test_not_applicable_is_said_by_the_evidence_alone(rule: Rule) -> None:
    """What release.toml declares, with its reason, needs no number; it grows old like all evidence."""
    info = evidence(rule.check).stage
    declared = {"outcome": Outcome.NOT_APPLICABLE, "detail": "the API has no cookies", "measured": {}}
    fresh = judged(seen(stage(info, evidence(rule.check, **declared))), rule)
    old = judged(seen(stage(info, evidence(rule.check, started=OLD, **declared))), rule)

    assert (Judgement.NOT_APPLICABLE, "release.toml declares it not applicable: the API has no cookies.") == (
        fresh.judgement,
        fresh.reason,
    )
    assert Judgement.UNVERIFIED is old.judgement


def test_what_is_not_this_release_is_not_quoted() -> None:
    """Numbers and words of evidence that belongs to another release do not show up beside this one."""
    rule = judged(load(release=OTHER, detail="secret of another", attachments=("attachments/x",)), LOAD)

    assert ({}, "", (), None) == (rule.measured, rule.detail, rule.attachments, rule.limits[0].measured)


def test_the_command_to_look_again_is_exact() -> None:
    """Each rule names its own stage, the gate, and the run."""
    assert "nox -s security gate -- --run runs/r1" == judged(seen(), DEPS).rerun


@pytest.mark.parametrize(
    ("limit", "measured_as", "margin"),
    [
        (Limit(Kind.MAX, "p95_ms", 100.0), 75.0, 0.25),
        (Limit(Kind.MAX, "p95_ms", 100.0), 150.0, -0.5),
        (Limit(Kind.MIN, "achieved_ratio", 0.5), 0.75, 0.5),
        (Limit(Kind.MIN, "tests_total", 1.0), 31.0, None),
        (Limit(Kind.MAX, "dropped_total", 0.0), 0.0, None),
        (Limit(Kind.EQUALS, "failed_total", 3.0), 3.0, None),
        (Limit(Kind.MAX, "p95_ms", 100.0), float("inf"), None),
    ],
)
def test_the_margin_is_what_is_left_of_the_limit(limit: Limit, measured_as: float, margin: float | None) -> None:
    """A margin is a share of the limit, below zero where it is broken, and absent where it would mean nothing."""
    assert margin == limit.margin(measured_as)


@pytest.mark.parametrize(
    ("p95", "low", "high", "judgement"),
    [
        (53.0, 41.0, 100.0, Judgement.PASS),
        (53.0, 41.0, 100.1, Judgement.UNVERIFIED),
        (120.0, 100.0, 140.0, Judgement.UNVERIFIED),
        (120.0, 100.1, 140.0, Judgement.FAIL),
    ],
)
def test_a_number_is_judged_by_its_whole_confidence_interval(
    p95: float, low: float, high: float, judgement: Judgement
) -> None:
    """Only an interval that lies wholly on one side of the limit passes or fails; the limit itself is allowed."""
    found = measured(p95_ms=p95, p95_low_ms=low, p95_high_ms=high, samples_total=900)

    assert judgement is judged(found, LOAD).judgement


SIGNED_CASES: dict[str, tuple[Limit, dict[str, float], Judgement]] = {
    "faster than before": (
        Limit(Kind.MAX, "p95_slower_ms", 20.0),
        {"p95_slower_ms": -5.0, "p95_slower_low_ms": -9.0, "p95_slower_high_ms": -1.0},
        Judgement.PASS,
    ),
    "perhaps faster, perhaps too slow": (
        Limit(Kind.MAX, "p95_slower_ms", 20.0),
        {"p95_slower_ms": -5.0, "p95_slower_low_ms": -31.0, "p95_slower_high_ms": 21.0},
        Judgement.UNVERIFIED,
    ),
    "memory that shrinks": (
        Limit(Kind.MAX, "grown_per_1000_requests_mib", 10.0),
        {
            "grown_per_1000_requests_mib": -0.4,
            "grown_per_1000_requests_low_mib": -0.9,
            "grown_per_1000_requests_high_mib": 0.1,
        },
        Judgement.PASS,
    ),
    "a certificate that ended": (
        Limit(Kind.MIN, "expires_in_days", 14.0),
        {"expires_in_days": -3.0},
        Judgement.FAIL,
    ),
    "endlessly faster": (
        Limit(Kind.MAX, "p95_slower_ms", 20.0),
        {"p95_slower_ms": float("-inf")},
        Judgement.UNVERIFIED,
    ),
    **{
        f"below none: {measure}": (Limit(Kind.MAX, measure, 20.0), {measure: -1.0}, Judgement.UNVERIFIED)
        for measure in ("p95_ms", "dropped_total", "error_ratio", "rto_s", "surely_grown_per_1000_requests_mib")
    },
}


@pytest.mark.parametrize(("limit", "numbers", "judgement"), SIGNED_CASES.values(), ids=SIGNED_CASES)
def test_only_what_has_a_sign_may_be_below_zero(limit: Limit, numbers: dict[str, float], judgement: Judgement) -> None:
    """A difference, a growth and a time that is left are numbers below 0, too; no count, duration or share is one."""
    rule = msgspec.structs.replace(CSRF, limits=(limit,))
    found = seen(stage("live_security", evidence("CSRF-001", measured=numbers)))

    assert judgement is judged(found, rule).judgement


@pytest.mark.parametrize(
    ("low", "high", "judgement"),
    [
        (2.0, 4.0, Judgement.UNVERIFIED),
        (3.0, 4.0, Judgement.UNVERIFIED),
        (3.0, 3.0, Judgement.PASS),
    ],
)
def test_what_may_be_the_demanded_number_or_another_is_in_doubt(low: float, high: float, judgement: Judgement) -> None:
    """An interval about the one number that is allowed proves neither that one nor another."""
    limit = Limit(Kind.EQUALS, "size_bytes", 3.0)
    numbers = {"size_bytes": 3.0, "size_low_bytes": low, "size_high_bytes": high}
    found = seen(stage("live_security", evidence("CSRF-001", measured=numbers)))

    assert judgement is judged(found, msgspec.structs.replace(CSRF, limits=(limit,))).judgement


def test_an_interval_beside_the_demanded_number_fails() -> None:
    """Wholly above, or below, it is another number for sure."""
    limit = Limit(Kind.EQUALS, "size_bytes", 3.0)

    assert limit.breaks({"size_bytes": 5.0, "size_low_bytes": 4.0, "size_high_bytes": 6.0})
    assert limit.breaks({"size_bytes": 1.0, "size_low_bytes": 0.0, "size_high_bytes": 2.0})


@pytest.mark.parametrize("measure", sorted(SIGNED))
def test_each_number_that_has_a_sign_is_measured_by_a_check(measure: str) -> None:
    """A name that nobody measures, any more or by a typo, would excuse whoever uses it next."""
    sources = (
        path.read_text() for room in ("load", "suites", "restore_drills") for path in (TREE / room).rglob("*.py")
    )

    assert any(re.search(rf"\b{measure}\b(\"|=)", source) for source in sources)
