"""What the recorder makes of what happens, by a clock that the test moves."""

from __future__ import annotations

import math
from array import array

import pytest

from load.recorder import DROPPED, MOST_NAMES, NOT_ASKED, REST, UNANSWERED, Answer, Recorder
from load.schedule import Plan

PLAN = Plan(array("d", [0.5, 0.0, 1.0]), array("H", [0, 0, 0]), 1, (1.0,), (4.0,))


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
    """One arrival of warm-up, at 0.5 s, and two of a window that opens at 1 s, at 1 and 2 s; the clock stands at 0."""
    recorder = Recorder(PLAN, ["home"])
    recorder.begin()
    recorder.open(1.0)
    assert 1000.0 == clock.now
    return recorder


def test_latency_counts_from_the_intended_start(recorder: Recorder, clock: Clock) -> None:
    """A request that had to wait 4 s for a user and took 0.1 s has a latency of 4.1 s; the wait is no slip of ours."""
    clock.now = 1001.01
    recorder.hand_over(1, free=False)
    clock.now = 1005.0
    recorder.send(1)
    recorder.answer(1, Answer(100.0, 200, 7, ""))
    sample = recorder.samples()[1]

    assert (4100.0, 100.0, 200, 7, "") == (sample.latency_ms, sample.service_ms, sample.status, sample.size_bytes, "")
    assert pytest.approx(10.0) == sample.slip_ms
    assert pytest.approx(5.1) == sample.finished_s
    assert pytest.approx(4100.0) == recorder.recent_p95_ms()


def test_what_leaves_late_although_a_user_was_free_is_our_slip(recorder: Recorder, clock: Clock) -> None:
    """Up to the sending it is ours."""
    clock.now = 1001.01
    recorder.hand_over(1, free=True)
    clock.now = 1001.25
    recorder.send(1)

    assert pytest.approx(250.0) == recorder.samples()[1].slip_ms


def test_what_is_in_flight_at_the_end_is_unanswered(recorder: Recorder, clock: Clock) -> None:
    """It has waited until now, at least, and is an error that is never lost."""
    recorder.hand_over(1, free=True)
    clock.now = 1001.0
    recorder.send(1)
    clock.now = 1011.0
    sample = recorder.samples()[1]

    assert (UNANSWERED, 0, 10_000.0, 10_000.0) == (sample.error, sample.status, sample.latency_ms, sample.service_ms)
    assert 1 == recorder.in_flight


def test_what_was_never_sent_has_no_latency(recorder: Recorder) -> None:
    """Neither an arrival without a free user in time nor one that we did not get to has a latency."""
    recorder.hand_over(1, free=False)
    recorder.drop(1)
    _, first, second = recorder.samples()

    assert (DROPPED, NOT_ASKED, 0) == (first.error, second.error, recorder.in_flight)
    assert math.isnan(first.latency_ms)
    assert math.isnan(second.slip_ms)


def test_errors_are_counted_as_they_come(recorder: Recorder) -> None:
    """The progress line tells failures before the end."""
    for number, error in ((1, ""), (2, "500 instead of 200")):
        recorder.hand_over(number, free=True)
        recorder.send(number)
        recorder.answer(number, Answer(1.0, 200, 0, error))

    assert (2, 0, 1) == (recorder.finished, recorder.in_flight, recorder.errors)


def test_the_window_follows_warm_up_whenever_that_ends(clock: Clock) -> None:
    """Arrivals of warm-up after its end are never asked; the window's move to its opening."""
    plan = Plan(array("d", [0.5, 3.0, 0.0, 1.0]), array("H", [0, 0, 0, 0]), 2, (2.5, 5.0), (4.0,))
    recorder = Recorder(plan, ["home"])
    recorder.begin()
    assert [] == recorder.samples()
    recorder.open(2.5)
    clock.now += 9

    assert [0.5, 2.5, 3.5] == [sample.at_s for sample in recorder.samples()]
    assert [0.5, 2.5] == [sample.at_s for sample in recorder.samples(3.0)]


def test_what_one_generator_recorded_can_be_told_to_another(recorder: Recorder, clock: Clock) -> None:
    """Row by row, nothing is lost or rounded, whatever became of the requests."""
    other = Recorder(PLAN, ["home"])
    other.begin()
    other.open(1.0)
    clock.now = 1001.01
    recorder.hand_over(0, free=True)
    recorder.send(0)
    recorder.answer(0, Answer(1.0, 503, 0, "503 instead of 200"))
    recorder.hand_over(1, free=False)
    recorder.send(1)
    recorder.answer(1, Answer(1 / 3, 200, 7, ""))
    recorder.hand_over(2, free=True)
    recorder.send(2)
    assert [0, 1] == recorder.news
    for number in (*recorder.news, 2):
        other.take(recorder.row(number))

    assert recorder.samples() == other.samples()
    assert (3, 2, 1) == (other.handed_over, other.finished, other.errors)


def test_who_asks_by_itself_is_recorded_when_it_asked(clock: Clock) -> None:
    """Before the window and within it; nothing that was asked is left out, and what has no answer is unanswered."""
    recorder = Recorder(Plan(array("d"), array("H"), 0, (2.5,), (4.0,)), ["home"])
    recorder.begin()
    clock.now = 1001.0
    recorder.answer(recorder.arrive(0, 0.5), Answer(500.0, 200, 0, ""))
    clock.now = 1002.6
    recorder.arrive(0)  # the window was to open a moment ago
    recorder.open(2.5)
    clock.now = 1003.0
    recorder.answer(recorder.arrive(recorder.kind_of("other")), Answer(7.0, 200, 0, ""))
    samples = recorder.samples()

    assert ["home", "home", "other"] == [sample.name for sample in samples]
    assert pytest.approx([0.5, 2.6, 3.0]) == [sample.at_s for sample in samples]
    assert ["", UNANSWERED, ""] == [sample.error for sample in samples]
    assert pytest.approx([500.0, 400.0, 7.0]) == [sample.latency_ms for sample in samples]


def test_a_locustfile_that_groups_nothing_has_a_rest() -> None:
    """So many names are told apart, and the rest are one: nobody reads more, and an array of kinds is finite."""
    recorder = Recorder(Plan(array("d"), array("H"), 0, (), (4.0,)), [])
    kinds = [recorder.kind_of(f"/items/{number}") for number in range(MOST_NAMES + 5)]

    assert [*range(MOST_NAMES), *[MOST_NAMES] * 5] == kinds
    assert 3 == recorder.kind_of("/items/3")
    assert REST == recorder.names[-1]
