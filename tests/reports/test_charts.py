"""Charts come into gate.json with their limits and the baseline's, and decide nothing."""

from __future__ import annotations

from pathlib import Path

import msgspec

from checks.stage import Result, Stage
from evidence import release as releases
from evidence import run as runs
from evidence.chart import Chart, encode
from evidence.model import Outcome
from reports import charts
from reports.baseline import Comparison, recorded
from reports.judge import judge
from reports.model import ChartLimit, Gate, Verdict
from reports.render import html, markdown
from reports.seen import look
from tests.evidence.test_chart import LINES, ROWS, STEPS
from tests.reports.world import CATALOGUE, NOW, POLICY, evidence, seen, stage

PATH = "attachments/load/time.chart.json"


def judged(chart: Chart, before: Chart | None = None, **changes: object) -> Gate:
    """Judge a run whose load stage left this chart."""
    found = seen(stage("load", evidence("LOAD-001", **({"attachments": (PATH,)} | changes))), charts={PATH: chart})
    return judge(POLICY, CATALOGUE, found, NOW, Comparison(charts={PATH: before} if before else {}))


def test_a_chart_has_the_limits_of_the_policy() -> None:
    """The check names a measure, and the rule's limit of it comes onto the axis."""
    (drawn,) = judged(LINES).charts

    assert (LINES, None, (ChartLimit(axis="y", measure="p95_ms", value=100.0, at=None),)) == (
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
    assert judged(ROWS, ROWS).charts[0].before is None


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
    (folder / "d.chart.json").symlink_to(folder / "a.chart.json")
    read = charts.read(tmp_path, {f"attachments/load/{name}.chart.json" for name in "abcde"})
    found = seen(charts=read.charts, chart_notes=read.notes)
    gate = judge(POLICY, CATALOGUE, found, NOW)

    assert {"attachments/load/a.chart.json": STEPS} == read.charts
    assert (Verdict.PROMOTE, read.notes) == (gate.verdict, gate.chart_notes)
    assert read.notes[0].startswith("attachments/load/b.chart.json: is no chart")
    assert [f"attachments/load/{name}.chart.json: cannot be read (not a file)" for name in "cd"] == list(read.notes[1:])


def test_charts_beyond_what_anybody_looks_at_are_counted(tmp_path: Path) -> None:
    """A flood of charts is neither read nor silently dropped."""
    names = flood(tmp_path)
    read = charts.read(tmp_path, names)

    assert (charts.MOST, ("3 more charts are not drawn",)) == (len(read.charts), read.notes)


def test_files_that_nothing_names_keep_no_chart_away(tmp_path: Path) -> None:
    """A folder full of strangers hides no chart, and is not spoken of."""
    (last,) = sorted(flood(tmp_path))[-1:]

    assert charts.Read({last: STEPS}, ()) == charts.read(tmp_path, {last})


def flood(folder: Path) -> set[str]:
    """Leave more charts than are drawn, and give their names."""
    (folder / "attachments").mkdir()
    names = {f"attachments/{number:03}.chart.json" for number in range(charts.MOST + 3)}
    for name in names:
        (folder / name).write_text(encode(STEPS))
    return names


def test_the_gate_reads_what_evidence_of_this_very_run_names(release_file: Path) -> None:
    """Evidence that is bound to another run, although it lies in this one's folder, brings no picture."""
    release = releases.load(release_file)
    run = runs.start(release_file.parent / "runs" / "r1", release)
    own = Stage("load", run, release)
    path = own.attach("time.chart.json", encode(LINES))
    own.add(Result(check="LOAD-001", claim="c", outcome=Outcome.PASSED, started=NOW, seconds=1, attachments=(path,)))
    own.finish(0)
    read = look(run, run.record.identity, "").charts
    (run.evidence_path / "load.jsonl").write_text(
        (run.evidence_path / "load.jsonl").read_text().replace('"run":"r1"', '"run":"r2"')
    )

    assert ({path: LINES}, {}) == (read, look(run, run.record.identity, "").charts)


def test_a_table_is_on_the_page_and_in_the_summary() -> None:
    """Title, every column and every cell, with the check that left it; the summary folds it away."""
    page, summary = html.render(judged(ROWS)), markdown.render(judged(ROWS))

    assert "<strong>By name</strong> (LOAD-001): Each." in page
    assert '<tr><th scope="row">home</th><td class="number">12.5</td></tr>' in page
    assert "<details><summary>LOAD-001: By name</summary>" in summary
    assert ["| requests | p95 |", "| --- | --- |", "| home | 12.5 |", "| cart | - |"] == [
        line
        for line in summary.splitlines()
        if line.startswith(("| req", "| ---  |", "| --- | --- |", "| home", "| cart"))
    ][:4]


def test_a_summary_stays_small_whatever_tables_there_are() -> None:
    """What does not fit is left to the report, whole."""
    long = msgspec.structs.replace(ROWS, rows=(("x" * 300, "y" * 300),) * 60)

    assert "By name" not in markdown.render(judged(long))
