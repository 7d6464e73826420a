"""A picture's numbers, as a check leaves them beside its evidence: `attach("time.chart.json", chart.encode(…))`.

A chart decides nothing. The gate reads it strictly, puts it into gate.json and draws it; limits are the policy's, so a
chart only names the measure whose limit belongs on an axis.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from evidence.errors import InputError

SUFFIX = ".chart.json"
LARGEST = 200_000
"""Bytes of one file."""
MOST_LINES, MOST_POINTS, MOST_SPANS = 8, 400, 40
MOST_COLUMNS, MOST_ROWS = 12, 60
SMALLEST, MOST = 1e-9, 1e15
"""Numbers that are drawn: on a log axis none is smaller, on no axis is one further from 0."""
LONGEST = 300
"""Characters of one text."""


class Axis(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is along an axis, and in which unit; numbers on a log axis are SMALLEST or more."""

    label: str
    unit: str = ""
    scale: Literal["linear", "log"] = "linear"


class Line(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One line through its points, x ascending."""

    name: str
    points: tuple[tuple[float, float], ...]


class Mark(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where the limit of one of the check's measures belongs; `at` is the number of the other axis that it is about."""

    axis: Literal["x", "y"]
    measure: str
    at: float | None = None


class Span(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One step: from when to when, in seconds since the first began."""

    name: str
    start_s: float
    end_s: float


class Lines(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind", tag="lines"):
    """Lines over one x axis; the first is the one that matters, and that a baseline's is compared with.

    `reach` is from where to where the x axis goes at the least, so that several charts have one in common.
    """

    title: str
    description: str
    x: Axis
    y: Axis
    lines: tuple[Line, ...]
    marks: tuple[Mark, ...] = ()
    reach: tuple[float, float] | None = None


class Timeline(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind", tag="timeline"):
    """Steps, one after the other or side by side."""

    title: str
    description: str
    spans: tuple[Span, ...]


class Table(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind", tag="table"):
    """What is no picture: a row for each of several things, whose name comes first."""

    title: str
    description: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


Chart = Lines | Timeline | Table


def encode(chart: Chart) -> str:
    """Write a chart; InputError where it could not be read back."""
    text = msgspec.json.encode(chart)
    decode(text, chart.title)
    return text.decode()


def decode(content: bytes, name: str) -> Chart:
    """Read a chart; InputError names it and says what is wrong."""
    if len(content) > LARGEST:
        msg = f"{name}: is larger than {LARGEST} bytes"
        raise InputError(msg)
    try:
        chart: Chart = msgspec.json.decode(content, type=Chart)
    except (msgspec.ValidationError, msgspec.DecodeError, UnicodeDecodeError) as error:
        msg = f"{name}: is no chart: {error}"
        raise InputError(msg) from None
    if wrong := _wrong(chart):
        msg = f"{name}: {wrong}"
        raise InputError(msg)
    units = [chart.x.unit, chart.y.unit] if isinstance(chart, Lines) else []
    texts = [chart.title, chart.description, *_names(chart)]
    if any(len(text) > LONGEST for text in (*units, *texts)) or not all(text.strip() for text in texts):
        msg = f"{name}: a text is blank, or longer than {LONGEST} characters"
        raise InputError(msg)
    return chart


def _names(chart: Chart) -> list[str]:
    if isinstance(chart, Timeline):
        return [span.name for span in chart.spans]
    if isinstance(chart, Table):
        return [text for row in (chart.columns, *chart.rows) for text in row]
    return [chart.x.label, chart.y.label, *(line.name for line in chart.lines), *(mark.measure for mark in chart.marks)]


def _wrong(chart: Chart) -> str:
    match chart:
        case Lines():
            return _wrong_lines(chart)
        case Timeline():
            return _wrong_spans(chart)
        case Table():
            return _wrong_rows(chart)


def _wrong_lines(chart: Lines) -> str:
    if not 0 < len(chart.lines) <= MOST_LINES:
        return f"has {len(chart.lines)} lines; 1 to {MOST_LINES} can be told apart"
    for line in chart.lines:
        if not 0 < len(line.points) <= MOST_POINTS:
            return f"a line has {len(line.points)} points; 1 to {MOST_POINTS} are drawn"
        columns = list(zip(*line.points, strict=True))
        for axis, numbers in ((chart.x, columns[0]), (chart.y, columns[1])):
            low, high = (SMALLEST, MOST) if axis.scale == "log" else (-MOST, MOST)
            if not all(low <= number <= high for number in numbers):
                return "a point is not on its axis"
        if list(columns[0]) != sorted(columns[0]):
            return "the points of a line are not in the order of their x"
    if any(mark.at is not None and not -MOST <= mark.at <= MOST for mark in chart.marks):
        return "a mark is not on its axis"
    return _wrong_reach(chart)


def _wrong_reach(chart: Lines) -> str:
    begin, end = chart.reach or (1, 1)
    low = SMALLEST if chart.x.scale == "log" else -MOST
    return "" if low <= begin <= end <= MOST else "its reach is not on its axis"


def _wrong_spans(chart: Timeline) -> str:
    if not 0 < len(chart.spans) <= MOST_SPANS:
        return f"has {len(chart.spans)} steps; 1 to {MOST_SPANS} are drawn"
    times = [(span.start_s, span.end_s) for span in chart.spans]
    if not all(0 <= start <= end <= MOST for start, end in times):
        return "a step does not end after it begins, at 0 or later"
    return ""


def _wrong_rows(table: Table) -> str:
    if not (0 < len(table.columns) <= MOST_COLUMNS and 0 < len(table.rows) <= MOST_ROWS):
        found = f"{len(table.columns)} columns and {len(table.rows)} rows"
        return f"has {found}; 1 to {MOST_COLUMNS} and {MOST_ROWS} are shown"
    if any(len(row) != len(table.columns) for row in table.rows):
        return "a row has not as many cells as there are columns"
    return ""
