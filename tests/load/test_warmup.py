"""The end of warm-up is where the numbers show it."""

from __future__ import annotations

import math
import random

import pytest

from load.config import Load, Request
from load.recorder import Answer, Recorder
from load.schedule import Plan, draw
from load.steering import Decision
from load.warmup import steady_from

RATE = 50


def series(seconds: float, transient: float = 0, fades_s: float = 1) -> list[float]:
    """Lognormal latencies around 30 ms, with a transient on top that fades exponentially."""
    source = random.Random(3)  # noqa: S311 - repeatable on purpose
    return [
        source.lognormvariate(math.log(30), 0.3) + transient * math.exp(-number / RATE / fades_s)
        for number in range(int(seconds * RATE))
    ]


def test_a_steady_series_has_no_warm_up() -> None:
    """Hardly anything is cut."""
    cut = steady_from(series(10))

    assert cut is not None
    assert cut < 50


def test_a_transient_that_fades_is_cut_where_it_is_gone() -> None:
    """Of 270 ms that fade with 1 s, less than a tenth of the latency is left where it is cut."""
    cut = steady_from(series(15, transient=270))

    assert cut is not None
    assert 270 * math.exp(-cut / RATE) < 10


@pytest.mark.parametrize("seconds", [1, 2, 3])
def test_what_may_still_change_is_not_steady(seconds: float) -> None:
    """The best cut lies at the end of the first half: that may be too early."""
    assert steady_from(series(seconds, transient=270)) is None


def test_equal_latencies_are_steady_and_too_few_tell_nothing() -> None:
    """No rounding error makes a transient; 49 samples are nothing."""
    assert (0, None) == (steady_from([0.1 + 0.2] * 50), steady_from([10.0] * 49))


LOAD = Load(rate_per_s=RATE, warmup_s=5, longest_warmup_s=10, duration_s=4, requests=(Request(name="home", path="/"),))


def warmed(latencies: list[float]) -> tuple[Recorder, Plan]:
    """A recorder that has seen these latencies, one each arrival of warm-up from the first on."""
    plan = draw(LOAD)
    recorder = Recorder(plan, ["home"])
    recorder.begin()
    for number, latency_ms in enumerate(latencies):
        recorder.hand_over(number, free=True)
        recorder.send(number)
        recorder.answer(number, Answer(latency_ms, 200, 2, ""))
    return recorder, plan


def test_the_window_opens_once_latencies_are_steady(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not while they fall; and what was found is kept, for the report."""
    monkeypatch.setattr(Recorder, "now_s", lambda _: 0.0)
    plan = draw(LOAD)
    service = [start * 1000 + latency for start, latency in zip(plan.at_s, series(10, transient=270), strict=False)]
    early, late = Decision(LOAD, [warmed(service[:150])[0]]), Decision(LOAD, [warmed(service)[0]])

    assert (False, None) == (early.opens(5.0), early.steady_s)
    assert late.opens(7.5)
    assert late.steady_s is not None
    assert 2 < late.span(7.5, 11.5).steady_s < 5  # type: ignore[operator]


def test_warm_up_has_an_end_and_says_that_it_was_not_seen() -> None:
    """After the longest, what happens is measured all the same; without any warm-up nothing is in doubt."""
    decision = Decision(LOAD, [warmed([])[0]])
    none = Decision(Load(rate_per_s=1, warmup_s=0, duration_s=4, requests=LOAD.requests), [])

    assert (False, True) == (decision.opens(7.5), decision.opens(10.0))
    assert (None, 0.0) == (decision.span(10.0, 14.0).steady_s, none.span(0.0, 4.0).steady_s)
