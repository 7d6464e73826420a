"""The statistics, against tables and against series whose truth is known."""

from __future__ import annotations

import math
import random

import pytest

from load.correlation import autocorrelation, worth
from load.quantile import (
    TooFewSamples,
    at_least,
    effective_size,
    fewest,
    interval,
    is_precise,
    nearest_rank,
    ordered,
    ranks,
)


def seeded(seed: int) -> random.Random:
    """A source of repeatable chance."""
    return random.Random(seed)  # noqa: S311 - repeatable on purpose


@pytest.mark.parametrize(
    ("size", "share", "expected"),
    [(1, 0.95, 1), (10, 0.5, 5), (10, 0.95, 10), (20, 0.95, 19), (21, 0.95, 20), (100, 0.95, 95), (100, 0.99, 99)],
)
def test_a_percentile_is_the_sample_of_the_nearest_rank(size: int, share: float, expected: int) -> None:
    """It is a latency that was measured: the smallest that the share of the samples does not exceed."""
    assert expected == nearest_rank(range(1, size + 1), share)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_what_is_no_number_has_no_rank(value: float) -> None:
    """A NaN would be sorted anywhere and hide what it covers."""
    with pytest.raises(ValueError, match="not a finite number"):
        ordered([1.0, value, 2.0])


def test_no_samples_have_no_percentile() -> None:
    """Nothing measured is not fast."""
    with pytest.raises(TooFewSamples, match="no samples"):
        nearest_rank([], 0.95)


@pytest.mark.parametrize(
    ("size", "share", "expected"),
    # The median's are those of Le Boudec's table A.1.
    [(10, 0.5, (2, 9)), (30, 0.5, (10, 21)), (70, 0.5, (27, 44)), (72, 0.95, (64, 72)), (1000, 0.95, (936, 964))],
)
def test_ranks_enclose_the_quantile_with_the_confidence(size: int, share: float, expected: tuple[int, int]) -> None:
    """The ranks are the narrowest whose tails, summed exactly, have at most 2.5 % each."""

    def below(rank: int) -> float:
        return sum(math.comb(size, k) * share**k * (1 - share) ** (size - k) for k in range(rank))

    low, high = ranks(size, share)

    assert expected == (low, high)
    assert below(low) <= 0.025 < below(low + 1)
    assert 1 - below(high) <= 0.025 < 1 - below(high - 1)


def test_too_few_samples_bound_nothing() -> None:
    """71 samples may all lie below the 95th percentile; the message says how many it takes."""
    assert 72 == fewest(0.95)
    with pytest.raises(TooFewSamples, match=r"71 independent samples cannot bound the 95% quantile; it takes 72"):
        ranks(71, 0.95)


def test_fewer_independent_samples_widen_the_interval() -> None:
    """The same latencies, worth a tenth, say less."""
    in_order = [float(number) for number in range(1, 1001)]
    alone, together = interval(in_order, 0.95), interval(in_order, 0.95, 100)

    assert (936, 964) == alone
    assert together[0] < alone[0]
    assert alone[1] < together[1] <= 1000


def test_the_interval_covers_the_truth_as_often_as_it_says() -> None:
    """Of 400 series of 300 independent latencies, about 95 % of the intervals hold the true p95."""
    source, truth, covered = seeded(1), math.exp(1.6448536), 0
    for _ in range(400):
        low, high = interval(sorted(source.lognormvariate(0, 1) for _ in range(300)), 0.95)
        covered += low <= truth <= high

    assert 0.93 <= covered / 400 <= 0.99


def test_autocorrelation_is_that_of_the_plain_formula() -> None:
    """The packed computation equals the textbook's."""
    source = seeded(2)
    values = [float(source.random() < 0.2) for _ in range(200)]
    mean = sum(values) / 200
    variance = sum((value - mean) ** 2 for value in values)
    bits = sum(1 << place for place, value in enumerate(values) if value)

    for lag in (0, 1, 7, 199):
        pairs = zip(values[: 200 - lag], values[lag:], strict=True)
        expected = sum((one - mean) * (other - mean) for one, other in pairs) / variance
        assert expected == pytest.approx(autocorrelation(bits, 200, lag))


