"""What the checks make of a measurement, and when the generator says nothing."""

from __future__ import annotations

import gzip
import math
from collections.abc import Sequence

import msgspec
import pytest

from load import checks  # the functions' names would be collected
from load.config import Load, Request
from load.measurement import Measurement, Vitals
from load.recorder import DROPPED, UNANSWERED, Sample, to_csv
from load.summary import summary

LOAD = Load(rate_per_s=100, warmup_s=1, duration_s=4, requests=(Request(name="home", path="/"),))
WELL = Vitals(lag_ms=[1.0] * 40, cpu_ratio=[0.2] * 4)


def sample(at_s: float, latency_ms: float = 20.0, status: int = 200, error: str = "", slip_ms: float = 0.5) -> Sample:
    """One request."""
    return Sample("home", at_s, latency_ms, latency_ms - slip_ms, status, 2, error, slip_ms)


def measured(samples: Sequence[Sample], vitals: Vitals = WELL) -> Measurement:
    """A run of 5 s of which the first is warm-up."""
    return Measurement(LOAD, samples, vitals)


def steady(slip_ms: float = 0.5) -> list[Sample]:
    """100 a second, all well, latencies of 1 to 100 ms well mixed."""
    return [sample(number / 100, latency_ms=1.0 + number * 37 % 100, slip_ms=slip_ms) for number in range(500)]


def test_latency_is_that_of_the_window_s_good_requests() -> None:
    """Warm-up is discarded; instant errors make nothing faster; both p95 are told."""
    errors = [sample(1 + number / 100, latency_ms=0.1, status=500, error="500 instead of 200") for number in range(300)]
    slow_start = [one._replace(latency_ms=9000.0) for one in steady() if one.at_s < 1]
    window = [one for one in steady() if one.at_s >= 1]
    found = checks.check_p95_latency(measured([*slow_start, *sorted([*window, *errors])])).measured

    assert (400, 95.0, 100.0) == (found["samples_total"], found["p95_ms"], found["max_ms"])
    assert found["p95_low_ms"] < 95.0 < found["p95_high_ms"] <= 100.0
    assert 92.0 == found["p95_with_errors_ms"]


def test_a_release_without_one_good_answer_fails() -> None:
    """No latency at all is the release's failure, and is told with its reasons."""
    refused = [sample(1 + number / 100, status=0, error="ConnectionRefusedError") for number in range(400)]

    with pytest.raises(AssertionError, match="home: 400 x ConnectionRefusedError"):
        checks.check_p95_latency(measured(refused))


def test_too_few_samples_are_no_certain_p95() -> None:
    """The percentile is shown, but without an interval, and nothing may be concluded from it."""
    finding = checks.check_p95_latency(measured([one for one in steady() if 1 <= one.at_s < 1.7]))

    assert not finding.certain
    assert "p95_ms" in finding.measured
    assert "p95_high_ms" not in finding.measured


def test_errors_are_counted_of_what_was_sent() -> None:
    """Refusals by the rate limit are counted apart too; dropped arrivals were not sent."""
    samples = [
        *(sample(1 + number / 100) for number in range(90)),
        *(sample(2, status=429, error="429 instead of 200") for _ in range(6)),
        *(sample(2, status=0, error=UNANSWERED) for _ in range(4)),
        *(sample(2, latency_ms=math.nan, status=0, error=DROPPED) for _ in range(100)),
    ]
    finding = checks.check_requests_succeed(measured(samples))

    assert {"error_ratio": 0.1, "errors_total": 10, "limited_total": 6, "samples_total": 100} == finding.measured
    assert "home: 6 x 429 instead of 200; home: 4 x unanswered" == finding.detail


def test_the_rate_is_of_answers_within_the_window() -> None:
    """What is answered after the window closes was not achieved in it, and a dropped arrival never was."""
    samples = [
        *(sample(0.5, latency_ms=1000) for _ in range(10)),
        *(sample(2) for _ in range(300)),
        *(sample(4.9, latency_ms=200) for _ in range(50)),
        *(sample(3, latency_ms=math.nan, status=0, error=DROPPED) for _ in range(50)),
    ]
    found = checks.check_arrival_rate(measured(samples)).measured

    assert {"asked_per_s": 100, "achieved_per_s": 77.5, "achieved_ratio": 0.775, "dropped_total": 50} == found


def test_a_fit_generator_has_nothing_to_say() -> None:
    """Within its bounds it adds no word."""
    assert "" == measured(steady()).unfit()


@pytest.mark.parametrize(
    ("measurement", "reason"),
    [
        (measured([*steady()[:490], *steady(slip_ms=21.0)[490:]]), "left more than 21 ms late"),
        (measured(steady(), Vitals([1.0], [0.2, 0.95])), "used 95% of a core"),
        (measured(steady(slip_ms=100.0)), "got to 97.5% of the arrivals in time"),
        (measured(steady(), Vitals([1.0], [0.2], ["an error of its own, ValueError"])), "ValueError"),
    ],
)
def test_an_unfit_generator_says_why(measurement: Measurement, reason: str) -> None:
    """Late sending, a full core, arrivals not got to, an accident of ours: each is a reason to say nothing."""
    assert reason in measurement.unfit()


def test_the_table_keeps_every_request() -> None:
    """One row an arrival, empty where something never was; the same content gives the same bytes."""
    samples = [sample(1.25), sample(1.5, latency_ms=math.nan, status=0, error=DROPPED)]
    lines = gzip.decompress(to_csv(samples)).decode().splitlines()

    assert "name,at_s,latency_ms,service_ms,status,size_bytes,error,slip_ms" == lines[0]
    assert ["home,1.25,20.0,19.5,200,2,,0.5", "home,1.5,,,0,2,dropped,0.5"] == lines[1:]
    assert bytes(4) == to_csv(samples)[4:8]  # gzip's own time of day


def test_a_group_without_an_answer_has_no_percentile() -> None:
    """The summary says null, which no reader takes for fast, and is valid JSON."""
    whole = summary(measured([sample(1, status=0, error=UNANSWERED)] * 80), {"locust": "2"})
    group = msgspec.json.decode(msgspec.json.encode(whole))["requests"]["home"]

    assert (80, None, None, {"unanswered": 80}) == (group["count"], group["p95_ms"], group["max_ms"], group["errors"])
