"""The pages in a real browser: readable by everybody, in every light and width, and nothing is fetched or run."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import msgspec
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, sync_playwright

from evidence.chart import Axis, Line, Lines, Mark
from evidence.errors import InputError
from evidence.model import Finding, Outcome
from reports import history, history_page
from reports.accepted import Acceptance
from reports.baseline import Comparison
from reports.judge import judge
from reports.limits import Kind
from reports.model import Gate, JudgedLimit, Past
from reports.policy import Policy
from reports.regression import Reference, Regression
from reports.render import html, past
from suites.smoke import browser
from tests.evidence.test_chart import ROWS, STEPS
from tests.reports.test_hostile import TEXTS, hostile
from tests.reports.test_render import BLOCKED, HELD
from tests.reports.world import CATALOGUE, CSRF, DEPS, LOAD, NOW, evidence, seen, stage

Scheme = Literal["light", "dark"]
LATENCIES = Lines(
    title="How long requests took",
    description="The share of the requests that were answered within a time.",
    x=Axis(label="answered within", unit="ms", scale="log"),
    y=Axis(label="share of the requests", unit="%"),
    lines=(Line(name="all requests", points=((5, 1), (12, 50), (70, 95), (85, 99), (90, 100))),),
    marks=(Mark(axis="x", measure="p95_ms"),),
)
SLOWER = msgspec.structs.replace(
    LATENCIES, lines=(Line(name="all requests", points=((6, 1), (15, 50), (80, 95), (95, 100))),)
)
CHARTS = {
    "attachments/load/latencies.chart.json": LATENCIES,
    "attachments/load/steps.chart.json": STEPS,
    "attachments/load/by_name.chart.json": ROWS,
}


def rich() -> Gate:
    """A promoted release with everything that a page can show."""
    regression = Regression(measure="p95_ms", kind=Kind.MAX, worse_by=0.5, floor=5, drift=1.0)
    accepted = Acceptance(
        check="CSRF-001",
        place="/legacy",
        reason="goes with 3.0",
        owner="ada",
        until=NOW + dt.timedelta(30),
        where="w:1",
    )
    policy = Policy(
        name="policy.toml",
        sha256="cd" * 32,
        rules=(DEPS, CSRF, msgspec.structs.replace(LOAD, regression=regression, owner="team api", doc="docs/load.md")),
        accepted=(accepted,),
    )
    found = evidence(
        "CSRF-001", outcome=Outcome.FAILED, failed=1, findings=(Finding(place="/legacy", what="has no token"),)
    )
    load = evidence(
        "LOAD-001", measured={"p95_ms": 86.4, "samples_total": 900.0, "rto_s": 4.5}, attachments=tuple(CHARTS)
    )
    return judge(
        policy,
        CATALOGUE,
        seen(stage("live_security", found), stage("load", load), charts=CHARTS),
        NOW,
        Comparison(
            references={"LOAD-001": Reference(baseline=70.0, best=65.0, p_value=0.2)},
            previous=tuple(earlier(number) for number in range(20)),
            charts={"attachments/load/latencies.chart.json": SLOWER},
        ),
    )


def earlier(number: int) -> Past:
    """An earlier run, whose verdicts and numbers differ from time to time."""
    blocked = number % 7 == 3
    line = history.line_of(BLOCKED if blocked else HELD)
    measured = {
        "LOAD-001": {"p95_ms": 60.0 + number, "samples_total": 900.0},
        "DRILL-001": {"rto_s": 4.0 + number / 10},
    }
    return msgspec.structs.replace(
        line.past, run=f"r-{number}", judged_at=NOW - dt.timedelta(days=20 - number), measured=measured
    )


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """The browser that the smoke stage would use."""
    options = browser.launch_options(browser.this_machine(print))
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(**options)
        yield opened
        opened.close()


PAGES = {
    "promote": lambda: html.render(rich()),
    "hold": lambda: html.render(HELD),
    "block": lambda: html.render(BLOCKED),
    "hostile": lambda: html.render(hostile(TEXTS[0] + TEXTS[1])),
    "history": lambda: html.history(
        "shop", past.of_gate(rich()), ("history.jsonl:7 is torn and was left out",), rich()
    ),
}


@pytest.mark.parametrize(("width", "scheme"), [(400, "dark"), (1280, "light")])
@pytest.mark.parametrize("name", PAGES)
def test_everybody_can_read_the_page(chromium: Browser, name: str, width: int, scheme: Scheme, tmp_path: Path) -> None:
    """No violation that axe knows, nothing to scroll sideways, no message of the browser, no request but the page."""
    path = tmp_path / "page.html"
    path.write_text(PAGES[name](), encoding="utf-8")
    context = chromium.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
    page = context.new_page()
    said: list[str] = []
    asked: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("request", lambda request: asked.append(request.url))
    page.goto(path.as_uri())
    # Folded parts are read by people too.
    page.evaluate("for (const each of document.querySelectorAll('details')) each.open = true")
    found = Axe().run(page)

    assert ([], [path.as_uri()]) == (said, asked)
    assert [] == [f"{each['id']}: {each['nodes'][0]['html'][:200]}" for each in found.response["violations"]]
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    context.close()


def test_the_page_shows_what_stands_behind_a_promotion() -> None:
    """Accepted findings with their owner, the change since the baseline, earlier runs, pictures and commands."""
    page = html.render(rich())

    assert (
        "<code>/legacy</code> has no token <small>accepted until 2026-03-31 12:00:00 UTC by ada: goes with 3.0" in page
    )
    assert "p95_ms: 70 ms before, 23.43 % worse (p = 0.2); tolerated 50 % and 5 ms" in page
    assert "The last 21 runs" in page
    assert 'class="line before"' in page
    assert "all requests, baseline" in page
    assert f"python -m reports --run runs/r1 --now {NOW.isoformat()}" in page


def test_each_drill_is_named_beside_its_time_and_loss() -> None:
    """Several drills measure the same objectives: each has its row, with the most that is allowed."""
    rules = tuple(
        msgspec.structs.replace(
            HELD.rules[0],
            check=check,
            stage="drill",
            limits=(
                JudgedLimit(measure=measure, kind=Kind.MAX, limit=1800.0, warn=None, measured=measured, margin=None),
            ),
        )
        for check, measure, measured in (("DRILL-001", "rto_s", 4.5), ("DRILL-005", "rpo_s", 0.5))
    )
    gate = rich()
    stages = (*gate.stages, msgspec.structs.replace(gate.stages[0], name="drill"))
    page = html.render(msgspec.structs.replace(gate, rules=rules, stages=stages))

    assert ["4.5 s of 30.0 min", "-", "-", "0.5 s of 30.0 min"] == re.findall(
        r'<td class="number" data-label="(?:Recovery time|Data lost)">([^<]* of [^<]*|-)</td>', page
    )


def test_the_last_drills_show_the_worst_of_each_run() -> None:
    """A run with several drills is as slow, and loses as much, as its worst one."""
    run = msgspec.structs.replace(
        earlier(1), measured={"DRILL-001": {"rto_s": 4.0}, "DRILL-007": {"rto_s": 9.0, "rpo_s": 2.0}, "X": {"rpo_s": 1}}
    )

    assert [{"rto_s": 9.0, "rpo_s": 2.0}] == [drill.objectives for drill in past.layout([run], {}).drills]


def test_a_requirement_in_doubt_is_not_shown_as_not_judged() -> None:
    """Each judgement has its own symbol and word in the history, the ones that are no pass included."""
    page = html.render(rich())
    heat = page.split('class="heat"')[1].split("</table>")[0]

    assert {"PASS", "UNVERIFIED", "FAIL"} <= {word for word in ("PASS", "UNVERIFIED", "FAIL") if f">{word}<" in heat}
    assert "not judged" not in heat


def test_many_checks_stay_on_one_page_that_can_be_opened() -> None:
    """20,000 checks come to less than 2 MB; what is not shown is counted, and nothing of it is worse than a pass."""
    from benchmarks.gate import make

    gate = judge(*make(20_000))
    page = html.render(gate)

    assert len(page.encode()) < 2_000_000
    assert "200 more are in" in page
    assert "18500 more rules" in page


def test_the_history_has_a_page(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Every run of the release judged last is on it, a torn line is named, and the path is printed."""
    for gate in (HELD, BLOCKED):
        history.append(msgspec.structs.replace(gate, run=gate.verdict.lower()), tmp_path / history.NAME)
    with (tmp_path / history.NAME).open("a") as file:
        file.write('{"run": "torn')

    assert 0 == history_page.main([str(tmp_path)])
    page = (tmp_path / "history.html").read_text(encoding="utf-8")
    assert f"{tmp_path / 'history.html'}\n" == capsys.readouterr().out
    assert "is the newest of 2 runs" in page
    assert "history.jsonl:3 is torn and was left out" in page
    assert "no limits are known" in page


def test_no_history_is_no_page(tmp_path: Path) -> None:
    """Where nothing was judged there is nothing to show, and it is said where lines come from."""
    with pytest.raises(InputError, match=r"history\.jsonl: there is none.*the gate adds a line"):
        history_page.main([str(tmp_path)])
    assert [] == list(tmp_path.iterdir())
