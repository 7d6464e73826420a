"""Pictures are drawn to scale, whatever their numbers are."""

from __future__ import annotations

import math

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evidence.chart import MOST, SMALLEST, Axis, Line, Lines, Span
from reports.model import ChartLimit, JudgedChart
from reports.render.plot import BOTTOM, HEIGHT, LEFT, RIGHT, TOP, TRACK, WIDTH, Plot, bars, plot, spark
from tests.evidence.test_chart import LINES

POSITIVE, ANY, BEYOND = st.floats(SMALLEST, MOST), st.floats(-MOST, MOST), st.floats(allow_nan=False)
POINTS = st.sampled_from(["linear", "log"]).flatmap(
    lambda scale: st.tuples(
        st.just(scale), st.lists(st.tuples(*[POSITIVE if scale == "log" else ANY] * 2), min_size=1, max_size=9)
    )
)
LIMIT = ChartLimit(axis="y", measure="p95_ms", value=100.0)


def drawn(chart: Lines, *limits: ChartLimit, before: Lines | None = None) -> Plot:
    """Lay a chart out as the gate gives it."""
    return plot(
        JudgedChart(check="LOAD-001", stage="load", path="a.chart.json", chart=chart, before=before, limits=limits)
    )


def places(points: str) -> list[tuple[float, float]]:
    """Read an SVG's points."""
    return [(float(x), float(y)) for x, y in (pair.split(",") for pair in points.split())]


def lines(*points: tuple[float, float], scale: str = "linear") -> Lines:
    """Make a chart of one line."""
    axis = Axis(label="a", scale=scale)  # type: ignore[arg-type]
    return msgspec.structs.replace(LINES, x=axis, y=axis, lines=(Line(name="one", points=points),), reach=None)


def test_a_line_is_to_scale_and_ticks_are_round() -> None:
    """Half the number is half the way, and the axis is labelled in steps that people count in."""
    got = drawn(lines((0, 0), (50, 50), (100, 100)))
    half_x, half_y = LEFT + (WIDTH - LEFT - RIGHT) / 2, TOP + (HEIGHT - TOP - BOTTOM) / 2

    assert places(got.lines[0].points)[1] == pytest.approx((half_x, half_y), abs=0.1)
    assert ["0", "20", "40", "60", "80", "100"] == [tick.label for tick in got.y_ticks]


def test_an_axis_reaches_as_far_as_it_is_told() -> None:
    """Where two pictures have one axis in common, the same time is at the same place in both."""
    short, long = lines((2, 1), (4, 1)), lines((0, 1), (4, 1), (8, 1))
    told = drawn(msgspec.structs.replace(short, reach=(0.0, 8.0)))

    assert places(told.lines[0].points)[1] == places(drawn(long).lines[0].points)[1]
    assert places(told.lines[0].points)[1] != places(drawn(short).lines[0].points)[1]


def test_a_log_axis_gives_each_decade_the_same_room() -> None:
    """From 1 to 10 is as far as from 10 to 100."""
    one, ten, hundred = (x for x, _ in places(drawn(lines((1, 1), (10, 10), (100, 100), scale="log")).lines[0].points))

    assert hundred - ten == pytest.approx(ten - one, abs=0.2)


def test_a_limit_far_away_is_still_seen() -> None:
    """The axis reaches the limit, so that nobody takes the top of the picture for it."""
    got = drawn(lines((0, 1), (1, 2)), LIMIT)

    assert ("y", "100 ms", None) == (got.bounds[0].axis, got.bounds[0].label, got.bounds[0].about)
    assert TOP <= got.bounds[0].at <= HEIGHT - BOTTOM


@given(POINTS, BEYOND)
def test_everything_stays_inside(given_points: tuple[str, list[tuple[float, float]]], limit: float) -> None:
    """Whatever is measured, lines, ticks and limits lie within the picture; a limit that has no place has none."""
    scale, points = given_points
    got = drawn(lines(*sorted(points), scale=scale), msgspec.structs.replace(LIMIT, value=limit))

    for x, y in places(got.lines[0].points):
        assert LEFT - 0.1 <= x <= WIDTH - RIGHT + 0.1
        assert TOP - 0.1 <= y <= HEIGHT - BOTTOM + 0.1
    assert all(TOP - 0.1 <= tick.at <= HEIGHT - BOTTOM + 0.1 for tick in got.y_ticks)
    assert all(TOP - 0.1 <= bound.at <= HEIGHT - BOTTOM + 0.1 for bound in got.bounds)
    assert len(got.y_ticks) < 20
    assert ((SMALLEST if scale == "log" else -MOST) <= limit <= MOST) == bool(got.bounds)


