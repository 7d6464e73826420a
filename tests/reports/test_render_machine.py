"""What machines read of a verdict: each format valid, and green only where the release may be promoted."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree as ET

import jsonschema
import msgspec
import pytest
from prometheus_client.metrics_core import Metric
from prometheus_client.openmetrics.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

from evidence.model import Outcome
from reports.model import Gate, Judgement, Verdict
from reports.render import ctrf, github, junit, openmetrics
from reports.render.cases import Result, cases
from reports.render.text import place
from tests.reports.test_render import BLOCKED, HELD, WARNED
from tests.reports.world import evidence, gate_of, load, measured, seen, stage

CTRF_SCHEMA = Path(__file__).parents[1] / "golden" / "ctrf-0.0.schema.json"
"""As the npm package ctrf 0.3.0 has it; its licence (MIT) stands beside it."""
STRANGER = msgspec.structs.replace(evidence("LOAD-001"), check="X-001")
UNASKED = gate_of(seen(stage("load", evidence("LOAD-001"), STRANGER)))
GATES = {"block": BLOCKED, "hold": HELD, "promote": WARNED, "unexpected": UNASKED}
RED = {Verdict.PROMOTE: None, Verdict.HOLD: Result.ERROR, Verdict.BLOCK: Result.FAILED}


@pytest.mark.parametrize("gate", GATES.values(), ids=GATES)
def test_all_green_means_promote(gate: Gate) -> None:
    """A report without failure and error is a promoted release, also where no rule stands in the way of another."""
    results = {case.result for case in cases(gate)}

    assert (gate.verdict is Verdict.PROMOTE) is results.isdisjoint({Result.FAILED, Result.ERROR})
    assert RED[gate.verdict] in {*results, None}


def test_an_optional_doubt_is_skipped_and_says_so() -> None:
    """What does not hold the release is not red, and is shown with the reason that the policy gives."""
    case = next(case for case in cases(BLOCKED) if case.name.startswith("DEPS-001"))

    assert Result.SKIPPED is case.result
    assert case.message.endswith("Optional, because not every machine can.")


def test_a_waived_failure_is_neither_green_nor_red() -> None:
    """A waived rule is skipped, and says what failed and who answers for it."""
    rules = [msgspec.structs.replace(rule, judgement=Judgement.WAIVED) for rule in BLOCKED.rules]
    waived = msgspec.structs.replace(BLOCKED, rules=tuple(rules))

    assert {Result.SKIPPED} == {case.result for case in cases(waived) if case.suite != "gate"}


@pytest.mark.parametrize("gate", GATES.values(), ids=GATES)
def test_junit_counts_what_it_shows(gate: Gate) -> None:
    """Each suite's and the whole report's numbers are those of their cases; one suite a stage, the verdict first."""
    root = ET.fromstring(junit.render(gate))

    for suite in (root, *root.iter("testsuite")):
        tags = Counter(child.tag for case in suite.iter("testcase") for child in case)
        counted = {"failures": tags["failure"], "errors": tags["error"], "skipped": tags["skipped"]}
        assert {name: str(number) for name, number in counted.items()} == {name: suite.get(name) for name in counted}
        assert str(len(list(suite.iter("testcase")))) == suite.get("tests")
    names = [suite.get("name") for suite in root]
    assert ("gate", len(set(names))) == (names[0], len(names))
    assert len(gate.rules) + 1 == len(list(root.iter("testcase")))


def test_metrics_are_read_back_by_a_parser() -> None:
    """Verdict, judgements, numbers, limits and margins are series; the run is named on the info metric alone."""
    text = openmetrics.render(BLOCKED)
    parsed = text_string_to_metric_families(text)  # type: ignore[no-untyped-call]
    families = {family.name: family for family in parsed}
    verdict = {sample.labels["release_verdict"]: sample.value for sample in families["release_verdict"].samples}
    rules = {sample.labels["check"]: sample.labels["judgement"] for sample in families["release_judgement"].samples}
    counts = {sample.labels["judgement"]: sample.value for sample in families["release_rules"].samples}

    assert {"BLOCK": 1, "HOLD": 0, "PROMOTE": 0} == verdict
    assert {"DEPS-001": "UNVERIFIED", "CSRF-001": "FAIL", "LOAD-001": "FAIL"} == rules
    assert {"PASS": 0, "FAIL": 2, "UNVERIFIED": 1, "WAIVED": 0, "NOT APPLICABLE": 0} == counts
    assert [-0.5025] == [sample.value for sample in families["release_margin_ratio"].samples]
    assert 1 == text.count(BLOCKED.release.digest) == text.count(f'run="{BLOCKED.run}"')
    assert text.endswith("# EOF\n")


@pytest.mark.parametrize(
    ("measure", "value", "family", "shown"),
    [
        ("p95_ms", 86.4, "release_measured_seconds", 0.0864),
        ("rto_s", 90.0, "release_measured_seconds", 90.0),
        ("age_min", 2.0, "release_measured_seconds", 120.0),
        ("age_h", 2.0, "release_measured_seconds", 7200.0),
        ("age_d", 2.0, "release_measured_seconds", 172800.0),
        ("page_bytes", 512.0, "release_measured_bytes", 512.0),
        ("heap_mib", 1.5, "release_measured_bytes", 1572864.0),
        ("busy_percent", 12.5, "release_measured_ratio", 0.125),
        ("error_ratio", 0.001, "release_measured_ratio", 0.001),
        ("asked_per_s", 40.0, "release_measured", 40.0),
        ("rows_total", 40.0, "release_measured", 40.0),
        ("speed", 40.0, "release_measured", 40.0),
    ],
)
def test_numbers_are_in_base_units(measure: str, value: float, family: str, shown: float) -> None:
    """Dashboards get seconds, bytes and ratios, measured and as limits, under the name that the policy uses."""
    (rule,) = (rule for rule in WARNED.rules if rule.check == "LOAD-001")
    limit = msgspec.structs.replace(rule.limits[0], measure=measure, limit=value)
    rule = msgspec.structs.replace(rule, measured={measure: value}, limits=(limit,))
    text = openmetrics.render(msgspec.structs.replace(WARNED, rules=(rule,)))
    numbers = {
        (name, sample.labels["measure"], sample.value)
        for name, sample in _samples(text)
        if name.startswith("release_measured")
    }
    limits = {(name, sample.value) for name, sample in _samples(text) if name.startswith("release_limit")}

    assert {(family, measure, shown)} == numbers
    assert {(family.replace("measured", "limit"), shown)} == limits


def test_the_same_number_in_two_units_is_two_series() -> None:
    """A check may measure in seconds and milliseconds; neither hides the other."""
    text = openmetrics.render(gate_of(measured(p95_ms=71.5, p95_s=0.0715, samples_total=900)))

    assert ["p95_ms", "p95_s"] == [
        sample.labels["measure"] for name, sample in _samples(text) if name == "release_measured_seconds"
    ]


@pytest.mark.parametrize(("value", "shown"), [(math.nan, "NaN"), (math.inf, "+Inf"), (-math.inf, "-Inf"), (3, "3.0")])
def test_numbers_that_are_none_are_spelled_as_the_format_asks(value: float, shown: str) -> None:
    """Whatever a gate holds, a line stays one that a scraper takes."""
    rule = msgspec.structs.replace(WARNED.rules[0], measured={"rows_total": value})
    text = openmetrics.render(msgspec.structs.replace(WARNED, rules=(rule,)))

    assert f'measure="rows_total"}} {shown}\n' in text


@pytest.mark.parametrize("gate", GATES.values(), ids=GATES)
def test_ctrf_keeps_its_published_schema(gate: Gate) -> None:
    """The report is what the format's own schema allows, which refuses one that is spoilt."""
    schema = json.loads(CTRF_SCHEMA.read_text(encoding="utf-8"))
    report = json.loads(ctrf.render(gate))
    validator = jsonschema.Draft7Validator(schema, format_checker=jsonschema.FormatChecker())

    assert [] == [error.message for error in validator.iter_errors(report)]
    report["results"]["tests"][0]["status"] = "error"
    assert not validator.is_valid(report)


