"""`junit.xml`: for CI systems that show tests. One suite a stage, one case a rule, and one for the verdict."""

from __future__ import annotations

from itertools import groupby
from xml.etree import ElementTree as ET

from reports.model import Gate
from reports.render.cases import Case, Result, cases
from reports.render.text import visible

ELEMENTS = {Result.FAILED: "failure", Result.ERROR: "error", Result.SKIPPED: "skipped"}


def render(gate: Gate) -> str:
    """Write the JUnit XML that Jenkins, GitLab, Azure DevOps and pytest agree on."""
    order = {name: number for number, name in enumerate(["gate", *(visible(stage.name) for stage in gate.stages)])}
    found = sorted(cases(gate), key=lambda case: order.get(case.suite, len(order)))
    root = ET.Element("testsuites", {"name": visible(f"{gate.release.name} {gate.release.version}"), **_counts(found)})
    for name, group in groupby(found, key=lambda case: case.suite):
        own = list(group)
        began = min((case.started for case in own if case.started), default=gate.judged_at)
        given = {"name": name, "timestamp": began.isoformat(), **_counts(own)}
        suite = ET.SubElement(root, "testsuite", given)
        for case in own:
            suite.append(_case(case))
    ET.indent(root)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{ET.tostring(root, encoding="unicode")}\n'


def _counts(found: list[Case]) -> dict[str, str]:
    results = [case.result for case in found]
    return {
        "tests": str(len(found)),
        "failures": str(results.count(Result.FAILED)),
        "errors": str(results.count(Result.ERROR)),
        "skipped": str(results.count(Result.SKIPPED)),
        "time": f"{sum(case.seconds for case in found):.3f}",
    }


def _case(case: Case) -> ET.Element:
    where = {"file": case.path, "line": str(case.line)} if case.line else {}
    given = {"classname": case.suite, "name": case.name, "time": f"{case.seconds:.3f}", **where}
    element = ET.Element("testcase", given)
    if case.result is Result.PASSED:
        ET.SubElement(element, "system-out").text = case.message
    else:
        ET.SubElement(element, ELEMENTS[case.result], message=case.message).text = case.detail
    return element
