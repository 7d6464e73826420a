"""Geometry of charts: where axes, ticks, lines and bars come to lie. No text is made that is not a number."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import NamedTuple

from evidence.chart import MOST, SMALLEST, Axis, Chart, Line, Lines, Span
from reports.limits import figure, unit_of
from reports.model import ChartLimit, JudgedChart
from reports.render.scale import Scale

WIDTH, HEIGHT = 480, 270
LEFT, RIGHT, TOP, BOTTOM = 52, 12, 26, 42
"""The drawing in its own units, and the room around the plot: at 480 wide, text of 12 is readable on a phone."""
TRACK = 300
"""Width of a bar's track in its own units."""
FEWEST = 1.5
"""Width of a bar that would not be seen."""
LONGEST = 44
"""Characters along an axis; the table's header has all."""


class Tick(NamedTuple):
    """A number on an axis, and where it stands."""

    at: float
    label: str


class Drawn(NamedTuple):
    """One line: its name, the number of its style, its points as SVG takes them; `before` is the baseline's."""

    name: str
    style: int
    points: str
    before: bool


class Bound(NamedTuple):
    """A limit across the plot: its number, and the place and the number of the other axis that it is about, if one."""

    axis: str
    at: float
    label: str
    about: Tick | None


class Plot(NamedTuple):
    """Everything to draw of one chart of lines, and its numbers as a table."""

    x_name: str
    y_name: str
    x_ticks: list[Tick]
    y_ticks: list[Tick]
    lines: list[Drawn]
    bounds: list[Bound]
    header: list[str]
    rows: list[list[str]]


class Bar(NamedTuple):
    """One step on a track of TRACK units."""

    name: str
    x: float
    width: float
    start_s: float
    seconds: float
    before: float | None


def plot(judged: JudgedChart) -> Plot:
    """Lay out a chart of lines; limits beyond its numbers widen the axis, so that they are seen."""
    chart = judged.chart
    assert isinstance(chart, Lines)
    before = _before(chart, judged.before)
    limits = [limit for limit in judged.limits if all(_fits(chart, axis, at) for axis, at in _places(limit))]
    at = {axis: [at for limit in limits for on, at in _places(limit) if on == axis] for axis in ("x", "y")}
    points = [point for line in (*chart.lines, *before) for point in line.points]
    across = Scale(chart.x, [*(x for x, _ in points), *at["x"], *(chart.reach or ())], zero=False)
    up = Scale(chart.y, [*(y for _, y in points), *at["y"]], zero=True)

    def drawn(line: Line, style: int, *, old: bool) -> Drawn:
        places = [f"{_x(across, x):.1f},{_y(up, y):.1f}" for x, y in line.points]
        # A line of one point has no length, and would not be drawn: from there to there it is a dot.
        return Drawn(line.name, style, " ".join(places if places[1:] else places * 2), old)

    header, rows = table(chart, before)
    return Plot(
        x_name=_short(_named(chart.x)),
        y_name=_short(_named(chart.y)),
        x_ticks=[Tick(_x(across, at), figure(at)) for at in across.ticks()],
        y_ticks=[Tick(_y(up, at), figure(at)) for at in up.ticks()],
        lines=[
            *(drawn(line, 0, old=True) for line in before),
            *(drawn(line, style, old=False) for style, line in enumerate(chart.lines)),
        ],
        bounds=[_bound(limit, chart, across, up) for limit in limits],
        header=header,
        rows=rows,
    )


def _before(chart: Lines, before: Chart | None) -> list[Line]:
    """Take the baseline's line of what matters; all of them would hide the candidate's."""
    name = chart.lines[0].name
    return [line for line in before.lines if line.name == name][:1] if isinstance(before, Lines) else []


def _places(limit: ChartLimit) -> list[tuple[str, float]]:
    """Give the axes and numbers where a limit is."""
    other = "y" if limit.axis == "x" else "x"
    return [(limit.axis, limit.value), *([(other, limit.at)] if limit.at is not None else [])]