@given(st.lists(BEYOND | st.none(), min_size=1), BEYOND)
def test_a_sparkline_stays_inside(numbers: list[float | None], limit: float) -> None:
    """A number below zero lies at the bottom, the largest below the top."""
    line, bound = spark(numbers, limit, 120, 24)

    assert all(0 <= y <= 24 for y in (bound, *(y for _, y in places(line))))


def test_a_limit_of_a_share_stands_at_that_share() -> None:
    """Where 95 % are to be within 100 ms, the picture says both numbers, and where they meet."""
    limit = ChartLimit(axis="x", measure="p95_ms", value=100.0, at=95.0)
    (bound,) = drawn(lines((0, 0), (200, 100)), limit).bounds
    (broken,) = drawn(lines((0, 0), (200, 100)), msgspec.structs.replace(limit, at=100.0)).bounds

    assert ("100 ms", "95") == (bound.label, bound.about.label if bound.about else None)
    assert LEFT + (WIDTH - LEFT - RIGHT) / 2 == bound.at
    assert broken.about
    assert TOP == broken.about.at


def test_a_line_of_one_point_is_a_dot() -> None:
    """It is drawn from itself to itself: a single point of an SVG line is not seen."""
    first, second = places(drawn(lines((3, 3))).lines[0].points)

    assert first == second


def test_the_baseline_of_what_matters_is_drawn_behind_and_in_the_table() -> None:
    """Its line of the candidate's first name comes first, so that the candidate's is on top of it."""
    before = lines((0, 3), (1, 4))
    other = msgspec.structs.replace(before, lines=(Line(name="other", points=((0, 9),)), *before.lines))
    got = drawn(lines((0, 1), (1, 2)), before=other)

    assert [("one", True), ("one", False)] == [(line.name, line.before) for line in got.lines]
    assert (["a", "one", "one, baseline"], [["0", "1", "3"], ["1", "2", "4"]]) == (got.header, got.rows)


def test_numbers_are_a_table_by_what_the_lines_share() -> None:
    """A row for each x, or for each y where those are fewer, gaps shown as such; what has neither is a row a point."""
    first = Line(name="a", points=((1, 10), (2, 20)))

    def rows(*others: tuple[float, float]) -> list[list[str]]:
        return drawn(msgspec.structs.replace(LINES, lines=(first, Line(name="b", points=others)))).rows

    assert [["1", "10", "30"], ["2", "20", "40"]] == rows((1, 30), (2, 40))
    assert [["10", "1", "3"], ["20", "2", "4"]] == rows((3, 10), (4, 20))
    assert [["1", "10", "-"], ["2", "20", "30"], ["3", "-", "40"]] == rows((2, 30), (3, 40))
    assert [["a", "1", "10"], ["a", "2", "20"], ["b", "3", "5"], ["b", "3", "5"]] == rows((3, 5), (3, 5))


def test_names_along_an_axis_fit_beside_it() -> None:
    """A long name is cut in the picture, whole in the table, and none has a dangling unit."""
    long = msgspec.structs.replace(LINES, x=Axis(label="x" * 300), y=Axis(label="latency", unit="ms"))
    got = drawn(long)

    assert (44, "latency, ms", "x" * 300) == (len(got.x_name), got.y_name, got.header[0])


def test_steps_lie_on_one_track_in_their_order() -> None:
    """The longest end is the track's, a step too short to be seen is drawn all the same, the whole before its parts."""
    got = bars((Span(name="b", start_s=5, end_s=10), Span(name="a", start_s=0, end_s=0.0001)))

    assert ["a", "b"] == [bar.name for bar in got]
    assert (0, True) == (got[0].x, got[0].width > 1)
    assert (TRACK / 2, TRACK / 2) == (got[1].x, got[1].width)
    assert [] == bars(())
    whole, part = Span(name="whole", start_s=0, end_s=9), Span(name="part", start_s=0, end_s=3)
    assert [("whole", None), ("part", 2)] == [
        (bar.name, bar.before) for bar in bars((part, whole), (Span(name="part", start_s=4, end_s=6),))
    ]


def test_a_sparkline_leaves_gaps_out_and_has_its_limit() -> None:
    """What was not measured is no zero."""
    points, limit = spark([50, None, 100], 100, 100, 10)

    assert [(0, 5.2), (100, 0.5)] == places(points)
    assert math.isclose(limit, 0.5)
