"""A number is worse than the baseline's only beyond share, noise floor and chance; what creeps is caught too."""

from __future__ import annotations

import random
from itertools import combinations
from pathlib import Path

import msgspec
import pytest

from evidence.errors import InputError
from evidence.model import Outcome
from reports import policy
from reports.baseline import Comparison
from reports.limits import Kind, Limit
from reports.model import Change, Judgement
from reports.regression import NOISE, Reference, Regression, compare
from reports.seen import Seen
from reports.two_sample import p_value, rank_sum, thinned, upper_tail
from tests.reports.world import CATALOGUE, CSRF, DEPS, LOAD, POLICY, gate_with, load, measured

P95 = Regression(measure="p95_ms", kind=Kind.MAX, worse_by=0.2, floor=5, drift=0.4)
RATE = Regression(measure="rate_per_s", kind=Kind.MIN, worse_by=0.1, floor=2)
CASES: dict[str, tuple[Regression, float, Reference, bool]] = {
    "no worse": (P95, 50, Reference(baseline=50), False),
    "better": (P95, 10, Reference(baseline=50), False),
    "beyond both": (P95, 61, Reference(baseline=50), True),
    "exactly the share": (P95, 60, Reference(baseline=50), False),
    "beyond the share, within the noise": (P95, 9, Reference(baseline=4.5), False),
    "exactly the noise": (P95, 9.5, Reference(baseline=4.5), False),
    "beyond the noise, within the share": (P95, 590, Reference(baseline=500), False),
    "by chance": (P95, 61, Reference(baseline=50, p_value=0.01), False),
    "not by chance": (P95, 61, Reference(baseline=50, p_value=0.0099), True),
    "from nothing, beyond the noise": (P95, 5.1, Reference(baseline=0), True),
    "from nothing, within the noise": (P95, 5, Reference(baseline=0), False),
    "creeping": (P95, 59, Reference(baseline=50, best=42), True),
    "creeping, by chance": (P95, 59, Reference(baseline=50, best=42, p_value=0.9), True),
    "creeping within the drift": (P95, 58.8, Reference(baseline=50, best=42), False),
    "creeping within the noise": (P95, 8, Reference(baseline=7, best=4), False),
    "creeping without a cap": (RATE, 70, Reference(baseline=75, best=100), False),
    "down is worse": (RATE, 80, Reference(baseline=100), True),
    "up is better": (RATE, 130, Reference(baseline=100), False),
    "down within the share": (RATE, 90, Reference(baseline=100), False),
}


@pytest.mark.parametrize(("regression", "value", "reference", "worse"), CASES.values(), ids=CASES)
def test_worse_is_beyond_share_and_floor_and_chance(
    regression: Regression, value: float, reference: Reference, *, worse: bool
) -> None:
    """Both must be exceeded, in the direction that is worse; samples may excuse a step, and never a drift."""
    assert worse == compare(regression, {regression.measure: value}, reference).worse


def with_reference(
    found: Seen, reference: Reference | None, regression: Regression = P95
) -> tuple[Judgement, str, str]:
    """Judge the load rule with a comparison, and return judgement, reason and warning."""
    rule = msgspec.structs.replace(LOAD, regression=regression)
    rules = msgspec.structs.replace(POLICY, rules=(DEPS, CSRF, rule))
    comparison = Comparison(references={"LOAD-001": reference} if reference else {})
    judged = gate_with(rules, found, comparison=comparison).rules[2]
    return judged.judgement, judged.reason, judged.warning


def test_a_regression_fails_within_the_limit() -> None:
    """71.5 ms is within 100 ms, and much worse than before: the sentence has both numbers, and what is tolerated."""
    assert (
        Judgement.FAIL,
        (
            "p95_ms is 71.5 ms, 78.75 % worse than the baseline, 40 ms (p = 0.0001); 20 % and 5 ms are tolerated "
            "(measured at another time, perhaps on another machine: the noise of both is in the difference)."
        ),
        "",
    ) == with_reference(load(), Reference(baseline=40, p_value=0.0001))


def test_a_drift_fails_with_its_own_words() -> None:
    """The step is tolerated, the way from the best is not."""
    assert (
        Judgement.FAIL,
        (
            "p95_ms is 71.5 ms, 78.75 % worse than the best of the last promoted runs, 40 ms; 40 % and 5 ms are "
            f"tolerated{NOISE}."
        ),
        "",
    ) == with_reference(load(), Reference(baseline=70, best=40))


