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
    """Lines over one x axis; the first is the one that matters, and that a baseline's is compared with."""

    title: str
    description: str
    x: Axis
    y: Axis
    lines: tuple[Line, ...]
    marks: tuple[Mark, ...] = ()


class Timeline(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind", tag="timeline"):
    """Steps, one after the other or side by side."""

    title: str
    description: str
    spans: tuple[Span, ...]


Chart = Lines | Timeline


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
    if wrong := _wrong_lines(chart) if isinstance(chart, Lines) else _wrong_spans(chart):
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
    return [chart.x.label, chart.y.label, *(line.name for line in chart.lines), *(mark.measure for mark in chart.marks)]


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
    return ""


def _wrong_spans(chart: Timeline) -> str:
    if not 0 < len(chart.spans) <= MOST_SPANS:
        return f"has {len(chart.spans)} steps; 1 to {MOST_SPANS} are drawn"
    times = [(span.start_s, span.end_s) for span in chart.spans]
    if not all(0 <= start <= end <= MOST for start, end in times):
        return "a step does not end after it begins, at 0 or later"
    return ""
