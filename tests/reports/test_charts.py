"""Charts come into gate.json with their limits and the baseline's, and decide nothing."""

from __future__ import annotations

from pathlib import Path

import msgspec

from evidence.chart import Chart, encode
from reports import charts
from reports.baseline import Comparison, recorded
from reports.judge import judge
from reports.model import ChartLimit, Gate, Verdict
from tests.evidence.test_chart import LINES, STEPS
from tests.reports.world import CATALOGUE, NOW, POLICY, evidence, seen, stage

PATH = "attachments/load/time.chart.json"


def judged(chart: Chart, before: Chart | None = None, **changes: object) -> Gate:
    """Judge a run whose load stage left this chart."""
    found = seen(stage("load", evidence("LOAD-001", **({"attachments": (PATH,)} | changes))), charts={PATH: chart})
    return judge(POLICY, CATALOGUE, found, NOW, Comparison(charts={PATH: before} if before else {}))


def test_a_chart_has_the_limits_of_the_policy() -> None:
    """The check names a measure, and the rule's limit of it comes onto the axis."""
    (drawn,) = judged(LINES).charts

    assert (LINES, None, (ChartLimit(axis="y", measure="p95_ms", value=100.0),)) == (
        drawn.chart,
        drawn.before,
        drawn.limits,
    )


def test_the_baselines_chart_stands_beside_it_where_the_axes_are_the_same() -> None:
    """Other units, or another kind of picture, would be compared with nothing."""
    other = msgspec.structs.replace(LINES, x=msgspec.structs.replace(LINES.x, unit="min"))

    assert LINES == judged(LINES, LINES).charts[0].before
    assert judged(LINES, other).charts[0].before is None
    assert judged(LINES, STEPS).charts[0].before is None


def test_what_no_judged_evidence_names_is_not_drawn() -> None:
    """A file that lies about, or that evidence of another run names, is no picture of this release."""
    assert () == judged(LINES, attachments=()).charts
    assert () == judged(LINES, run="another").charts


def test_a_gate_with_charts_can_be_judged_again_from_itself() -> None:
    """The baseline's chart is taken from gate.json, so that verifying needs no earlier run."""
    gate = judged(LINES, LINES)

    assert {PATH: LINES} == recorded(gate).charts


def test_a_chart_that_is_none_is_noted_and_changes_no_verdict(tmp_path: Path) -> None:
    """Torn, foreign and too many files are sentences; what can be drawn still is."""
    folder = tmp_path / "attachments" / "load"
    folder.mkdir(parents=True)
    (folder / "a.chart.json").write_text(encode(STEPS))
    (folder / "b.chart.json").write_bytes(b"\xff")
    (folder / "c.chart.json").mkdir()
    read = charts.read(tmp_path)
    found = seen(charts=read.charts, chart_notes=read.notes)
    gate = judge(POLICY, CATALOGUE, found, NOW)

    assert {"attachments/load/a.chart.json": STEPS} == read.charts
    assert (Verdict.PROMOTE, read.notes) == (gate.verdict, gate.chart_notes)
    assert read.notes[0].startswith("attachments/load/b.chart.json: is no chart")


def test_charts_beyond_what_anybody_looks_at_are_counted(tmp_path: Path) -> None:
    """A flood of files is neither read nor silently dropped."""
    folder = tmp_path / "attachments"
    folder.mkdir()
    for number in range(charts.MOST + 3):
        (folder / f"{number:03}.chart.json").write_text(encode(STEPS))
    read = charts.read(tmp_path)

    assert (charts.MOST, ("3 more charts are not drawn",)) == (len(read.charts), read.notes)
