"""An interval that is looked at until it is on one side of the promise, and keeps its error rate all the same."""

from __future__ import annotations

import random

import pytest

from benchmarks.load_calibration import LIMIT_MS, decide
from load.sequential import closings, confidence, enough, straddles
from tests.load.test_config import load

TIMES = {"duration_s": 12, "longest_s": 60}


def test_looks_are_few_and_declared() -> None:
    """Where a latency is promised, each is about twice as late as the one before; else every five seconds."""
    assert (12, 26.8, 60) == closings(load(**TIMES, held_ms=100))
    assert (12, 17, 22, 27, 32, 37, 42, 47, 52, 57, 60) == closings(load(**TIMES))
    assert (10,) == closings(load(held_ms=100)) == closings(load())
    assert 12 == len(closings(load(rate_per_s=10, duration_s=2, longest_s=3600, held_ms=100)))


def test_each_look_has_its_share_of_the_errors() -> None:
    """Three looks, a third each; who looks once, or at nothing that is promised, has all of them."""
    assert pytest.approx(1 - 0.05 / 3) == confidence(load(**TIMES, held_ms=100))
    assert (
        0.95 == confidence(load(**TIMES)) == confidence(load(held_ms=100)) == confidence(load(shape="ramp", held_ms=9))
    )


def test_what_straddles_the_promise_is_measured_on() -> None:
    """However narrow the interval is: 100 ms lie within it. Without a promise that is nothing to go by."""
    around = [80.0 + number * 37 % 21 for number in range(600)]

    assert straddles(around, 99.0, 0.95)
    assert (False, True, True) == tuple(enough(load(**TIMES, **held), around) for held in HELD)


HELD: tuple[dict[str, float], ...] = ({"held_ms": 99}, {"held_ms": 120}, {})


def test_what_cannot_be_bounded_is_on_no_side_unless_it_is_above() -> None:
    """Fifty requests bound no 95th percentile from above, and a few not surely from below; none does."""
    for series in ([], [1.0] * 50, [200.0] * 29):
        assert straddles(series, 100.0, 0.98)
        assert not enough(load(**TIMES, held_ms=100), series)
    assert not straddles([200.0] * 50, 100.0, 0.98)
    assert enough(load(**TIMES, held_ms=100), [200.0] * 50)


def test_a_release_that_is_surely_too_slow_is_not_measured_for_longer() -> None:
    """Where correlation lasts so long that nothing bounds its p95 from above: of 60, none takes the longest."""
    said = [decide(200, random.Random(number), correlated_s=0.5) for number in range(60)]  # noqa: S311 - repeatable

    assert {"fail"} == {outcome for outcome, _ in said}
    assert {12.0, 26.8} >= {seconds for _, seconds in said}


@pytest.mark.parametrize("correlated_s", [0.5, 1, 3, 10])
def test_a_release_that_keeps_its_promise_is_not_blocked_by_an_early_end(correlated_s: float) -> None:
    """Of 300 at the promise itself, however long correlation lasts: no more than the error rate allows."""
    said = [decide(99.9, random.Random(number), correlated_s) for number in range(300)]  # noqa: S311 - repeatable

    assert sum(outcome == "fail" for outcome, _ in said) <= 0.05 * len(said)


@pytest.mark.parametrize(("p95_ms", "wrong"), [(99.9, "fail"), (100.1, "pass")])
def test_looking_again_does_not_make_mistakes_more_likely(p95_ms: float, wrong: str) -> None:
    """On the limit itself, where luck decides and the longest is measured: 2.5 % of runs may be wrong on one side."""
    said = [decide(p95_ms, random.Random(number)) for number in range(300)]  # noqa: S311 - repeatable on purpose

    assert sum(seconds == 60 for _, seconds in said) > 200
    assert sum(outcome == wrong for outcome, _ in said) <= 0.05 * len(said)
    assert LIMIT_MS == 100
