"""What the recorder makes of what happens, by a clock that the test moves."""

from __future__ import annotations

import math

import pytest

from load.config import Request
from load.recorder import DROPPED, UNANSWERED, Answer, Recorder
from load.schedule import Arrival


class Clock:
    """Seconds that pass when told to."""

    def __init__(self) -> None:
        """Start anywhere but at zero."""
        self.now = 1000.0

    def __call__(self) -> float:
        """Tell the time."""
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The recorder's clock."""
    clock = Clock()
    monkeypatch.setattr("time.perf_counter", clock)
    return clock


@pytest.fixture
def recorder(clock: Clock) -> Recorder:
    """Two arrivals, at 1 and 2 s; the clock stands at 0."""
    request = Request(name="home", path="/")
    recorder = Recorder([Arrival(1.0, request), Arrival(2.0, request)])
    recorder.begin()
    assert 1000.0 == clock.now
    return recorder


def test_latency_counts_from_the_intended_start(recorder: Recorder, clock: Clock) -> None:
    """A request that had to wait 4 s for a user and took 0.1 s has a latency of 4.1 s; the wait is no slip of ours."""
    clock.now = 1001.01
    recorder.hand_over(0, free=False)
    clock.now = 1005.0
    recorder.send(0)
    recorder.answer(0, Answer(100.0, 200, 7, ""))
    sample = recorder.samples()[0]

    assert (4100.0, 100.0, 200, 7, "") == (sample.latency_ms, sample.service_ms, sample.status, sample.size_bytes, "")
    assert pytest.approx(10.0) == sample.slip_ms
    assert pytest.approx(5.1) == sample.finished_s
    assert pytest.approx(4100.0) == recorder.recent_p95_ms()


def test_what_leaves_late_although_a_user_was_free_is_our_slip(recorder: Recorder, clock: Clock) -> None:
    """Up to the sending it is ours."""
    clock.now = 1001.01
    recorder.hand_over(0, free=True)
    clock.now = 1001.25
    recorder.send(0)

    assert pytest.approx(250.0) == recorder.samples()[0].slip_ms


def test_what_is_in_flight_at_the_end_is_unanswered(recorder: Recorder, clock: Clock) -> None:
    """It has waited until now, at least, and is an error that is never lost."""
    recorder.hand_over(0, free=True)
    clock.now = 1001.0
    recorder.send(0)
    clock.now = 1011.0
    sample = recorder.samples()[0]

    assert (UNANSWERED, 0, 10_000.0, 10_000.0) == (sample.error, sample.status, sample.latency_ms, sample.service_ms)
    assert 1 == recorder.in_flight


def test_what_was_never_sent_is_dropped_and_has_no_latency(recorder: Recorder) -> None:
    """Neither an arrival without a free user in time nor one that we did not get to has a latency."""
    recorder.hand_over(0, free=False)
    recorder.drop()
    first, second = recorder.samples()

    assert (DROPPED, DROPPED, 0) == (first.error, second.error, recorder.in_flight)
    assert math.isnan(first.latency_ms)
    assert math.isnan(second.slip_ms)


def test_errors_are_counted_as_they_come(recorder: Recorder) -> None:
    """The progress line tells failures before the end."""
    for number, error in enumerate(("", "500 instead of 200")):
        recorder.hand_over(number, free=True)
        recorder.send(number)
        recorder.answer(number, Answer(1.0, 200, 0, error))

    assert (2, 0, 1) == (recorder.finished, recorder.in_flight, recorder.errors)