@pytest.mark.parametrize("gate", GATES.values(), ids=GATES)
def test_ctrf_counts_what_it_shows(gate: Gate) -> None:
    """Counts that are those of the tests, whole milliseconds, and no commit where none is known."""
    gate = msgspec.structs.replace(gate, release=msgspec.structs.replace(gate.release, commit=None))
    results = json.loads(ctrf.render(gate))["results"]
    statuses = Counter(test["status"] for test in results["tests"])
    summary = results["summary"]

    assert len(gate.rules) + 1 == summary["tests"]
    assert {name: statuses[name] for name in ("passed", "failed", "skipped", "pending", "other")} == {
        name: summary[name] for name in ("passed", "failed", "skipped", "pending", "other")
    }
    assert {"appName", "appVersion", "buildId"} == set(results["environment"])
    numbers = [summary["start"], summary["stop"], *(test["duration"] for test in results["tests"])]
    assert {int} == {type(number) for number in numbers}


def test_annotations_are_capped_and_say_so() -> None:
    """GitHub shows ten of a kind: the verdict, nine rules, and how many there are beside."""
    rule = next(rule for rule in BLOCKED.rules if rule.judgement is Judgement.FAIL)
    many = msgspec.structs.replace(BLOCKED, rules=(rule,) * 25)
    lines = github.render(many).splitlines()

    assert (10, 1) == (sum(line.startswith("::error ") for line in lines), len(lines) - 10)
    assert "::notice title=More::16 more FAIL in report.html." == lines[-1]


def test_annotations_of_a_good_run_are_one_notice() -> None:
    """A promoted release is said in one line."""
    assert ["::notice title=PROMOTE%3A shop 2.14.0::3 of 3 claims hold."] == github.render(gate_of(load())).splitlines()


def test_optional_and_unplaced_rules_are_annotated_too() -> None:
    """A doubt is a warning with the place of its check, where one is known."""
    skipped = evidence("DEPS-001", outcome=Outcome.SKIPPED, detail="no network")
    lines = github.render(gate_of(seen(stage("security", skipped)))).splitlines()

    assert lines[1].startswith("::warning file=s/deps.py,line=7,title=UNVERIFIED DEPS-001 (security%2C optional)::")


@pytest.mark.parametrize(
    ("where", "found"),
    [
        ("a/b.py:7", ("a/b.py", 7)),
        ("a:b.py:12", ("a:b.py", 12)),
        ("a/b.py", ("a/b.py", 0)),
        (":7", (":7", 0)),
        ("a:", ("a:", 0)),
        ("a:७", ("a:७", 0)),
        ("a:99999999999", ("a:99999999999", 0)),
        ("", ("", 0)),
    ],
)
def test_a_place_is_a_path_and_a_line(where: str, found: tuple[str, int]) -> None:
    """The number after the last colon is the line; what is none belongs to the path."""
    assert found == place(where)


def _samples(text: str) -> Iterator[tuple[str, Sample]]:
    """Parse metrics, and give each sample with the name of its family."""
    families: Iterator[Metric] = text_string_to_metric_families(text)  # type: ignore[no-untyped-call]
    return ((family.name, sample) for family in families for sample in family.samples)
