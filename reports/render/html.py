"""`report.html`: one static page, readable without script, without style and without a network.

What is too much for one page is counted on it, and is in gate.json: 20,000 checks stay below 2 MB.
"""

from __future__ import annotations

import base64
import functools
import hashlib
import re
from collections.abc import Sequence
from itertools import groupby
from pathlib import Path
from typing import Any, NamedTuple

import jinja2
from markupsafe import Markup, escape

from evidence.chart import Span, Table, Timeline
from reports.doubt import stamp
from reports.model import Gate, JudgedChart, JudgedRule, Judgement, StageSummary, Verdict
from reports.render import past, plot, text
from reports.render.chart import bars

HERE = Path(__file__).parent
SAFE_LINK = re.compile(r"attachments(/[A-Za-z0-9_-][A-Za-z0-9._-]*)+")
"""Links go to attachments of this run only: no scheme, no host, no way up."""
HEADING = {
    Verdict.PROMOTE: "What is left open",
    Verdict.HOLD: "Why it is held",
    Verdict.BLOCK: "Why it is blocked",
}
MOST = {"most_cards": 200, "most_bars": 50, "most_files": 500, "most_named": 50}
MOST_ROWS = 1500
DETAILS = 400_000
"""Characters of what checks said, shared by all whose words are shown."""
CELL = 2_000
"""Characters of any other text: nobody needs more of a name or a reason, and who sends more means no good."""


class Drawing(NamedTuple):
    """A chart, laid out as lines, as steps or as the table that it is."""

    stage: str
    judged: JudgedChart
    plot: plot.Plot | None
    bars: list[plot.Bar]
    table: Table | None = None


def render(gate: Gate) -> str:
    """Fill the template; every text of the release is escaped, and what cannot be seen in it is made visible."""
    standing = gate.of(Judgement.FAIL, Judgement.UNVERIFIED, Judgement.WAIVED)
    rows = gate.of(*Judgement)
    shown = rows[: max(MOST_ROWS, len(standing))] if len(standing) < MOST_ROWS else rows[:MOST_ROWS]
    said = sum(bool(rule.detail) for rule in shown) or 1
    optional = set(gate.unverified_optional)
    return page(
        "report.html.jinja",
        gate=gate,
        heading=HEADING[gate.verdict],
        standing=standing,
        again=_again(gate),
        warned=[rule for rule in gate.rules if rule.warning],
        optional=[rule for rule in gate.rules if rule.check in optional][: MOST["most_cards"]],
        groups=_by_stage(gate, shown),
        not_shown=len(rows) - len(shown),
        bars=bars(gate.rules),
        stage_bars=plot.bars(_spans(gate.stages)),
        charts=[_drawing(judged) for judged in gate.charts],
        runs=past.of_gate(gate),
        most_detail=max(200, min(text.DETAIL_LIMIT, DETAILS // said)),
        **MOST,
    )


def history(name: str, runs: past.Runs, notes: Sequence[str], gate: Gate | None) -> str:
    """Write the page of many runs; `gate` is the newest one's, where that is still there."""
    tally = {verdict: sum(each.verdict is verdict for each in runs.runs) for verdict in Verdict}
    return page("history.html.jinja", name=name, runs=runs, notes=notes, gate=gate, tally=tally)


def page(template: str, **context: Any) -> str:  # noqa: ANN401 - whatever the template shows
    """Fill a template in the style of the report, under a policy that allows its own style and nothing else."""
    style = (HERE / "report.css").read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    return (
        _environment()
        .get_template(template)
        .render(
            style=Markup(style),  # noqa: S704 - our own file
            style_digest=digest,
            **context,
        )
    )


@functools.cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(HERE),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        finalize=_finalize,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "stamp": stamp,
        "duration": text.duration,
        "demand": text.demand,
        "share": text.share,
        "quoted": _quoted,
        "compared": text.compared,
        "commanded": text.commanded,
    }
    environment.globals |= {"symbol": text.SYMBOLS.__getitem__, "quantity": text.quantity, "linkable": _linkable}
    return environment


def _again(gate: Gate) -> str:
    """Give the options that look at this run again, as each rule's command has them."""
    return gate.rules[0].rerun.partition(" -- ")[2] if gate.rules else f"--run {gate.run}"


def _by_stage(gate: Gate, worst_first: list[JudgedRule]) -> list[tuple[str, list[JudgedRule]]]:
    """Group rules by stage, the stages and the rules in them worst first."""
    stages = {stage.name: number for number, stage in enumerate(gate.stages)}
    worst = {rule.check: number for number, rule in enumerate(worst_first)}
    by_stage = sorted(worst_first, key=lambda rule: stages[rule.stage])
    groups = [(stage, list(rules)) for stage, rules in groupby(by_stage, key=lambda rule: rule.stage)]
    return sorted(groups, key=lambda group: worst[group[1][0].check])


def _spans(stages: tuple[StageSummary, ...]) -> list[Span]:
    """Put the stages on the time since the first of them began; one without both of its times is left out."""
    timed = [(stage.name, stage.started, stage.seconds) for stage in stages]
    known = [(name, start, took) for name, start, took in timed if start and start.tzinfo and took and took > 0]
    first = min((start for _, start, _ in known), default=None)
    if first is None:
        return []
    since = [(name, (start - first).total_seconds(), took) for name, start, took in known]
    return [Span(name=name, start_s=start, end_s=start + took) for name, start, took in since]


def _drawing(judged: JudgedChart) -> Drawing:
    if isinstance(judged.chart, Timeline):
        before = judged.before.spans if isinstance(judged.before, Timeline) else ()
        return Drawing(judged.stage, judged, None, plot.bars(judged.chart.spans, before))
    if isinstance(judged.chart, Table):
        return Drawing(judged.stage, judged, None, [], judged.chart)
    return Drawing(judged.stage, judged, plot.plot(judged), [])


def _linkable(path: str) -> bool:
    return bool(SAFE_LINK.fullmatch(path))


def _quoted(said: str, most: int) -> Markup:
    """Quote what a check said at more length than a cell has."""
    return escape(text.visible(text.capped(said, most)))


def _finalize(value: Any) -> Any:  # noqa: ANN401 - Jinja2's own type
    whole = isinstance(value, Markup) or not isinstance(value, str)
    return value if whole else text.visible(text.capped(value, CELL))
