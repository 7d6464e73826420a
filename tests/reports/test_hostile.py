"""A release controls what its checks quote; it controls nothing of who reads the report."""

from __future__ import annotations

import functools
import itertools
import json
import re
from collections.abc import Callable
from xml.etree import ElementTree as ET

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from evidence.chart import LONGEST, Axis, Chart, Line, Lines, Mark, Span, Table, Timeline
from evidence.model import Outcome
from reports.baseline import Comparison
from reports.judge import judge
from reports.model import Gate, Judgement
from reports.render import ctrf, github, html, json_v1, junit, markdown, openmetrics, terminal
from reports.render.text import visible
from tests.reports.test_render import BLOCKED
from tests.reports.world import CATALOGUE, IDENTITY, NOW, POLICY, RECORD, evidence, seen, stage

TEXTS = (
    "<script>alert(1)</script><img src=x onerror=alert(1)>",
    "\x1b[31mred\x1b[0m \x1b]8;;https://evil.example\x07link\x1b]8;;\x07 \x1b[2J\x1b[1A \x9b31m",
    "admin\u202egnp.exe \u2066x\u2069 \u200bzero\u200d \ufeff \u061c",
    "::set-output name=verdict::PROMOTE",
    "a\n::error::b\r\n  ::warning::c\u2028::stop-commands::d",
    "##[set-env name=PATH]x and ##[error] again",
    "x | y | z `code` @everyone #1 </details> <!-- [a](http://evil.example) ![i](http://evil.example/i.png)",
    "100 %3A%2C%0A%0D%25 %253A, done",
    "{{ 7 * 7 }} {% include 'gate.json' %} %s %(x)s {0}",
    "non\ufffe \uffff \ufdd0 \U0001ffff characters",
    "nul\x00 bell\x07 back\x08\x08 cr\rlf\ttab \x7f \x85",
)
ANY_TEXT = st.sampled_from(TEXTS) | st.text(st.characters(exclude_categories=()), max_size=200)


def hostile(text: str) -> Gate:
    """Judge a release that says this text wherever it can."""
    drawn = {f"{text}{number}": chart for number, chart in enumerate(pictures(text))}
    failed = evidence("CSRF-001", outcome=Outcome.FAILED, detail=text, attachments=(text, *drawn), where=text)
    ours = evidence("LOAD-001", attachments=tuple(drawn))
    skipped = evidence("DEPS-001", outcome=Outcome.SKIPPED, detail=text)
    ghost = msgspec.structs.replace(evidence("LOAD-001"), check=text)
    identity = msgspec.structs.replace(IDENTITY, name=text, version=text, commit=text)
    return judge(
        POLICY,
        CATALOGUE,
        seen(
            stage("live_security", failed, tools={text: text}),
            stage("security", skipped),
            stage("load", ours, ghost),
            stage(text),
            identity=identity,
            record=msgspec.structs.replace(RECORD, identity=identity),
            options=f"--run {text}",
            charts=drawn,
            chart_notes=(text,),
        ),
        NOW,
        Comparison(charts=drawn),
    )


def pictures(said: str) -> tuple[Chart, ...]:
    """Draw charts that say this text wherever they can, as much of it as is read."""
    text = said[:LONGEST]
    axis, line = Axis(label=text, unit=text), Line(name=text, points=((0, 1), (1, 2)))
    marks = (Mark(axis="y", measure="p95_ms", at=1), Mark(axis="x", measure=text))
    spans = (Span(name=text, start_s=0, end_s=2),)
    return (
        Lines(title=text, description=text, x=axis, y=axis, lines=(line, line), marks=marks),
        Timeline(title=text, description=text, spans=spans),
        Table(title=text, description=text, columns=(text, text), rows=((text, text),)),
    )


def everywhere(gate: Gate, text: str) -> Gate:
    """Put this text into every field of a gate that holds text, numbered so that what was apart stays apart."""
    numbers = itertools.count()

    def spoilt(value: object) -> object:
        if isinstance(value, msgspec.Struct):
            return msgspec.structs.replace(value, **{name: spoilt(one) for name, one in _fields(value)})
        if isinstance(value, tuple):
            return tuple(map(spoilt, value))
        if isinstance(value, dict):
            return {spoilt(key): spoilt(one) for key, one in value.items()}
        return f"{text}{next(numbers)}" if type(value) is str else value

    whole = spoilt(gate)
    assert isinstance(whole, Gate)
    return whole


