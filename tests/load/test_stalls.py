"""Whether everything stood still is seen, however rarely it does, and nothing else is taken for it."""

from __future__ import annotations

import math
from collections.abc import Sequence

import pytest

from load import check_stalls  # the functions' names would be collected
from load.check_stalls import silences
from load.measurement import Span, Vitals
from load.recorder import DROPPED, UNANSWERED, Sample
from tests.load.test_checks import SPAN, measured, sample, steady


def stalling(begins_s: float, ends_s: float) -> list[Sample]:
    """100 a second; between the two nothing is answered, and at its end everything at once."""
    return [
        sample(at, latency_ms=1000 * (ends_s - at) + 1 if begins_s <= at < ends_s else 10.0)
        for at in (1 + number / 100 for number in range(400))
    ]


def test_a_stall_is_as_long_as_nothing_was_answered() -> None:
    """From the first arrival that waited to the first answer, and how many had come by then."""
    longest = max(silences(stalling(2.0, 2.8), 5.0))

    assert (0.801, 2.0, 81) == (round(longest.lasted_s, 3), round(longest.since_s, 3), longest.waiting)


def test_a_stall_that_outlasts_the_window_counts_until_its_end() -> None:
    """What had no answer by then has waited until then."""
    lost = [sample(at, latency_ms=9000.0, status=0, error=UNANSWERED) for at in (4.0, 4.01, 4.02, 4.03, 4.04)]

    assert (1.0, 5) == max(silences([sample(3.5), *lost], 5.0))[:3:2]


def test_one_slow_request_is_no_stall() -> None:
    """Others are answered beside it, or there are too few to call it everybody's."""
    assert not list(silences([sample(1.0, latency_ms=3000.0), sample(1.2, latency_ms=2000.0)], 5.0))
    assert max(silences([sample(1.0, latency_ms=3000.0), *steady()], 5.0)).lasted_s < 0.2


def paused(*pauses: tuple[float, float]) -> Vitals:
    """A generator that was late by so many ms, and no more at these seconds; else by next to nothing."""
    lags = sorted([*pauses, *((number / 10 + 0.05, 1.0) for number in range(50))])
    return Vitals([lag for _, lag in lags], [0.2], lag_at_s=[at_s for at_s, _ in lags])


def ends(samples: Sequence[Sample], vitals: Vitals, span: Span = SPAN) -> list[int]:
    """How long the longest stall was in ms: at least, as told, and at most."""
    found = check_stalls.check_nothing_stops(measured(samples, vitals, span)).measured
    return [round(found[f"longest_stall_{end}ms"]) for end in ("low_", "", "high_")]


def test_a_pause_of_ours_may_hide_the_release_s() -> None:
    """What of a silence we stood still in is ours or the release's: nobody can tell, so that both ends are told."""
    vitals = paused((2.7, 600.0))
    finding = check_stalls.check_nothing_stops(measured(stalling(2.0, 2.8), vitals))

    # 600 ms, and two more looks that were 1 ms late each.
    assert [199, 199, 801] == ends(stalling(2.0, 2.8), vitals)
    assert (600, 400) == (finding.measured["generator_lag_max_ms"], finding.measured["samples_total"])
    assert (
        "for 801 ms, 2.0 s after the load began, nothing was answered while 81 requests came to wait; of that at most "
        "602 ms are the generator's own" in finding.detail
    )


def test_a_pause_of_ours_at_another_time_excuses_nothing() -> None:
    """9 s of silence in 50 minutes are the release's, though we stood still as long, or longer, at another time."""
    quick = [sample(number / 10, latency_ms=10.0) for number in range(30_000)]
    silent = [one._replace(latency_ms=1000 * (2009 - one.at_s)) if 2000 <= one.at_s < 2009 else one for one in quick]
    ours = [one._replace(latency_ms=1000 * (509.5 - one.at_s)) if 500 <= one.at_s < 509.5 else one for one in silent]
    vitals, span = Vitals([9500.0], [0.2], lag_at_s=[509.5]), Span(0.0, 3000.0, 0.0)

    assert "" == measured(ours, vitals, span).unfit()
    assert [9000, 9000, 9000] == ends(silent, vitals, span)
    assert [9000, 9000, 9500] == ends(ours, vitals, span)


def test_pauses_of_several_generators_count_once() -> None:
    """Two that stood still at the same moment did so no longer than one."""
    alone, both = paused((2.5, 300.0)), paused((2.5, 300.0), (2.6, 300.0))

    assert [496, 397] == [ends(stalling(2.0, 2.8), vitals)[0] for vitals in (alone, both)]


@pytest.mark.parametrize(
    ("samples", "lag_ms"), [(steady(), math.nan), ([*steady(), sample(2.0, latency_ms=math.nan)], 1.0)]
)
def test_what_is_no_number_is_no_short_stall(samples: list[Sample], lag_ms: float) -> None:
    """Neither as a delay of ours nor as a latency."""
    with pytest.raises(ValueError, match="not a finite number"):
        check_stalls.check_nothing_stops(measured(samples, paused((2.0, lag_ms))))


def test_a_release_that_never_stops_says_so() -> None:
    """Arrivals that found no user were not asked of the release."""
    dropped = [sample(2.0 + number / 1000, latency_ms=float("nan"), status=0, error=DROPPED) for number in range(9)]
    quick = [sample(1 + number / 100, latency_ms=5.0) for number in range(400)]
    finding = check_stalls.check_nothing_stops(measured([*quick, *dropped]))

    assert (0.0, "never were 5 requests waiting without an answer to any") == (
        finding.measured["longest_stall_ms"],
        finding.detail,
    )
