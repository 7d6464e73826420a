"""Every renderer is tested against its whole text; tests/golden has them, to be read by people."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import jsonschema
import msgspec
import pytest

from evidence.model import Outcome
from reports.limits import Kind, Limit
from reports.model import File, Gate, Judgement, Verdict
from reports.render import ctrf, github, html, json_v1, junit, markdown, openmetrics, terminal
from reports.render.chart import bars
from reports.render.text import duration, share
from tests.reports.world import LOAD, evidence, gate_of, load, measured, seen, stage

GOLDEN = Path(__file__).parents[1] / "golden"
SCHEMA = Path(__file__).parents[2] / "reports" / "gate-v1.schema.json"
BLOCKED = gate_of(
    seen(
        stage("security", evidence("DEPS-001", outcome=Outcome.SKIPPED, detail="no advisory service answered")),
        stage(
            "live_security",
            evidence(
                "CSRF-001",
                outcome=Outcome.FAILED,
                detail="AssertionError: assert 403 == 201",
                attachments=("attachments/live_security/answer.txt",),
            ),
        ),
        *measured(p95_ms=150.25, samples_total=900).stages[-1:],
    )
)
HELD = gate_of(seen(without=("load",)))
WARNED = gate_of(measured(p95_ms=86.4, samples_total=900))
REPORT = "runs/r1/report.html"
GOLDENS: dict[str, Callable[[], str]] = {
    "gate.json": lambda: json_v1.render(BLOCKED),
    "annotations-block.txt": lambda: github.render(BLOCKED),
    "ctrf-hold.json": lambda: ctrf.render(HELD),
    "junit-block.xml": lambda: junit.render(BLOCKED),
    "metrics-promote.txt": lambda: openmetrics.render(WARNED),
    "summary-block.md": lambda: markdown.render(BLOCKED),
    "summary-promote.md": lambda: markdown.render(WARNED),
    "terminal-block.txt": lambda: terminal.render(BLOCKED, REPORT),
    "terminal-hold-ascii-50.txt": lambda: terminal.render(HELD, REPORT, width=50, symbols=False),
    "terminal-promote.txt": lambda: terminal.render(WARNED, REPORT),
}


@pytest.mark.parametrize("name", GOLDENS)
def test_renderers_write_their_golden_text(name: str) -> None:
    """The whole text of each renderer is as it was last read and approved."""
    assert (GOLDEN / name).read_text(encoding="utf-8") == GOLDENS[name]()


@pytest.mark.parametrize("gate", [BLOCKED, HELD, WARNED], ids=lambda gate: gate.verdict)
def test_gate_json_keeps_its_published_schema(gate: Gate) -> None:
    """The output validates, the schema is the one that the types make, and it refuses what is not in it."""
    schema = json.loads(SCHEMA.read_text(encoding="utf-8"))
    output = json.loads(json_v1.render(gate))

    assert json.loads(json_v1.schema()) == schema
    jsonschema.Draft202012Validator(schema).validate(output)
    for spoilt in ({**output, "surprise": []}, {**output, "verdict": "OK"}, {**output, "schema": "v0"}):
        assert not jsonschema.Draft202012Validator(schema).is_valid(spoilt)


def test_gate_json_is_read_back_as_it_was() -> None:
    """What is written is the whole gate."""
    assert msgspec.json.decode(json_v1.render(BLOCKED), type=Gate) == BLOCKED


@pytest.mark.parametrize("gate", [BLOCKED, HELD, WARNED], ids=lambda gate: gate.verdict)
def test_the_page_says_the_verdict_first_and_everything_after(gate: Gate) -> None:
    """One h1 with verdict and sentence, the identity, every rule with its claim, and every file's digest."""
    page = html.render(gate)
    (heading,) = re.findall(r"<h1.*?</h1>", page)

    assert gate.verdict in heading
    assert gate.headline in heading
    told = [gate.release.digest, gate.policy.sha256, gate.run, *(file.sha256 for file in gate.files)]
    told += [text for rule in gate.rules for text in (rule.check, rule.claim, rule.reason, rule.where)]
    assert [] == [text for text in told if text not in page]


def test_the_page_explains_what_stands_in_the_way() -> None:
    """A broken limit shows measured, limit, margin and the command; an attachment is a link; optional is a banner."""
    page = html.render(BLOCKED)

    assert "measured 150.2 ms, limit at most 100 ms, <strong>50.2 % over</strong>" in page
    assert "<code>nox -s load gate -- --run runs/r1</code>" in page
    assert '<a href="attachments/live_security/answer.txt">' in page
    because = "This does not hold the release, because the policy says: not every machine can."
    assert f"Optional, not verified: DEPS-001.</strong> {because}" in page
    assert "<p>The check was skipped: no advisory service answered.</p>" in page


