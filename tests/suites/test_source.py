"""The source stages tell a bad source from a tool that could not look, and never pass on nothing."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import msgspec
import pytest

from evidence import run as runs
from evidence.errors import InputError
from evidence.model import Evidence, Outcome
from suites.source.advisories import Affected, Package, Range, Snapshot, affects
from suites.source.check_unit import read
from suites.source.command import ToolBroke, findings

TREE = Path(__file__).parents[2]
ADVISORIES = TREE / "fixtures" / "advisories" / "known.jsonl"
ONLY = {
    "LINT-001": "linters",
    "UNIT-001": "unit_tests",
    "SAST-001": "bad_pattern",
    "SECRETS-001": "secret_in",
    "DEPS-001": "vulnerable",
    "SBOM-001": "bill",
}
SECRET = "aws = '" + "AKIA" + "IOSFODNN7EXAMPLA" + "'\n"  # in parts, so that this file holds none


def verify(release_file: Path, stage: str, check: str, *, source: str = "", **environment: str) -> Evidence:
    """Run one check of a source stage on the release, with `source` added to its release.toml."""
    release_file.write_text(release_file.read_text() + source)
    run = release_file.parent / "run"
    told = {"RELEASE_FILE": str(release_file), "RELEASE_RUN": str(run), "RELEASE_STAGE": stage, **environment}
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-p",
        "checks.plugin",
        f"suites/source/check_{stage}.py",
        "-k",
        ONLY[check],
    ]
    done = subprocess.run(command, cwd=TREE, env={**os.environ, **told}, capture_output=True, text=True, check=False)
    assert (run / "evidence" / f"{stage}.jsonl").exists(), done.stdout + done.stderr
    found = {evidence.check: evidence for evidence in runs.read_stage(run / "evidence" / f"{stage}.jsonl").evidence}
    return found[check]


@pytest.mark.parametrize(
    ("lint", "outcome", "said"),
    [
        ('[["true"], ["test", "-d", "src"]]', Outcome.PASSED, ""),
        ('[["true"], ["sh", "-c", "echo line 3 is ugly; exit 1"], ["true"]]', Outcome.FAILED, "line 3 is ugly"),
        ('[["sh", "-c", "exit 2"]]', Outcome.ERRORED, "exit code 2"),
        ('[["no-such-linter"]]', Outcome.ERRORED, "'no-such-linter' cannot be run"),
        (
            f'[["{sys.executable}", "-m", "ruff", "check", "--exclude=*.py", "src"]]',
            Outcome.ERRORED,
            "looked at nothing",
        ),
        ("[]", Outcome.SKIPPED, "declares no command"),
    ],
)
def test_lint(release_file: Path, lint: str, outcome: Outcome, said: str) -> None:
    """Exit code 1 is a finding, any other accident is ours, and no command at all is no pass."""
    evidence = verify(release_file, "lint", "LINT-001", source=f"lint = {lint}\n")

    assert outcome is evidence.outcome
    assert said in evidence.detail


@pytest.mark.parametrize(
    "said",
    [
        "warning: No Python files found under the given path(s)",
        "No Python files are present to be formatted. Nothing to do",
        "No source files found.",
        "Inspecting 0 files\n\n0 files inspected, no offenses detected",
        "Checked 0 files in 1ms. No fixes applied.",
        "No files were processed in the specified paths.",
        "0 files already formatted",
    ],
)
def test_a_tool_that_looked_at_nothing_is_no_pass(tmp_path: Path, said: str) -> None:
    """Ruff, Black, Pyright, RuboCop and Biome say so, most of them with exit code 0."""
    with pytest.raises(ToolBroke, match="looked at nothing"):
        findings([["echo", said]], tmp_path)


@pytest.mark.parametrize(
    "said",
    ["10 files already formatted", "Success: no issues found in 20 source files", "20 files inspected, no offenses"],
)
def test_a_tool_that_found_nothing_looked(tmp_path: Path, said: str) -> None:
    """What they say of a clean source is no finding, and no accident."""
    assert {} == findings([["echo", said]], tmp_path)


def test_findings_name_their_command(tmp_path: Path) -> None:
    """What was found is kept by command; a clean one says nothing."""
    assert {"sh -c echo bad; exit 1": "bad\n"} == findings([["true"], ["sh", "-c", "echo bad; exit 1"]], tmp_path)


@pytest.mark.parametrize(
    ("code", "outcome"),
    [
        ("print('hello')\n", Outcome.PASSED),
        ("import yaml\nyaml.load(open('x'))\n", Outcome.FAILED),
        ("", Outcome.ERRORED),
    ],
)
def test_bandit(release_file: Path, code: str, outcome: Outcome) -> None:
    """A known-bad pattern fails; a source without a line of Python is not thereby safe."""
    (release_file.parent / "src" / "app.py").write_text(code)

    assert outcome is verify(release_file, "security", "SAST-001").outcome


def test_a_secret_is_found(release_file: Path) -> None:
    """A key in the source fails, by file and line, and is not repeated."""
    (release_file.parent / "src" / "app.py").write_text(SECRET)
    evidence = verify(release_file, "security", "SECRETS-001")

    assert (Outcome.FAILED, True) == (evidence.outcome, "src/app.py:1: AWS Access Key" in evidence.detail)
    assert SECRET[7:20] not in evidence.detail


@pytest.mark.parametrize(
    ("requirement", "advisories", "outcome", "said"),
    [
        ("jinja2==2.10", str(ADVISORIES), Outcome.FAILED, "jinja2 2.10: PYSEC-2019-217"),
        ("jinja2==3.1.6", str(ADVISORIES), Outcome.PASSED, ""),
        ("jinja2==3.1.6", "no-such-file", Outcome.ERRORED, "no-such-file"),
        ("", str(ADVISORIES), Outcome.ERRORED, "0 of 0 dependencies"),
    ],
)
def test_dependencies(release_file: Path, requirement: str, advisories: str, outcome: Outcome, said: str) -> None:
    """A known vulnerability fails whatever the data's age; evidence tells that age; nothing looked up is no pass."""
    (release_file.parent / "requirements.txt").write_text(f"{requirement}\n")
    evidence = verify(
        release_file,
        "security",
        "DEPS-001",
        source='requirements = ["requirements.txt"]\n',
        RELEASE_ADVISORIES=advisories,
    )

    assert outcome is evidence.outcome
    assert said in evidence.detail
    assert (evidence.as_of is not None) == (advisories == str(ADVISORIES))


