"""Geometry of charts: where axes, ticks, lines and bars come to lie. No text is made that is not a number."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from evidence.chart import MOST, SMALLEST, Axis, Line, Lines, Span
from reports.limits import figure
from reports.model import JudgedChart

WIDTH, HEIGHT = 480, 250
LEFT, RIGHT, TOP, BOTTOM = 52, 12, 10, 40
"""The drawing in its own units, and the room around the plot: at 480 wide, text of 12 is readable on a phone."""
TRACK = 300
"""Width of a bar's track in its own units."""
FEWEST = 1.5
"""Width of a bar that would not be seen."""
STEPS = (1, 2, 5, 10)


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
    """A limit across the plot."""

    axis: str
    at: float
    label: str


class Plot(NamedTuple):
    """Everything to draw of one chart of lines, and its numbers as a table."""

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


def plot(judged: JudgedChart) -> Plot:
    """Lay out a chart of lines; limits beyond its numbers widen the axis, so that they are seen."""
    chart = judged.chart
    assert isinstance(chart, Lines)
    before = judged.before.lines if isinstance(judged.before, Lines) else ()
    points = [point for line in (*chart.lines, *before) for point in line.points]
    across = _Scale(
        chart.x, [x for x, _ in points], [one.value for one in judged.limits if one.axis == "x"], zero=False
    )
    up = _Scale(chart.y, [y for _, y in points], [one.value for one in judged.limits if one.axis == "y"], zero=True)
    names = [line.name for line in chart.lines]

    def drawn(line: Line, *, old: bool) -> Drawn:
        places = " ".join(f"{_x(across, x):.1f},{_y(up, y):.1f}" for x, y in line.points)
        return Drawn(line.name, names.index(line.name) if line.name in names else 7, places, old)

    header, rows = table(chart)
    return Plot(
        x_ticks=[Tick(_x(across, at), figure(at)) for at in across.ticks()],
        y_ticks=[Tick(_y(up, at), figure(at)) for at in up.ticks()],
        lines=[*(drawn(line, old=True) for line in before[:1]), *(drawn(line, old=False) for line in chart.lines)],
        bounds=[
            Bound(one.axis, _x(across, one.value) if one.axis == "x" else _y(up, one.value), figure(one.value))
            for one in judged.limits
            if (across if one.axis == "x" else up).holds(one.value)
        ],
        header=header,
        rows=rows,
    )


def table(chart: Lines) -> tuple[list[str], list[list[str]]]:
    """Write a chart's numbers: one row for what all lines share, x or y, or else one for each point."""
    columns = [list(zip(*line.points, strict=True)) for line in chart.lines]
    names = [line.name for line in chart.lines]
    for shared, other, axis in ((0, 1, chart.x), (1, 0, chart.y)):
        if len({each[shared] for each in columns}) == 1:
            numbers = zip(columns[0][shared], *(each[other] for each in columns), strict=True)
            return [_named(axis), *names], [list(map(figure, row)) for row in numbers]
    rows = [[line.name, figure(x), figure(y)] for line in chart.lines for x, y in line.points]
    return ["line", _named(chart.x), _named(chart.y)], rows


def bars(spans: Sequence[Span]) -> list[Bar]:
    """Lay out steps on one track, in the order in which they began."""
    end = max((span.end_s for span in spans), default=0.0) or 1.0
    return [
        Bar(
            name=span.name,
            x=round(min(TRACK - FEWEST, span.start_s / end * TRACK), 1),
            width=round(max(FEWEST, (span.end_s - span.start_s) / end * TRACK), 1),
            start_s=span.start_s,
            seconds=span.end_s - span.start_s,
        )
        for span in sorted(spans, key=lambda span: (span.start_s, span.end_s))
    ]


def spark(numbers: Sequence[float | None], limit: float, width: float, height: float) -> tuple[str, float]:
    """Lay out a sparkline: its points, gaps left out, and the height of the limit; 0, or less, is at the bottom."""
    top = max([0.0, limit, *(number for number in numbers if number is not None)]) or 1.0
    step = width / max(1, len(numbers) - 1)

    def y(number: float) -> float:
        return round(height * (1 - max(0.0, number / top) / 1.05), 1)

    line = " ".join(f"{place * step:.1f},{y(number)}" for place, number in enumerate(numbers) if number is not None)
    return line, y(limit)


class _Scale:
    """One axis: from which number to which."""

    def __init__(self, axis: Axis, numbers: Iterable[float], limits: Iterable[float], *, zero: bool) -> None:
        self.log = axis.scale == "log"
        all_of_them = [*numbers, *filter(self.holds, limits)]
        self.low, self.high = min(all_of_them), max(all_of_them)
        if zero and not self.log:
            # A difference looks as large as it is only where the whole number is seen.
            self.low, self.high = min(0.0, self.low), max(0.0, self.high)
            step = _step(self.low, self.high)
            self.high = math.ceil(self.high / step - 1e-9) * step
        largest = max(abs(self.low), abs(self.high))
        if self.high - self.low <= largest * 1e-9:  # one number, or as good as one
            room = max(0.5, largest / 1000)
            self.low, self.high = (self.low / 2, self.high * 2) if self.log else (self.low - room, self.high + room)

    def holds(self, number: float) -> bool:
        """Say whether a number can be drawn here at all: a limit of 0 is nowhere on a log axis."""
        return (SMALLEST if self.log else -MOST) <= number <= MOST

    def share(self, number: float) -> float:
        if self.log:
            return math.log(number / self.low) / math.log(self.high / self.low)
        return (number - self.low) / (self.high - self.low)

    def ticks(self) -> list[float]:
        return _log_ticks(self.low, self.high) if self.log else _linear_ticks(self.low, self.high)


def _linear_ticks(low: float, high: float) -> list[float]:
    """Give three to six round numbers."""
    step = _step(low, high)
    first = math.ceil(low / step - 1e-9)
    return [number * step for number in range(first, math.floor(high / step + 1e-9) + 1)]


def _step(low: float, high: float) -> float:
    rough = (high - low) / 5 or 1.0
    size = 10.0 ** math.floor(math.log10(rough))
    return next(each * size for each in STEPS if each * size >= rough * 0.999)


def _log_ticks(low: float, high: float) -> list[float]:
    """Give powers of ten, with twos and fives between where there is room."""
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    steps = (1, 2, 5) if len(decades) <= 4 else (1,)
    some = decades[:: math.ceil(len(decades) / 8)]
    return [each * 10.0**decade for decade in some for each in steps if low <= each * 10.0**decade <= high]


def _x(scale: _Scale, number: float) -> float:
    return round(LEFT + scale.share(number) * (WIDTH - LEFT - RIGHT), 1)


def _y(scale: _Scale, number: float) -> float:
    return round(HEIGHT - BOTTOM - scale.share(number) * (HEIGHT - TOP - BOTTOM), 1)


def _named(axis: Axis) -> str:
    return f"{axis.label}, {axis.unit}" if axis.unit else axis.label
