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


def test_what_cannot_be_bounded_is_on_no_side() -> None:
    """Fifty requests bound no 95th percentile."""
    assert straddles([1.0] * 50, 100.0, 0.95)
    assert not enough(load(**TIMES, held_ms=100), [1.0] * 50)


@pytest.mark.parametrize(("p95_ms", "wrong"), [(99.9, "fail"), (100.1, "pass")])
def test_looking_again_does_not_make_mistakes_more_likely(p95_ms: float, wrong: str) -> None:
    """On the limit itself, where luck decides and the longest is measured: 2.5 % of runs may be wrong on one side."""
    said = [decide(p95_ms, random.Random(number)) for number in range(300)]  # noqa: S311 - repeatable on purpose

    assert sum(seconds == 60 for _, seconds in said) > 200
    assert sum(outcome == wrong for outcome, _ in said) <= 0.05 * len(said)
    assert LIMIT_MS == 100