def _fits(chart: Lines, axis: str, number: float) -> bool:
    """Say whether a number can be drawn at all: a limit of 0 is nowhere on a log axis."""
    return (SMALLEST if (chart.x if axis == "x" else chart.y).scale == "log" else -MOST) <= number <= MOST


def _bound(limit: ChartLimit, chart: Lines, across: Scale, up: Scale) -> Bound:
    x, y = functools.partial(_x, across), functools.partial(_y, up)
    own, other, axis = (x, y, chart.y) if limit.axis == "x" else (y, x, chart.x)
    about = Tick(other(limit.at), figure(limit.at) + _unit(axis.unit)) if limit.at is not None else None
    return Bound(limit.axis, own(limit.value), figure(limit.value) + unit_of(limit.measure), about)


def table(chart: Lines, before: Sequence[Line] = ()) -> tuple[list[str], list[list[str]]]:
    """Write a chart's numbers: a row for each x, or for each y where that is shorter, or else for each point."""
    named = [*((line.name, line) for line in chart.lines), *((f"{line.name}, baseline", line) for line in before)]
    found = []
    for shared, axis in ((0, chart.x), (1, chart.y)):
        columns = [{point[shared]: point[1 - shared] for point in line.points} for _, line in named]
        if all(len(column) == len(line.points) for column, (_, line) in zip(columns, named, strict=True)):
            found.append((sorted(set().union(*columns)), columns, axis))
    if found:
        keys, columns, axis = min(found, key=lambda each: len(each[0]))
        numbers = [[key, *(column.get(key) for column in columns)] for key in keys]
        return [_named(axis), *(name for name, _ in named)], [list(map(_cell, row)) for row in numbers]
    rows = [[name, figure(x), figure(y)] for name, line in named for x, y in line.points]
    return ["line", _named(chart.x), _named(chart.y)], rows


def _cell(number: float | None) -> str:
    return "-" if number is None else figure(number)


def bars(spans: Sequence[Span], before: Sequence[Span] = ()) -> list[Bar]:
    """Lay out steps on one track, in the order in which they began, the whole before its parts."""
    end = max((span.end_s for span in spans), default=0.0) or 1.0
    took = {span.name: span.end_s - span.start_s for span in before}
    return [
        Bar(
            name=span.name,
            x=round(min(TRACK - FEWEST, span.start_s / end * TRACK), 1),
            width=round(max(FEWEST, (span.end_s - span.start_s) / end * TRACK), 1),
            start_s=span.start_s,
            seconds=span.end_s - span.start_s,
            before=took.get(span.name),
        )
        for span in sorted(spans, key=lambda span: (span.start_s, -span.end_s))
    ]


def spark(numbers: Sequence[float | None], limit: float, width: float, height: float) -> tuple[str, float]:
    """Lay out a sparkline: its points, gaps left out, and the height of the limit; 0, or less, is at the bottom."""
    top = max([0.0, limit, *(number for number in numbers if number is not None)]) or 1.0
    step = width / max(1, len(numbers) - 1)

    def y(number: float) -> float:
        return round(height * (1 - max(0.0, number / top) / 1.05), 1)

    line = " ".join(f"{place * step:.1f},{y(number)}" for place, number in enumerate(numbers) if number is not None)
    return line, y(limit)


def _x(scale: Scale, number: float) -> float:
    return round(LEFT + scale.share(number) * (WIDTH - LEFT - RIGHT), 1)


def _y(scale: Scale, number: float) -> float:
    return round(HEIGHT - BOTTOM - scale.share(number) * (HEIGHT - TOP - BOTTOM), 1)


def _named(axis: Axis) -> str:
    return f"{axis.label}, {axis.unit}" if axis.unit else axis.label


def _unit(unit: str) -> str:
    return f" {unit}" if unit else ""


def _short(name: str) -> str:
    return name if len(name) <= LONGEST else f"{name[: LONGEST - 1]}…"