def test_the_page_needs_no_script_and_no_network() -> None:
    """No script, no inline style attribute, no foreign address; the policy allows its own style by digest alone."""
    page = html.render(BLOCKED)
    style = page.split("<style>")[1].split("</style>")[0]

    assert [] == re.findall(r"<script|style=|https?:|javascript:|@import|url\(", page)
    assert "default-src 'none'; style-src 'sha256-" in page
    assert style == (Path(html.__file__).parent / "report.css").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "path",
    [
        "https://evil.example/x",
        "//evil.example/x",
        "javascript:alert(1)",
        "attachments/../../etc/passwd",
        "attachments/.hidden",
        "attachments/a b",
        "/attachments/x",
        "attachments",
        "attachments/x\n",
        "attachments//x",
    ],
)
def test_only_attachments_of_the_run_are_linked(path: str) -> None:
    """Anything but a plain path below attachments/ is shown as text."""
    page = html.render(gate_of(load(outcome=Outcome.FAILED, attachments=(path, "attachments/load/a.csv"))))

    assert ["attachments/load/a.csv", "gate.json"] == re.findall(r'href="([^"]*)"', page)


def test_what_was_asked_of_the_release_is_linked() -> None:
    """The list that a live stage left is one step away; a file of that name anywhere else is none."""
    listed = [File(path=f"{folder}/touched.json", sha256="", size=1) for folder in ("attachments/smoke", "../evidence")]
    page = html.render(msgspec.structs.replace(gate_of(load()), files=tuple(listed)))

    assert ["attachments/smoke/touched.json"] == re.findall(r'href="([^"]*touched\.json)"', page)


def test_the_page_is_the_same_in_every_light() -> None:
    """Colours are pairs of light and dark, and every judgement has a symbol and a word beside its colour."""
    page = html.render(BLOCKED)

    assert "color-scheme: light dark" in page
    for words in ("✖</span> FAIL", "◆</span> UNVERIFIED", "✖</span> BLOCK", "✔</span> PASS", "○</span> NOT APPLICABLE"):
        assert words in page


def test_a_long_detail_is_cut_in_the_page() -> None:
    """A megabyte of response body does not become a megabyte of page."""
    page = html.render(gate_of(load(outcome=Outcome.FAILED, detail="first\n" + "x" * 1_000_000)))

    assert "… (992006 characters more)" in page
    assert 60_000 > len(page)


def test_the_summary_is_never_too_large() -> None:
    """Ten thousand rules fit into 64 KiB, and the rows that do not fit are counted."""
    whole = gate_of(load(outcome=Outcome.FAILED, detail="<" * 8000))
    many = msgspec.structs.replace(whole, rules=whole.rules * 3500)
    summary = markdown.render(many)

    assert 64 * 1024 >= len(summary.encode()) > 60_000
    assert 2 == len(re.findall(r"\| \d+ more \|", summary))
    assert summary.endswith("</details>\n")


@pytest.mark.parametrize("width", [1, 24, 40, 80, 200])
@pytest.mark.parametrize("gate", [BLOCKED, HELD, WARNED], ids=lambda gate: gate.verdict)
def test_the_terminal_folds_and_loses_nothing(gate: Gate, width: int) -> None:
    """No line is wider than the terminal, and every reason is there in full when the lines are joined."""
    text = terminal.render(gate, REPORT, width=width)
    joined = re.sub(r"\s", "", text.replace("│", ""))

    assert max(24, width) >= max(map(len, text.splitlines()))
    for rule in gate.rules:
        if not rule.judgement:
            assert re.sub(r"\s", "", rule.reason + "again:" + rule.rerun) in joined


def test_the_terminal_counts_what_nobody_reads() -> None:
    """Of a thousand rules that fail, each for a reason of its own, fifty are told and the others are counted."""
    failed = next(rule for rule in BLOCKED.rules if rule.judgement is Judgement.FAIL)
    rules = tuple(msgspec.structs.replace(failed, reason=f"reason {number}", warning="slow") for number in range(1000))
    stages = (msgspec.structs.replace(BLOCKED.stages[0], not_run=tuple(map(str, range(1000)))),)
    text = terminal.render(msgspec.structs.replace(BLOCKED, rules=rules, stages=stages), REPORT)

    assert 50 == text.count("again:")
    assert "and 950 more rules, which are in gate.json" in text
    assert "and 950 more like these, which are in gate.json" in text
    assert "48, 49 and 950 more." in " ".join(text.replace("│", "").split())


