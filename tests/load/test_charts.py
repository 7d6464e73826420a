"""The pictures of a run say what its samples say."""

from __future__ import annotations

import msgspec
import pytest

from evidence.chart import Line, Lines, encode
from load.charts import charts
from load.measurement import Measurement
from load.recorder import DROPPED
from tests.load.test_checks import measured, steady


def lines(measurement: Measurement, name: str) -> dict[str, Line]:
    """Give one chart's lines by name."""
    chart = charts(measurement)[name]
    assert isinstance(chart, Lines)
    return {line.name: line for line in chart.lines}


def test_the_distribution_is_that_of_the_samples() -> None:
    """Each share of the requests has the latency that this share was answered within, for all and for each name."""
    run = measured(steady())
    drawn = lines(run, "latencies")
    latencies = sorted(sample.latency_ms for sample in run.good)
    shares = {share: latency for latency, share in drawn["all requests"].points}

    assert {"all requests", *(sample.name for sample in run.good)} == set(drawn)
    assert shares[100] == pytest.approx(latencies[-1], abs=0.001)
    assert shares[50] == pytest.approx(latencies[len(latencies) // 2 - 1], rel=0.05)


def test_the_rate_counts_what_was_asked_and_what_was_answered() -> None:
    """A dropped arrival was asked for, and not answered."""
    samples = [
        sample._replace(error=DROPPED, status=0) if number % 4 == 0 else sample
        for number, sample in enumerate(steady())
    ]
    run = measured(samples)
    drawn = lines(run, "rate")
    asked, answered = (sum(rate for _, rate in drawn[name].points) for name in ("asked", "answered as declared"))

    assert asked == pytest.approx(len(run.window), rel=0.05)
    assert answered == pytest.approx(len(run.good), rel=0.05)


def test_a_run_without_an_answer_has_no_latencies() -> None:
    """Nothing is drawn of what was not measured, and the rate is still there."""
    run = measured([sample._replace(error="status 500", status=500) for sample in steady()])

    assert {"rate"} == set(charts(run))


def test_every_chart_can_be_read_back() -> None:
    """The gate refuses none of them, also those of a run of one sample."""
    for samples in (steady(), steady()[-1:]):
        for drawn in charts(measured(samples)).values():
            assert msgspec.json.decode(encode(drawn))["title"] == drawn.title
