"""A chart is read whole and strictly: a release may influence what is in it."""

from __future__ import annotations

import pytest

from evidence.chart import (
    LARGEST,
    LONGEST,
    MOST_LINES,
    MOST_ROWS,
    Axis,
    Chart,
    Line,
    Lines,
    Mark,
    Span,
    Table,
    Timeline,
    decode,
    encode,
)
from evidence.errors import InputError

LINES = Lines(
    title="Latency",
    description="Over time.",
    x=Axis(label="time", unit="s"),
    y=Axis(label="latency", unit="ms", scale="log"),
    lines=(Line(name="p95", points=((0, 12.5), (1, 13))),),
    marks=(Mark(axis="y", measure="p95_ms"),),
    reach=(0, 9),
)
STEPS = Timeline(title="Drill", description="Step by step.", spans=(Span(name="restore", start_s=0, end_s=2.5),))
ROWS = Table(title="By name", description="Each.", columns=("requests", "p95"), rows=(("home", "12.5"), ("cart", "-")))


@pytest.mark.parametrize("chart", [LINES, STEPS, ROWS], ids=["lines", "timeline", "table"])
def test_a_chart_is_read_back_as_it_was(chart: Chart) -> None:
    """What a check wrote is what the gate sees."""
    assert chart == decode(encode(chart).encode(), "a.chart.json")


WRONG = {
    "no JSON": (b"\xff{", "is no chart"),
    "another kind": (b'{"kind": "pie"}', "is no chart"),
    "a key too many": (encode(STEPS).replace("{", '{"script": 1,', 1).encode(), "is no chart"),
    "not a number": (encode(STEPS).replace("2.5", "NaN").encode(), "is no chart"),
    "too large": (b" " * (LARGEST + 1), "is larger than"),
    "no step": (encode(STEPS).replace('[{"name":"restore","start_s":0,"end_s":2.5}]', "[]").encode(), "has 0 steps"),
    "a step backwards": (encode(STEPS).replace("2.5", "-1").encode(), "does not end after it begins"),
    "not on a log axis": (encode(LINES).replace("12.5", "0").encode(), "is not on its axis"),
    "off every axis": (encode(LINES).replace("12.5", "1e16").encode(), "is not on its axis"),
    "a step without end": (encode(STEPS).replace("2.5", "1e16").encode(), "does not end"),
    "out of order": (encode(LINES).replace("[1,", "[-1,").encode(), "not in the order of their x"),
    "no line": (encode(LINES).replace('"lines":[{', '"lines":[],"more":[{').encode(), "is no chart"),
    "a blank text": (encode(STEPS).replace('"restore"', '" "').encode(), "a text is blank"),
    "a mark off every axis": (encode(LINES).replace('"at":null', '"at":1e16').encode(), "a mark is not on its axis"),
    "a reach off the axis": (encode(LINES).replace("[0,9]", "[9,0]").encode(), "its reach is not on its axis"),
    "no row": (encode(ROWS).replace('[["home","12.5"],["cart","-"]]', "[]").encode(), "2 columns and 0 rows"),
    "rows too many": (encode(ROWS).replace('["cart","-"]', ",".join(['["cart","-"]'] * MOST_ROWS)).encode(), "rows; "),
    "a cell too few": (encode(ROWS).replace('"cart","-"', '"cart"').encode(), "has not as many cells"),
    "a blank cell": (encode(ROWS).replace('"-"', '""').encode(), "a text is blank"),
    "a long unit": (encode(LINES).replace('"unit":"s"', f'"unit":"{"x" * (LONGEST + 1)}"').encode(), "longer than"),
    "a long text": (encode(STEPS).replace("restore", "x" * (LONGEST + 1)).encode(), "longer than"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_no_chart_is_refused_by_name(name: str) -> None:
    """Each is one sentence that names the file; nothing of it is drawn."""
    content, says = WRONG[name]

    with pytest.raises(InputError, match=f"^a.chart.json: .*{says}"):
        decode(content, "a.chart.json")


@pytest.mark.parametrize("number", [0, MOST_LINES + 1])
def test_lines_that_cannot_be_told_apart_are_refused(number: int) -> None:
    """A check hears of it while it writes."""
    chart = Lines(title="t", description="d", x=LINES.x, y=LINES.y, lines=LINES.lines * number)

    with pytest.raises(InputError, match=f"has {number} lines"):
        encode(chart)
