"""Whether everything stood still is seen, however rarely it does, and nothing else is taken for it."""

from __future__ import annotations

from load import check_stalls  # the functions' names would be collected
from load.check_stalls import Silence, longest_silence
from load.measurement import Vitals
from load.recorder import DROPPED, UNANSWERED, Sample
from tests.load.test_checks import measured, sample, steady


def stalling(begins_s: float, ends_s: float) -> list[Sample]:
    """100 a second; between the two nothing is answered, and at its end everything at once."""
    return [
        sample(at, latency_ms=1000 * (ends_s - at) + 1 if begins_s <= at < ends_s else 10.0)
        for at in (1 + number / 100 for number in range(400))
    ]


def test_a_stall_is_as_long_as_nothing_was_answered() -> None:
    """From the first arrival that waited to the first answer, and how many had come by then."""
    longest = longest_silence(stalling(2.0, 2.8), 5.0)

    assert (0.801, 2.0, 81) == (round(longest.lasted_s, 3), round(longest.since_s, 3), longest.waiting)


def test_a_stall_that_outlasts_the_window_counts_until_its_end() -> None:
    """What had no answer by then has waited until then."""
    lost = [sample(at, latency_ms=9000.0, status=0, error=UNANSWERED) for at in (4.0, 4.01, 4.02, 4.03, 4.04)]

    assert (1.0, 5) == longest_silence([sample(3.5), *lost], 5.0)[::2]


def test_one_slow_request_is_no_stall() -> None:
    """Others are answered beside it, or there are too few to call it everybody's."""
    assert Silence() == longest_silence([sample(1.0, latency_ms=3000.0), sample(1.2, latency_ms=2000.0)], 5.0)
    assert longest_silence([sample(1.0, latency_ms=3000.0), *steady()], 5.0).lasted_s < 0.2


def test_a_pause_of_ours_is_not_the_release_s() -> None:
    """Our own longest delay is taken off, since both may have been at the same moment."""
    paused = Vitals(lag_ms=[1.0] * 40 + [600.0], cpu_ratio=[0.2])
    finding = check_stalls.check_nothing_stops(measured(stalling(2.0, 2.8), paused))

    assert {"longest_stall_ms": 201, "generator_lag_max_ms": 600, "samples_total": 400} == {
        name: round(value) for name, value in finding.measured.items()
    }
    assert (
        "for 801 ms, 2.0 s after the load began, nothing was answered while 81 requests came to wait" in finding.detail
    )


def test_a_release_that_never_stops_says_so() -> None:
    """Arrivals that found no user were not asked of the release."""
    dropped = [sample(2.0 + number / 1000, latency_ms=float("nan"), status=0, error=DROPPED) for number in range(9)]
    quick = [sample(1 + number / 100, latency_ms=5.0) for number in range(400)]
    finding = check_stalls.check_nothing_stops(measured([*quick, *dropped]))

    assert (0.0, "never were 5 requests waiting without an answer to any") == (
        finding.measured["longest_stall_ms"],
        finding.detail,
    )