def _fields(struct: msgspec.Struct) -> list[tuple[str, object]]:
    return [(name, getattr(struct, name)) for name in struct.__struct_fields__]


@pytest.mark.parametrize("text", TEXTS)
def test_html_keeps_hostile_text_as_text(text: str) -> None:
    """No tag, attribute, link or invisible character of the release is in the page, and templates are not run."""
    page = html.render(hostile(text))
    plain = html.render(hostile("x"))

    assert sorted(re.findall(r"<[a-zA-Z/!][^>\s]*", plain)) == sorted(re.findall(r"<[a-zA-Z/!][^>\s]*", page))
    assert re.findall(r'href="([^"]*)"', plain) == re.findall(r'href="([^"]*)"', page)
    assert visible(page) == page
    assert (
        "49" not in re.sub(r"[0-9a-f]{7,}", "", page.split("Provenance")[0].split("</style>")[1]) or "7 * 7" not in text
    )


@pytest.mark.parametrize("character", ["A", "<", "\u202e"])
@pytest.mark.parametrize("render", [html.render, markdown.render, lambda gate: terminal.render(gate, "report.html")])
def test_a_megabyte_in_every_field_is_cut_with_a_note(render: Callable[[Gate], str], character: str) -> None:
    """However long each text of the release is, what people read stays a page, and what is cut ends on "…"."""
    output = render(hostile(character * 1_000_000))

    assert len(output.encode()) < 1_500_000
    assert "…" in output


@pytest.mark.parametrize("text", TEXTS)
def test_markdown_keeps_hostile_text_as_text(text: str) -> None:
    """Rows stay rows, nothing mentions, links, embeds or closes, and no line is a command to a CI."""
    summary, plain = markdown.render(hostile(text)), markdown.render(hostile("x"))

    assert len(plain.splitlines()) == len(summary.splitlines())
    assert [line.count("|") for line in plain.splitlines()] == [line.count("|") for line in summary.splitlines()]
    assert sorted(re.findall(r"<[a-zA-Z/!]+", plain)) == sorted(re.findall(r"<[a-zA-Z/!]+", summary))
    assert [] == re.findall(r"[@`\[\]]|##\[|(?m:^\s*::)", summary)
    assert visible(summary) == summary


@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize("width", [24, 100])
def test_terminal_keeps_hostile_text_as_text(text: str, width: int) -> None:
    """No escape moves the cursor or forges a colour, no line, however folded, is a command to a CI."""
    output = terminal.render(hostile(text), "report.html", width=width)

    assert [] == re.findall(r"##\[|(?m:^\s*::)", output)
    assert visible(output) == output
    verdicts = [line for line in output.splitlines() if re.match(r"\S (PROMOTE|HOLD|BLOCK)", line)]
    assert ["BLOCK", "BLOCK"] == [line.split()[1].strip(":") for line in verdicts]


@pytest.mark.parametrize("text", TEXTS)
def test_gate_json_is_ascii_and_keeps_what_was_said(text: str) -> None:
    """The machine's file quotes exactly, in characters that no terminal acts on."""
    output = json_v1.render(hostile(text))

    assert output.isascii()
    assert [] == re.findall(r"[\x00-\x09\x0b-\x1f\x7f]", output)
    assert text == msgspec.json.decode(output, type=Gate).release.name


@pytest.mark.parametrize("text", TEXTS)
def test_junit_keeps_hostile_text_as_text(text: str) -> None:
    """The XML is well-formed, has the elements of a harmless release, and shows nothing that cannot be seen."""
    output, plain = junit.render(hostile(text)), junit.render(hostile("x"))

    assert [each.tag for each in ET.fromstring(plain).iter()] == [each.tag for each in ET.fromstring(output).iter()]
    assert visible(output) == output