def test_few_samples_bound_a_quantile_from_below() -> None:
    """The smallest of however few; more of them bound it closer, and none bounds nothing."""
    many = [float(number) for number in range(1, 1001)]

    assert (7.0, 7.0, 1.0) == (at_least([7.0], 0.95, 1), at_least([7.0, 9.0], 0.95, 3), at_least(many, 0.95, 3))
    assert 700 < at_least(many, 0.95, 20) < at_least(many, 0.95, 1000) < 950
    with pytest.raises(TooFewSamples):
        at_least([], 0.95, 0)


def test_the_bound_from_below_holds_as_often_as_it_says() -> None:
    """Also where correlation lasts for a tenth of the run: of 300 such series, at least 95 % keep it."""
    source, truth, kept = seeded(6), math.exp(1.6448536), 0
    for _ in range(300):
        series = [math.exp(value) for value in autocorrelated(source, 500, 50)]
        kept += at_least(sorted(series), 0.95, effective_size(series, 0.95)) <= truth

    assert kept / 300 >= 0.95


def autocorrelated(source: random.Random, size: int, samples: float) -> list[float]:
    """A normal series of the first order, whose correlation lasts for so many samples."""
    keep = math.exp(-1 / samples)
    series = [source.gauss(0, 1)]
    while len(series) < size:
        series.append(keep * series[-1] + math.sqrt(1 - keep**2) * source.gauss(0, 1))
    return series


def test_an_interval_that_is_too_narrow_is_not_given() -> None:
    """Correlation of 1 s in a run of 15 s at 50 a second: no method keeps 95 % then, and so none is tried."""
    source = seeded(7)
    worths = [effective_size([math.exp(v) for v in autocorrelated(source, 750, 50)], 0.95) for _ in range(100)]

    assert max(worths) < fewest(0.95)


def test_events_are_worth_what_they_tell() -> None:
    """Spread out they are worth all; together, few; always or never, all."""
    spread, together = [number % 10 == 0 for number in range(500)], [number < 50 for number in range(500)]

    assert (500, 500, 500) == (worth(spread), worth([True] * 500), worth([False] * 500))
    assert worth(together) < 20


def test_independent_samples_are_worth_about_their_number() -> None:
    """Chance alone takes little away, and never adds."""
    source = seeded(3)
    sizes = [effective_size([source.random() for _ in range(1000)], 0.95) for _ in range(20)]

    assert max(sizes) <= 1000
    assert sorted(sizes)[10] > 700


def test_slow_samples_that_come_together_are_worth_few() -> None:
    """A tenth of a second of correlation at 150 a second leaves a small part; one stall leaves next to nothing."""
    source, log, series = seeded(4), 0.0, []
    for _ in range(3000):
        log = math.exp(-1 / 15) * log + source.gauss(0, 1)
        series.append(math.exp(log))
    stall = [10.0] * 500 + [float(1000 - number) for number in range(100)] + [10.0] * 500

    assert 60 < effective_size(series, 0.95) < 600
    assert effective_size(stall, 0.95) < 40


def test_equal_samples_are_worth_their_number() -> None:
    """Where nothing exceeds the percentile there is nothing to come together."""
    assert 100 == effective_size([20.0] * 100, 0.95)


@pytest.mark.parametrize(
    ("values", "precise"),
    [
        ([10.0] * 71, False),
        ([10.0] * 72, True),
        ([float(number) for number in range(1, 101)] * 10, True),
        ([10.0] * 900 + [10.0 + number for number in range(100)], False),
        ([], False),
    ],
    ids=["too few", "just enough", "narrow", "a wide tail, all at once", "none"],
)
def test_measuring_stops_when_the_interval_is_narrow(values: list[float], *, precise: bool) -> None:
    """Enough independent samples around the quantile close the window; too few, or a wide tail, keep it open."""
    assert precise is is_precise(values, 0.95, 0.5)