@pytest.mark.parametrize(
    ("requirement", "outcome"), [("jinja2==3.1.6", Outcome.PASSED), ("jinja2", Outcome.FAILED), ("", Outcome.FAILED)]
)
def test_bill_of_materials(release_file: Path, requirement: str, outcome: Outcome) -> None:
    """A dependency without a version is no bill of materials, nor is an empty one."""
    (release_file.parent / "requirements.txt").write_text(f"{requirement}\n")
    evidence = verify(release_file, "security", "SBOM-001", source='requirements = ["requirements.txt"]\n')

    assert outcome is evidence.outcome
    assert (release_file.parent / "run" / evidence.attachments[0]).exists()


def test_requirements_that_are_missing_fail(release_file: Path) -> None:
    """A named requirements file that is not there is told, not passed over."""
    evidence = verify(release_file, "security", "DEPS-001", source='requirements = ["lock.txt"]\n')

    assert "lock.txt: no such file" in evidence.detail
    assert Outcome.PASSED is not evidence.outcome


CASES = {
    "passed": "<testcase name='a'/>",
    "failed": "<testcase name='a'/><testcase name='b'><failure message='2 != 3'/></testcase>",
    "broken": "<testcase name='a'/><testcase name='b'><error message='no database'/></testcase>",
    "skipped": "<testcase name='a'/><testcase name='b'><skipped message='no time'/></testcase>",
    "flaky": "<testcase name='a'/><testcase name='b'><flakyFailure message='once'/></testcase>",
    "none": "",
}