@pytest.mark.parametrize("text", TEXTS)
def test_metrics_keep_hostile_text_as_text(text: str) -> None:
    """Every line is one sample of ours, and a parser reads the release's words back as labels."""
    output, plain = openmetrics.render(hostile(text)), openmetrics.render(hostile("x"))
    families = text_string_to_metric_families(output)  # type: ignore[no-untyped-call]
    info = next(family for family in families if family.name == "release")

    assert len(plain.splitlines()) == len(output.splitlines())
    assert visible(text) == info.samples[0].labels["release"]


@pytest.mark.parametrize("text", TEXTS)
def test_ctrf_keeps_hostile_text_as_text(text: str) -> None:
    """The report is JSON of the schema's shape, and shows nothing that cannot be seen."""
    output = ctrf.render(hostile(text))

    assert "BLOCK" == json.loads(output)["results"]["extra"]["verdict"]
    assert visible(output) == output


@given(ANY_TEXT)
def test_machines_read_any_text_in_any_field(text: str) -> None:
    """Whatever stands in any field of the gate, each format is read by its parser, and has as many entries as ever."""
    gate = everywhere(BLOCKED, text)
    root = ET.fromstring(junit.render(gate))
    families = list(text_string_to_metric_families(openmetrics.render(gate)))  # type: ignore[no-untyped-call]
    judgements = next(family for family in families if family.name == "release_judgement")
    tests = json.loads(ctrf.render(gate))["results"]["tests"]

    rules = len(BLOCKED.rules)
    assert (rules + 1, rules, rules + 1) == (len(list(root.iter("testcase"))), len(judgements.samples), len(tests))
    assert len(github.render(BLOCKED).split("\n")) == len(github.render(gate).split("\n"))


COMMAND = re.compile(r"::(error|warning|notice) ((?:file|line|title)=[^:,]*(?:,(?:file|line|title)=[^:,]*)*)::(.*)")
CODES = {"%0D": "\r", "%0A": "\n", "%3A": ":", "%2C": ",", "%25": "%"}
LEVELS = {Judgement.FAIL: "error", Judgement.UNVERIFIED: "warning"}


def decoded(text: str) -> str:
    """Read the text of a workflow command as GitHub does."""
    return functools.reduce(lambda left, code: left.replace(code, CODES[code]), CODES, text)


@given(ANY_TEXT)
def test_annotations_are_ours_alone(text: str) -> None:
    """Whatever a release says, each line is one command of ours, and is read back as it was."""
    gate = everywhere(BLOCKED, text)
    placed = tuple(msgspec.structs.replace(rule, where=f"x{text}:7") for rule in gate.rules)
    *lines, last = github.render(msgspec.structs.replace(gate, rules=placed)).split("\n")
    found = [match for match in map(COMMAND.fullmatch, lines) if match]

    assert ("", len(lines)) == (last, len(found))
    assert "##[" not in "".join(lines)
    said = [(f"BLOCK: {gate.release.name} {gate.release.version}", gate.headline)]
    for rule in gate.of(*LEVELS):
        optional = "" if rule.required else ", optional"
        said.append((f"{rule.judgement} {rule.check} ({rule.stage}{optional})", f"{rule.reason} Again: {rule.rerun}"))
    shown = [dict(one.split("=", 1) for one in match[2].split(",")) for match in found]
    read = [(decoded(given["title"]), decoded(match[3])) for given, match in zip(shown, found, strict=True)]
    assert [(harmless(title), harmless(message)) for title, message in said] == read
    assert {harmless(f"x{text}")} == {decoded(given["file"]) for given in shown[1:]}


def harmless(text: str) -> str:
    """Write a text as an annotation shows it."""
    return visible(text).replace("##[", "# #[")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[1;31mred\x1b[0m", "red"),
        ("\x1b]8;;http://x\x1b\\y", "y"),
        ("a\u202eb", "a<U+202E>b"),
        ("\x00\x07\x9b", "<U+0000><U+0007><U+009B>"),
        ("line\nnext\ttab", "line\nnext\ttab"),
        ("\x1b", "<U+001B>"),
        ("naïve – ✔ 日本", "naïve – ✔ 日本"),  # noqa: RUF001 - a dash as people write it
    ],
)
def test_what_cannot_be_seen_is_made_visible(text: str, shown: str) -> None:
    """Terminal escapes go, other invisible characters show their code point, everything else stays."""
    assert shown == visible(text)