def test_what_may_be_chance_is_a_warning() -> None:
    """It passes, and is not hidden."""
    judgement, reason, warning = with_reference(load(), Reference(baseline=40, p_value=0.3))

    assert (Judgement.PASS, "p95_ms is 71.5 ms, within its limit of 100 ms.") == (judgement, reason)
    assert (
        "p95_ms is 71.5 ms, 78.75 % worse than the baseline, 40 ms (p = 0.3); 20 % and 5 ms are tolerated"
        f"{NOISE}, but this may be chance" == warning
    )


def test_an_absolute_limit_counts_whatever_the_baseline_was() -> None:
    """A release that is as bad as the one before is bad; both reasons are given where both hold."""
    slow = measured(p95_ms=150, samples_total=900)

    assert Judgement.FAIL is with_reference(slow, Reference(baseline=150))[0]
    assert (
        "above its limit of 100 ms; p95_ms is 150 ms, 200 % worse than"
        in with_reference(slow, Reference(baseline=50))[1]
    )


@pytest.mark.parametrize(("low", "judgement"), [(60.0, Judgement.PASS), (60.1, Judgement.FAIL), (72.0, Judgement.FAIL)])
def test_a_number_is_worse_by_its_whole_confidence_interval(low: float, judgement: Judgement) -> None:
    """What may be bad luck is a warning: the better end of the interval must be beyond what is tolerated, too.

    A number outside of its own interval has none, and stands for itself.
    """
    found = measured(p95_ms=71.5, p95_low_ms=low, p95_high_ms=80, samples_total=900)
    rule = msgspec.structs.replace(
        CSRF, check="LOAD-001", regression=P95, limits=(Limit(Kind.MIN, "samples_total", 1),)
    )
    rules = msgspec.structs.replace(POLICY, rules=(DEPS, CSRF, rule))
    comparison = Comparison(references={"LOAD-001": Reference(baseline=50)})
    judged = gate_with(rules, found, comparison=comparison).rules[2]

    assert (judgement, judgement is Judgement.PASS) == (judged.judgement, "may be chance" in judged.warning)


def test_a_drift_that_may_be_bad_luck_is_a_warning() -> None:
    """The way from the best counts with the whole interval, too."""
    found = measured(p95_ms=71.5, p95_low_ms=50, p95_high_ms=80, samples_total=900)
    judgement, _, warning = with_reference(found, Reference(baseline=70, best=40))

    assert Judgement.PASS is judgement
    assert "78.75 % worse than the best of the last promoted runs, 40 ms" in warning


def test_without_a_reference_the_limits_decide() -> None:
    """The first release passes on its limits, and fails on its limits."""
    assert Judgement.PASS is with_reference(load(), None)[0]
    assert Judgement.FAIL is with_reference(measured(p95_ms=150, samples_total=900), None)[0]


@pytest.mark.parametrize(
    "found",
    [
        measured(p95_ms=float("nan"), samples_total=900),
        measured(samples_total=900),
        measured(p95_ms=90, samples_total=3),
        load(outcome=Outcome.SKIPPED),
    ],
)
def test_a_comparison_turns_no_doubt_into_a_pass(found: Seen) -> None:
    """What is not verified without a baseline is not verified with one."""
    assert Judgement.UNVERIFIED is with_reference(found, Reference(baseline=1000, best=1000))[0]


def test_the_change_is_recorded_as_shares_that_grow_with_badness() -> None:
    """Reports show how much worse in either direction; from nothing there is no share."""
    assert (0.3, 0.4) == (
        (change := compare(P95, {"p95_ms": 65}, Reference(baseline=50, best=65 / 1.4))).ratio,
        round(change.drift or 0, 9),
    )
    assert (0.2, None) == ((change := compare(RATE, {"rate_per_s": 80}, Reference(baseline=100))).ratio, change.drift)
    assert compare(P95, {"p95_ms": 65}, Reference(baseline=0)).ratio is None