@pytest.mark.parametrize(
    ("cases", "code", "outcome", "said"),
    [
        ("passed", 0, Outcome.PASSED, ""),
        ("passed", 1, Outcome.FAILED, "every test passed, but"),
        ("failed", 1, Outcome.FAILED, "2 != 3"),
        ("failed", 0, Outcome.FAILED, "2 != 3"),
        ("broken", 1, Outcome.ERRORED, "no database"),
        ("skipped", 0, Outcome.SKIPPED, "1 of 2 unit tests did not run"),
        ("flaky", 0, Outcome.SKIPPED, "1 of 2 unit tests did not run"),
        ("none", 0, Outcome.ERRORED, "0 of 0 tests"),
    ],
)
def test_unit(release_file: Path, cases: str, code: int, outcome: Outcome, said: str) -> None:
    """Tests that failed fail; none, broken, skipped and retried ones are no pass, whatever the runner's exit code."""
    (release_file.parent / "cases.xml").write_text(f"<testsuite tests='99'>{CASES[cases]}</testsuite>")
    evidence = verify(
        release_file, "unit", "UNIT-001", source=f'unit = ["sh", "-c", "cp cases.xml {{junit}}; exit {code}"]\n'
    )

    assert outcome is evidence.outcome
    assert said in evidence.detail


@pytest.mark.parametrize("command", ['["true"]', '["no-such-runner"]'])
def test_unit_tests_without_a_junit_file_are_no_pass(release_file: Path, command: str) -> None:
    """A runner that leaves no file, or is not there, proves nothing."""
    assert Outcome.ERRORED is verify(release_file, "unit", "UNIT-001", source=f"unit = {command}\n").outcome


def test_junit_is_counted_by_case(tmp_path: Path) -> None:
    """A suite's own totals are not believed, and nested suites count once."""
    path = tmp_path / "junit.xml"
    path.write_text(f"<testsuites tests='9'><testsuite tests='7'>{CASES['failed']}</testsuite></testsuites>")

    assert Counter(tests=2, passed=1, failed=1) == read(path)[0]


@pytest.mark.parametrize("text", ["", "<testsuite>", "<!DOCTYPE x [<!ENTITY a 'b'>]><testsuite/>"])
def test_what_is_not_junit_is_refused(tmp_path: Path, text: str) -> None:
    """An empty, torn or booby-trapped file is an accident, not a result."""
    path = tmp_path / "junit.xml"
    path.write_text(text)

    with pytest.raises(ToolBroke):
        read(path)


SPAN = Range("ECOSYSTEM", ({"introduced": "1.0"}, {"fixed": "1.5"}, {"introduced": "2.0"}, {"last_affected": "2.3"}))


@pytest.mark.parametrize(
    ("version", "inside"),
    [
        ("0.9", False),
        ("1.0", True),
        ("1.4.9", True),
        ("1.5", False),
        ("2.0", True),
        ("2.3", True),
        ("2.4", False),
        ("?", True),
    ],
)
def test_ranges_of_an_advisory(version: str, *, inside: bool) -> None:
    """Versions are compared as Python's, ranges open and close; a version that cannot be compared is not safe."""
    assert inside == affects(Affected(Package("x", "PyPI"), ranges=(SPAN,)), version)


def test_versions_of_an_advisory_are_exact() -> None:
    """A listed version is affected without any range."""
    affected = Affected(Package("x", "PyPI"), versions=("1.0",))

    assert (True, False) == (affects(affected, "1.0"), affects(affected, "1.1"))


@pytest.mark.parametrize("content", ["", "{}\n", "no json\n", '{"id": "X"}\n'])
def test_what_is_not_a_snapshot_is_refused(tmp_path: Path, content: str) -> None:
    """A wrong or empty file could never match anything: it is refused by name."""
    path = tmp_path / "advisories.jsonl"
    path.write_text(content)

    with pytest.raises(InputError, match=r"advisories\.jsonl"):
        Snapshot(path)


def test_a_snapshot_knows_its_date_and_answers_by_any_spelling() -> None:
    """The newest record dates the data; package names are compared as PyPI compares them."""
    snapshot = Snapshot(ADVISORIES)

    assert 1 == len(snapshot.matching("Jinja2", "2.10"))
    assert msgspec.json.decode(snapshot.matching("jinja2", "2.10")[0])["id"] == "PYSEC-2019-217"
    assert [] == snapshot.matching("jinja2", "3.1.6")
    assert snapshot.as_of.year >= 2019
