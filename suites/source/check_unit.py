"""The release's own unit tests, whatever runs them: their JUnit file tells."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from checks.claim import check
from evidence.release import Release, Undeclared
from suites.source.command import ToolBroke, run

ENTITY = "<!ENTITY"


@check("UNIT-001")
def check_unit_tests_pass(
    release: Release, tmp_path: Path, measure: Callable[..., None], attach: Callable[..., None]
) -> None:
    """The release's own unit tests ran, every one of them, and passed."""
    if not release.source.unit:
        msg = f"{release.path}: [source] unit declares no command; declare one, or say why not in [not_applicable]"
        raise Undeclared(msg)
    junit = tmp_path / "junit.xml"
    done = run([part.replace("{junit}", str(junit)) for part in release.source.unit], release.root)
    if not junit.exists():
        msg = f"{done} (exit code {done.code}) wrote no JUnit file to {{junit}}: {done.output[-2000:]}"
        raise ToolBroke(msg)
    attach("junit.xml", junit)
    count, problems = read(junit)
    measure(**{f"{name}_total": count[name] for name in ("tests", "passed", "failed", "broken", "skipped")})

    assert not count["failed"], "\n".join(problems)
    if count["broken"] or not count["tests"]:
        msg = f"{done} (exit code {done.code}): {count['broken']} of {count['tests']} tests broke: {' '.join(problems)}"
        raise ToolBroke(msg)
    assert done.code == 0, f"every test passed, but {done} ended with exit code {done.code}: {done.output[-2000:]}"
    if count["skipped"]:
        pytest.skip(f"{count['skipped']} of {count['tests']} unit tests did not run: {' '.join(problems)}")


def read(junit: Path) -> tuple[Counter[str], list[str]]:
    """Count the test cases themselves, since a suite's own totals can lie; ToolBroke where it is not JUnit."""
    text = junit.read_text(encoding="utf-8", errors="replace")
    if ENTITY in text:
        msg = "the JUnit file of the unit tests declares entities: it is not read"
        raise ToolBroke(msg)
    try:
        cases = list(ET.fromstring(text).iter("testcase"))  # noqa: S314 - without entities there is no bomb
    except ET.ParseError as error:
        msg = f"the JUnit file of the unit tests cannot be read: {error}"
        raise ToolBroke(msg) from None
    count, problems = Counter(tests=len(cases)), []
    for case in cases:
        state = next((word for tag, word in STATES.items() if case.find(tag) is not None), "passed")
        count[state] += 1
        if state != "passed":
            problems.append(f"{case.get('classname', '')}::{case.get('name', '')}: {state}: {_message(case)}")
    return count, problems


STATES = {
    "failure": "failed",
    "error": "broken",
    "rerunFailure": "failed",
    "flakyFailure": "skipped",
    "skipped": "skipped",
}
"""A test that passed only on a retry did not simply pass: it holds the release, as one that was skipped does."""


def _message(case: ET.Element) -> str:
    return next((child.get("message", "") for child in case if child.tag in STATES), "")[:500]
