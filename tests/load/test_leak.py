"""Whether memory grows, and how surely: on series whose truth is known."""

from __future__ import annotations

import dataclasses
import math
import random

import msgspec
import pytest

from evidence.release import Undeclared
from load import check_memory  # the functions' names would be collected
from load.leak import slope
from load.measurement import Measurement
from load.quantile import TooFewSamples
from load.server import NO_PROCESS, Moment, Server
from tests.load.test_checks import measured, steady


def correlated(size: int, lasting: float, seed: int) -> list[float]:
    """A series in which each value is so much of the one before, with a standard deviation of 1."""
    chance, value, series = random.Random(seed), 0.0, list[float]()  # noqa: S311 - repeatable on purpose
    for _ in range(size):
        value = lasting * value + chance.gauss(0, (1 - lasting**2) ** 0.5)
        series.append(value)
    return series


@pytest.mark.parametrize(("size", "lasting"), [(15, 0.0), (15, 0.7), (30, 0.7), (60, 0.7)])
def test_the_interval_holds_the_truth(size: int, lasting: float) -> None:
    """Of two hundred series 95 % have the true slope within it, give or take chance, though moments are correlated."""
    series = ([0.5 * at + off for at, off in enumerate(correlated(size, lasting, seed))] for seed in range(200))
    found = [slope(range(size), values) for values in series]

    assert sum(one.low <= 0.5 <= one.high for one in found) >= 184


def test_a_step_is_no_growth() -> None:
    """Memory that is taken once, and then stays, moves the median of all slopes hardly at all."""
    found = slope(range(20), [*[100.0] * 3, *[150.0] * 17])

    assert (0.0, 0.0, 50.0) == (found.middle, found.low, found.high)


def test_what_stays_as_it_is_has_no_slope() -> None:
    """Equal values are the commonest series of all, and no division by their variance."""
    assert (0.0, 0.0, 0.0) == slope(range(15), [100.0] * 15)


def test_too_few_samples_tell_nothing() -> None:
    """Of seven no interval is made up."""
    with pytest.raises(TooFewSamples, match="measure longer"):
        slope(range(7), [1.0] * 7)


def with_server(run: Measurement, seen: Server) -> Measurement:
    """The run, and what was seen beside it."""
    return dataclasses.replace(run, server=seen)


def server(grown_mib: float) -> Server:
    """Two processes for five seconds, one of which grows, and others that come and go."""
    chance = random.Random(3)  # noqa: S311 - repeatable on purpose
    return Server(
        moments=tuple(
            Moment(
                at_s=number / 4,
                own_mib={
                    "service 1": 100 + grown_mib * number / 4 + chance.random() / 10,
                    "database 2": 50.0,
                    **({f"job {number}": 30.0} if number % 3 else {}),
                },
            )
            for number in range(20)
        )
    )


def test_growth_is_counted_by_requests() -> None:
    """One MiB a second at 100 requests a second is 10 MiB in 1,000; what comes and goes is left out."""
    run = measured(steady())
    finding = check_memory.check_memory_does_not_grow(with_server(run, server(1.0)))

    assert finding.measured["grown_per_1000_requests_mib"] == pytest.approx(10, abs=0.5)
    assert (
        9
        < finding.measured["grown_per_1000_requests_low_mib"]
        < finding.measured["grown_per_1000_requests_high_mib"]
        < 11
    )
    assert (2, 16) == (finding.measured["processes_total"], finding.measured["samples_total"])
    assert finding.detail.endswith("service 1 gained most")


def test_memory_that_is_no_number_is_no_growth_of_nothing() -> None:
    """It stays what it is, which the judge takes for no measurement."""
    torn = tuple(msgspec.structs.replace(one, own_mib={"service 1": math.nan}) for one in server(0.0).moments)
    found = check_memory.check_memory_does_not_grow(with_server(measured(steady()), Server(moments=torn))).measured

    assert math.isnan(found["surely_grown_per_1000_requests_mib"])


def test_memory_that_nobody_sees_is_not_verified() -> None:
    """An address alone shows none: the check is skipped, with the mend."""
    with pytest.raises(Undeclared, match=r"TARGET_PID.*not_applicable"):
        check_memory.check_memory_does_not_grow(with_server(measured(steady()), Server(notes=(NO_PROCESS,))))


def test_memory_that_was_only_seen_before_is_not_verified() -> None:
    """A sampler that died before the window opened saw nothing of it."""
    early = tuple(msgspec.structs.replace(one, at_s=one.at_s - 100) for one in server(1.0).moments)

    with pytest.raises(TooFewSamples, match="while requests were answered"):
        check_memory.check_memory_does_not_grow(with_server(measured(steady()), Server(moments=early)))