GOOD = 'regression = { p95_ms = { worse_by = "20 %", floor = 5, drift = "40 %" } }'
BESIDE = "needs an absolute limit beside it, max or min, which says what is worse"
LINK = "is an address that begins with https:// or http://, or a path"
SHARE = 'write a number above 0 and %, such as "20 %"'
ERRORS: dict[str, tuple[str, str]] = {
    "none": ("regression = {}", "5: [rules.LOAD-001] regression = {}: must be a table with something in it"),
    "two measures": (
        'regression = { p95_ms = { worse_by = "20 %", floor = 5 }, p50_ms = { worse_by = "20 %", floor = 5 } }',
        '5: [rules.LOAD-001] regression = ["p50_ms", "p95_ms"]: a rule compares one measure',
    ),
    "no absolute limit": (
        'regression = { p59_ms = { worse_by = "20 %", floor = 5 } }',
        f'5: [rules.LOAD-001] regression.p59_ms: {BESIDE}; did you mean "p95_ms"?',
    ),
    "an equality beside it": (
        'equals = { up_total = 1 }\nregression = { up_total = { worse_by = "20 %", floor = 5 } }',
        f"6: [rules.LOAD-001] regression.up_total: {BESIDE}; known are p95_ms",
    ),
    "no terms": (
        "regression = { p95_ms = 20 }",
        "5: [rules.LOAD-001] regression.p95_ms = 20: must be a table with something in it",
    ),
    "an unknown term": (
        GOOD.replace("floor", "flor"),
        '5: [rules.LOAD-001] regression.p95_ms.flor = 5: unknown key; did you mean "floor"?',
    ),
    "no share": (
        "regression = { p95_ms = { floor = 5 } }",
        f"5: [rules.LOAD-001] regression.p95_ms.worse_by: is missing; {SHARE}",
    ),
    **{
        f"a share of {value}": (
            GOOD.replace('"20 %"', value),
            f"5: [rules.LOAD-001] regression.p95_ms.worse_by = {value}: is not a share; {SHARE}",
        )
        for value in ("20", "0.2", '"20"', '"20%"', '"-20 %"', '"0 %"', '"1e2 %"', '"20 % "', '"nan %"', "true")
    },
    "no floor": (
        'regression = { p95_ms = { worse_by = "20 %" } }',
        "5: [rules.LOAD-001] regression.p95_ms.floor: a limit is a finite number",
    ),
    **{
        f"a floor of {value}": (
            GOOD.replace("floor = 5", f"floor = {value}"),
            f"5: [rules.LOAD-001] regression.p95_ms.floor = {value}: is above 0: a difference up to it is noise",
        )
        for value in ("0", "-1")
    },
    "a drift that is no share": (
        GOOD.replace('"40 %"', "40"),
        f"5: [rules.LOAD-001] regression.p95_ms.drift = 40: is not a share; {SHARE}",
    ),
    "a drift below the step": (
        GOOD.replace('"40 %"', '"19 %"'),
        '5: [rules.LOAD-001] regression.p95_ms.drift = "19 %": is not less than worse_by',
    ),
    "an owner of none": ("owner = ''", '5: [rules.LOAD-001] owner = "": is one line of text, not blank'),
    "a link that runs": (
        "doc = 'javascript:alert(1)'",
        f'5: [rules.LOAD-001] doc = "javascript:alert(1)": {LINK}',
    ),
}
TOP = 'schema = 1\nmax_age = "24 h"\n[rules.LOAD-001]\nmax = { p95_ms = 100 }\n'


def loaded(tmp_path: Path, text: str) -> policy.Policy:
    """Load a policy whose load rule has this text."""
    path = tmp_path / "policy.toml"
    path.write_text(f"{TOP}{text}\n[rules.CSRF-001]\n[rules.DEPS-001]\n", encoding="utf-8")
    return policy.load(path, CATALOGUE)


@pytest.mark.parametrize(("text", "message"), ERRORS.values(), ids=ERRORS)
def test_a_wrong_comparison_is_one_line_with_its_mend(tmp_path: Path, text: str, message: str) -> None:
    """Each mistake is refused by file, line, key and value; a comparison never stands without an absolute limit."""
    with pytest.raises(InputError) as refused:
        loaded(tmp_path, text)

    assert f"{tmp_path / 'policy.toml'}:{message}" == str(refused.value)


def test_a_comparison_an_owner_and_a_link_are_read(tmp_path: Path) -> None:
    """Shares of hundred become shares of one; the limit says the direction; the reports get owner and link."""
    rule = loaded(tmp_path, f'{GOOD}\nowner = "team api"\ndoc = "docs/load.md"').rules[0]

    assert (P95, "team api", "docs/load.md") == (rule.regression, rule.owner, rule.doc)
    assert ("team api", "docs/load.md") == (
        (judged := gate_with(msgspec.structs.replace(POLICY, rules=(DEPS, CSRF, rule)), load()).rules[2]).owner,
        judged.doc,
    )


