"""The pictures of a run say what its samples say."""

from __future__ import annotations

import dataclasses
import math

import msgspec
import pytest

from evidence.chart import MOST_LINES, Line, Lines, Table, encode
from load.baseline import Compared
from load.by_name import COLUMNS, by_name
from load.charts import charts
from load.compared_charts import BEFORE, NOW, compared_charts
from load.measurement import Measurement
from load.paired import Pair, difference
from load.quantile import effective_size, interval, ordered
from load.recorder import DROPPED
from load.server import Moment, Server
from load.summary import summary
from tests.load.test_baseline import pairs
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

    assert {"all requests"} == set(drawn), "one kind of request is all there is"
    assert shares[100] == pytest.approx(latencies[-1], abs=0.001)
    assert shares[50] == pytest.approx(latencies[len(latencies) // 2 - 1], rel=0.05)


def test_the_rate_counts_what_was_asked_and_what_was_answered() -> None:
    """A dropped arrival was asked for, and not answered; nor was one that failed, which is another thing."""
    samples = [
        sample._replace(error=DROPPED if number % 8 else "status 500", status=0) if number % 4 == 0 else sample
        for number, sample in enumerate(steady())
    ]
    run = measured(samples)
    drawn = lines(run, "rate")
    asked, answered, failed, dropped = (
        sum(rate for _, rate in drawn[name].points) for name in ("asked", "answered", "failed", "dropped")
    )

    assert asked == pytest.approx(len(run.window), rel=0.05)
    assert answered == pytest.approx(len(run.good), rel=0.05)
    assert (50, 50) == (failed, dropped)


def test_an_answer_counts_when_it_is_complete() -> None:
    """A release that stalls answers nothing in that second, whenever it was asked."""
    stalled = [
        one._replace(latency_ms=(4 - one.at_s) * 1000 + 1) if 2 <= one.at_s < 4 else one._replace(latency_ms=1.0)
        for one in steady()
    ]
    drawn = lines(measured(stalled), "rate")

    assert [(1, 100), (2, 0), (3, 0), (4, 300)] == [(at, round(rate, -1)) for at, rate in drawn["answered"].points]


def test_percentiles_are_those_of_each_second() -> None:
    """The line of the limit comes first, and only the second that was slow is higher."""
    slow = [one._replace(latency_ms=900.0 if 3 <= one.at_s < 4 else 20.0) for one in steady()]
    drawn = charts(measured(slow))["percentiles"]
    assert isinstance(drawn, Lines)

    assert ["95 % within", "50 % within", "99 % within"] == [line.name for line in drawn.lines[:3]]
    assert ((1, 20), (2, 20), (3, 900), (4, 20)) == drawn.lines[0].points


def test_the_percentile_of_each_window_has_its_interval() -> None:
    """It holds the percentile, and is that of the window's requests; where they come too rarely windows are longer."""
    run = measured(steady())
    drawn = lines(run, "percentiles")
    first = [one.latency_ms for one in run.good if one.at_s < 2]
    rare = lines(measured([one for number, one in enumerate(steady()) if number % 2 == 0]), "percentiles")

    low, middle, high = (
        [value for _, value in drawn[name].points]
        for name in ("95 % within, at least", "95 % within", "95 % within, at most")
    )
    assert (4, True) == (len(low), all(a <= b <= c and a < c for a, b, c in zip(low, middle, high, strict=True)))
    assert interval(ordered(first), 0.95, effective_size(first, 0.95)) == pytest.approx((low[0], high[0]), abs=0.001)
    assert [1.0, 3.0] == [at for at, _ in rare["95 % within, at most"].points]


def test_of_too_few_requests_no_upper_end_is_drawn() -> None:
    """An end that is not known is no line; what the percentile is at least is known of any."""
    few = lines(measured([one for one in steady() if 1 <= one.at_s < 1.5]), "percentiles")

    assert {"95 % within", "50 % within", "99 % within", "95 % within, at least"} == set(few)
    assert few["95 % within, at least"].points[0][1] < few["95 % within"].points[0][1]


def test_all_that_goes_over_time_has_one_axis() -> None:
    """From the beginning of what is judged to its end, whatever was seen when."""
    moments = tuple(Moment(at_s=at, cpu_cores=0.5, own_mib={"1": 9.0}, connections=1) for at in (2.5, 3.5))
    run = dataclasses.replace(measured(steady()), server=Server(moments=moments))
    timed = {name: chart for name, chart in charts(run).items() if isinstance(chart, Lines) and chart.x.unit == "s"}

    assert {"percentiles", "rate", "processor", "memory", "connections", "generator"} == set(timed)
    assert {(1.0, 5.0)} == {chart.reach for chart in timed.values()}


def test_each_kind_has_a_row_and_all_together_come_first() -> None:
    """Percentiles with their interval, errors with theirs, what was asked and answered; a dropped arrival was asked."""
    samples = [
        one._replace(name="rare", error=DROPPED, status=0, latency_ms=math.nan, service_ms=math.nan)
        if number % 8 == 0
        else one._replace(error="429 instead of 200", status=429)
        if number % 50 == 1
        else one
        for number, one in enumerate(steady())
    ]
    table = by_name(summary(measured(samples), {}))
    every, home, rare = (dict(zip(COLUMNS, row, strict=True)) for row in (*table.rows, ("",) * len(COLUMNS))[:3])

    assert ("all requests", "home", "100.0/s") == (every["requests"], home["requests"], every["asked"])
    assert ("2.29%", "8") == (every["failed"], every["refused (429)"])
    assert every["p50"] == home["p50"] != "-"
    assert rare["requests"] == ""
    assert table == msgspec.json.decode(encode(table), type=Table)


def test_each_kind_of_request_has_a_line_and_those_left_out_are_told() -> None:
    """All come first, then the most frequent; a lone kind is all there is, and a blank name is still a name."""
    kinds = [one._replace(name=f"kind {min(number % 16, 9)}") for number, one in enumerate(steady())]
    many = charts(measured(kinds))["latencies"]
    blank = lines(
        measured([one._replace(name=" " if number % 2 else "a") for number, one in enumerate(steady())]), "latencies"
    )
    assert isinstance(many, Lines)

    assert ["all requests", "kind 9"] == [many.lines[0].name, many.lines[-1].name]
    assert (MOST_LINES, True) == (len(many.lines), "3 more kinds of requests" in many.description)
    assert {"all requests", "a", "' '"} == set(blank)


def test_a_run_without_an_answer_has_no_latencies() -> None:
    """Nothing is drawn of what was not measured, and the rate is still there."""
    run = measured([sample._replace(error="status 500", status=500) for sample in steady()])

    assert {"rate", "generator"} == set(charts(run))


def test_every_chart_can_be_read_back() -> None:
    """The gate refuses none of them, also those of a run of one sample."""
    for samples in (steady(), steady()[-1:]):
        for drawn in charts(measured(samples)).values():
            assert msgspec.json.decode(encode(drawn))["title"] == drawn.title


def test_the_comparison_is_drawn_as_it_is_judged() -> None:
    """At the percentile of the limit the difference and its interval are the very ones that the check measures."""
    compared = Compared(tuple(pairs(8, 1.5)))
    drawn = compared_charts(compared)["slower"]
    assert isinstance(drawn, Lines)
    at_limit = {line.name: dict(line.points)[95] for line in drawn.lines}
    found = difference(compared.pairs, 0.95)

    expected = {"difference": found.middle, "at least": found.low, "at most": found.high}
    assert pytest.approx(expected, abs=0.001) == at_limit
    assert [("y", "p95_slower_ms", 95)] == [(mark.axis, mark.measure, mark.at) for mark in drawn.marks]


def test_both_distributions_are_drawn_on_one_axis() -> None:
    """This release's comes first, and one that is slower by half lies to the right everywhere."""
    drawn = compared_charts(Compared(tuple(pairs(8, 1.5, moves=0.0))))["compared"]
    assert isinstance(drawn, Lines)
    now, before = (line.points for line in drawn.lines)

    assert [NOW, BEFORE] == [line.name for line in drawn.lines]
    assert all(slow > fast for (slow, _), (fast, _) in zip(now, before, strict=True))


@pytest.mark.parametrize(
    "compared",
    [Compared(problem="it is not there"), Compared(tuple(pairs(5, 1.0))), Compared((*pairs(6, 1.0), Pair([], [1.0])))],
)
def test_what_cannot_be_compared_is_not_drawn(compared: Compared) -> None:
    """No line is made up where the check has no interval."""
    assert {} == compared_charts(compared)


def test_the_comparison_can_be_read_back() -> None:
    """The gate refuses neither chart, also where this release is the faster one."""
    for drawn in compared_charts(Compared(tuple(pairs(6, 0.5)))).values():
        assert msgspec.json.decode(encode(drawn))["title"] == drawn.title