@pytest.mark.parametrize("gate", [BLOCKED, HELD, WARNED], ids=lambda gate: gate.verdict)
def test_the_terminal_begins_and_ends_with_the_verdict(gate: Gate) -> None:
    """Whoever sees only the first or only the last line knows the verdict."""
    lines = terminal.render(gate, REPORT).splitlines()

    assert [gate.verdict, gate.verdict] == [line.split(":")[0].split()[1] for line in (lines[0], lines[-1])]


def test_colour_is_asked_for() -> None:
    """Without colour there is no escape in the text; with it there is."""
    assert "\x1b" not in terminal.render(BLOCKED, REPORT)
    assert "\x1b[1;31m✖ BLOCK" in terminal.render(BLOCKED, REPORT, colour=True)


def test_ascii_is_ascii() -> None:
    """Where the terminal has no symbols, every line is plain ASCII and still says everything in words."""
    text = terminal.render(gate_of(load(outcome=Outcome.FAILED, detail="naïve ✖")), REPORT, symbols=False)

    assert text.isascii()
    assert "x BLOCK" in text


@pytest.mark.parametrize(
    ("margin", "text"),
    [(0.25, "25 % left"), (-0.502, "50.2 % over"), (0.0, "0 % left"), (-0.00001, "0.001 % over"), (None, "-")],
)
def test_a_margin_never_rounds_to_nothing(margin: float | None, text: str) -> None:
    """A limit that is broken by a hair is over, not level."""
    assert text == share(margin)


@pytest.mark.parametrize(("seconds", "text"), [(None, "-"), (0.04, "0.0 s"), (119.0, "119.0 s"), (150.0, "2.5 min")])
def test_durations_read_well(seconds: float | None, text: str) -> None:
    """Seconds up to two minutes, then minutes."""
    assert text == duration(seconds)


def test_every_verdict_has_its_exit_code() -> None:
    """The three codes are apart, and only PROMOTE is zero."""
    assert {"PROMOTE": 0, "BLOCK": 10, "HOLD": 20} == {verdict.value: verdict.exit_code for verdict in Verdict}


@pytest.mark.parametrize(
    ("p95_ms", "width", "state"),
    [
        (0, 2.0, "used"),
        (50, 100.0, "used"),
        (80, 160.0, "used"),
        (80.1, 160.2, "near"),
        (100, 200.0, "near"),
        (9e9, 300, "beyond"),
    ],
)
def test_bars_stand_on_one_scale(p95_ms: float, width: float, state: str) -> None:
    """The limit stands at 200 of 300 on every bar, the warning where it begins, and what is far beyond stays on it."""
    (bar,) = bars(gate_of(measured(p95_ms=p95_ms, samples_total=900)).rules)

    assert (width, 160.0, state) == (bar.width, bar.warn, bar.state)


def test_the_closest_limit_is_the_first_bar() -> None:
    """Whoever looks at one bar looks at the one that matters."""
    limits = (Limit(Kind.MAX, "p50_ms", 100.0), Limit(Kind.MAX, "p95_ms", 100.0), Limit(Kind.MIN, "ok_ratio", 0.5))
    gate = gate_of(
        measured(p50_ms=20, p95_ms=90, ok_ratio=0.6, samples_total=900), msgspec.structs.replace(LOAD, limits=limits)
    )

    assert ["p95_ms", "ok_ratio", "p50_ms"] == [bar.limit.measure for bar in bars(gate.rules)]


@pytest.mark.parametrize(
    "render", [html.render, markdown.render, lambda gate: terminal.render(gate, REPORT, width=400)]
)
def test_a_waiver_is_shown_in_every_report(render: Callable[[Gate], str]) -> None:
    """A waived rule stands with what is open, and says who answers for it and until when."""
    waived = "Waived until 2026-04-01 00:00:00 UTC by ann, approved by bob: the fix is on its way."
    rules = tuple(
        msgspec.structs.replace(rule, judgement=Judgement.WAIVED, reason=waived) if rule.check == "CSRF-001" else rule
        for rule in WARNED.rules
    )
    text = render(msgspec.structs.replace(WARNED, rules=rules))

    assert "\u25c7" in text
    assert waived in text


def test_the_page_says_what_it_is_compared_with() -> None:
    """The baseline, or that there is none, stands at the top."""
    assert WARNED.baseline_note
    assert WARNED.baseline_note in html.render(WARNED)