def test_the_direction_is_the_limits(tmp_path: Path) -> None:
    """Beside a min, less is worse."""
    text = 'min = { rate_per_s = 5 }\nregression = { rate_per_s = { worse_by = "10 %", floor = 2 } }'

    assert RATE == loaded(tmp_path, text).rules[0].regression


# Two samples


def test_rank_sum_is_near_the_exact_chance() -> None:
    """Of all 462 ways to deal these eleven samples to two sides, as many are as extreme as the approximation says."""
    before, after = [1.0, 2.0, 3.0, 5.0, 8.0], [4.0, 6.0, 7.0, 9.0, 10.0, 11.0]
    whole = before + after
    seen = sum(after)
    dealt = [sum(side) for side in combinations(whole, len(after))]
    exact = sum(ranks >= seen for ranks in dealt) / len(dealt)

    assert pytest.approx(exact, abs=0.003) == rank_sum(before, after)


def test_rank_sum_counts_ties_half() -> None:
    """Equal samples are no evidence, and all equal ones none at all."""
    assert 1.0 == rank_sum([1.0] * 50, [1.0] * 50)
    assert 0.5 < rank_sum([1.0, 2.0] * 25, [1.0, 2.0] * 25) < 0.52
    assert rank_sum([1.0, 2.0] * 25, [2.0, 2.0] * 25) < 1e-6


def test_the_direction_matters() -> None:
    """Faster is not slower."""
    fast, slow = [float(n) for n in range(100)], [float(n + 40) for n in range(100)]

    assert rank_sum(fast, slow) < 1e-6
    assert rank_sum(slow, fast) > 0.999999


def test_the_quantile_test_is_hypergeometric() -> None:
    """Of 20 samples the largest 2 are both of the later 10: 45 ways of 190."""
    before, after = [float(n) for n in range(10)], [float(n) for n in range(10, 20)]

    assert pytest.approx(45 / 190) == upper_tail(before, after, 0.9)


def test_a_slow_tenth_is_seen_though_the_ranks_hardly_move() -> None:
    """This is why a percentile is not tested by ranks alone: a tenth of the requests became ten times slower."""
    noise = random.Random(1)  # noqa: S311 - reproducible, not secret
    before = [noise.uniform(10, 20) for _ in range(200)]
    after = [value * (10 if number % 10 == 0 else 1) for number, value in enumerate(before)]

    assert rank_sum(before, after) > 0.01
    assert p_value(before, after, 0.95) < 0.0001
    assert p_value(before, before, 0.95) > 0.5


def test_chance_is_rarely_called_worse() -> None:
    """Two samples of the same thing differ at 1 % in about 1 of 100 trials, with both tests together."""
    noise = random.Random(2)  # noqa: S311 - reproducible, not secret
    trials = [
        p_value([noise.expovariate(1) for _ in range(120)], [noise.expovariate(1) for _ in range(120)], 0.95)
        for _ in range(400)
    ]

    assert 10 > sum(p < 0.01 for p in trials)


@pytest.mark.parametrize(
    ("samples", "independent", "kept"),
    [([1.0, 2.0, 3.0, 4.0], 2, [1.0, 3.0]), ([1.0, 2.0], 9, [1.0, 2.0]), ([1.0, 2.0], 0, [1.0]), ([], 9, [])],
)
def test_samples_are_thinned_evenly(samples: list[float], independent: int, kept: list[float]) -> None:
    """Requests that queue behind each other are worth fewer independent ones."""
    assert kept == thinned(samples, independent)


def test_many_samples_are_capped() -> None:
    """A million requests are judged in the time of two thousand."""
    assert 2000 == len(thinned([1.0] * 1_000_000, 1_000_000))


def test_a_change_has_every_number_that_judging_again_needs() -> None:
    """Baseline, best and chance are recorded as they were given."""
    change = compare(P95, {"p95_ms": 61}, Reference(baseline=50, best=45, p_value=0.2))

    assert isinstance(change, Change)
    assert (50, 45, 0.2, 0.2, 5, 0.4) == (
        change.baseline,
        change.best,
        change.p_value,
        change.tolerated,
        change.floor,
        change.drift_tolerated,
    )
    assert Limit(Kind.MAX, "p95_ms", 100.0) in LOAD.limits
