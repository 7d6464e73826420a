"""The front door: Nox, its sessions and its gate, as somebody runs them. None of these may end in a wrong PROMOTE."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import psutil
import pytest

from checks.catalogue import STAGES
from tests.fixtures.test_guard import until

TREE = Path(__file__).parents[1]
NOX = [sys.executable, "-m", "nox", "--no-color", "-f", str(TREE / "noxfile.py")]
# What the session around these tests says of itself is not for the runs that they start.
ENVIRONMENT = {name: value for name, value in os.environ.items() if not name.startswith(("RELEASE_", "NOX_"))}
HEAD = 'schema = 1\nmax_age = "24 h"\n'
SLOW = {
    "lint": 'lint = [["sleep", "60"]]',
    "types": 'types = [["sleep", "60"]]',
    "unit": 'unit = ["sleep", "60"]',
}
STARTED_WITHIN_S = 90.0
STOPPED_WITHIN_S = 45.0


def nox(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run Nox to its end."""
    command = [*NOX, *arguments]
    return subprocess.run(command, cwd=cwd, env=ENVIRONMENT, capture_output=True, text=True, check=False, timeout=110)


def gate(run: Path) -> dict[str, Any]:
    """Read the verdict."""
    found: dict[str, Any] = json.loads((run / "gate.json").read_text())
    return found


def of(run: Path, check: str) -> dict[str, Any]:
    """Read one rule's judgement."""
    (rule,) = (rule for rule in gate(run)["rules"] if rule["check"] == check)
    found: dict[str, Any] = rule
    return found


@pytest.fixture
def linted(release_file: Path) -> Path:
    """A release whose linter is content."""
    release_file.write_text(release_file.read_text() + 'lint = [["true"]]\n')
    return release_file


def test_stages_that_did_not_run_hold_the_release(linted: Path, tmp_path: Path) -> None:
    """One stage alone, from another folder, passes its own rule and promotes nothing; the report's path comes last."""
    done = nox("-s", "lint", "gate", "--", "--release", str(linted), cwd=tmp_path)
    (run,) = (tmp_path / "reports" / "runs").glob("2*")

    assert ("HOLD", "PASS") == (gate(run)["verdict"], of(run, "LINT-001")["judgement"])
    assert 1 == done.returncode
    assert str(run / "report.html") == done.stdout.splitlines()[-1]
    assert run == (tmp_path / "reports" / "runs" / "latest").resolve()


def test_the_gate_is_told_which_waivers_and_baseline_to_use(linted: Path, tmp_path: Path) -> None:
    """Both options reach the gate: waivers that are not there are refused, and so is a baseline that is none."""
    run = ["--release", str(linted), "--run", "r1"]
    nox("-s", "lint", "--", *run, cwd=tmp_path)
    waived = nox("-s", "gate", "--", *run, "--waivers", "none.toml", cwd=tmp_path)
    compared = nox("-s", "gate", "--", *run, "--baseline", "r0", cwd=tmp_path)

    assert f"{tmp_path / 'none.toml'}: cannot be read (No such file or directory)" in waived.stdout + waived.stderr
    assert "--baseline r0: neither a folder nor a run in history.jsonl" in compared.stdout + compared.stderr


def test_parallel_stages_share_one_run(linted: Path, tmp_path: Path) -> None:
    """Stages side by side are processes of their own, and still one run with one gate."""
    done = nox("--parallel", "2", "-s", "lint", "types", "gate", "--", "--release", str(linted), cwd=tmp_path)
    (run,) = (tmp_path / "reports" / "runs").glob("2*")

    assert ("PASS", "UNVERIFIED") == (of(run, "LINT-001")["judgement"], of(run, "TYPES-001")["judgement"])
    assert str(run / "report.html") == done.stdout.splitlines()[-1]


def test_evidence_of_an_earlier_try_is_not_judged(linted: Path, tmp_path: Path) -> None:
    """A stage that passed, and then cannot even start, is not verified: its old evidence is gone."""
    run = tmp_path / "run"
    paths = ("--", "--release", str(linted), "--run", str(run))
    nox("-s", "lint", "gate", *paths, cwd=tmp_path)
    assert "PASS" == of(run, "LINT-001")["judgement"]
    nox("-s", "lint", "gate", *paths, "-p", "no_such_plugin", cwd=tmp_path)

    assert ("HOLD", "UNVERIFIED") == (gate(run)["verdict"], of(run, "LINT-001")["judgement"])


@pytest.mark.parametrize(
    ("policy", "said"),
    [
        (HEAD, "rules: must be a table with something in it"),
        (
            f"{HEAD}[rules.LINT-011]\n",
            'policy.toml:3: [rules.LINT-011]: no check has this id; did you mean "LINT-001"?',
        ),
        ("[", "policy.toml: is not valid TOML"),
        (None, "policy.toml: cannot be read"),
    ],
)
def test_a_wrong_policy_has_no_verdict(linted: Path, tmp_path: Path, policy: str | None, said: str) -> None:
    """An empty, misspelt, torn or missing policy is one line, and leaves no verdict."""
    path, run = tmp_path / "policy.toml", tmp_path / "run"
    if policy is not None:
        path.write_text(policy)
    options = ("--release", str(linted), "--policy", str(path), "--run", str(run))
    done = nox("-s", "lint", "gate", "--", *options, cwd=tmp_path)
    output = done.stdout + done.stderr

    assert 1 == done.returncode
    assert said in output
    assert "exit code 2" in output
    assert "Traceback" not in output
    assert not (run / "gate.json").exists()


def test_a_run_folder_that_cannot_be_made_is_one_line(linted: Path, tmp_path: Path) -> None:
    """No room for the run: every session says so, and nothing is promoted."""
    (tmp_path / "file").write_text("in the way")
    options = ("--release", str(linted), "--run", str(tmp_path / "file" / "run"))
    done = nox("-s", "lint", "gate", "--", *options, cwd=tmp_path)
    output = done.stdout + done.stderr

    assert 1 == done.returncode
    assert "the run folder cannot be written" in output
    assert "Traceback" not in output


@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.timeout(180)
def test_interrupted_a_stage_leaves_nothing_running(stage: str, release_file: Path, tmp_path: Path) -> None:
    """Ctrl-C while a stage works: exit code 130, and every process of the run is gone."""
    run = tmp_path / "run"
    command = [*NOX, "-s", stage, "--", "--run", str(run)]
    if stage in SLOW:  # the reference release's would be over before it can be interrupted
        release_file.write_text(f"{release_file.read_text()}{SLOW[stage]}\n")
        command += ["--release", str(release_file)]
    process = subprocess.Popen(
        command,
        cwd=tmp_path,
        env=ENVIRONMENT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        assert until(lambda: at_work(run, stage), STARTED_WITHIN_S)
        time.sleep(0.5)
        os.killpg(process.pid, signal.SIGINT)  # as a terminal does

        assert 130 == process.wait(STOPPED_WITHIN_S)
        assert until(lambda: not processes_of(run)), processes_of(run)
    finally:
        for left in processes_of(run):
            left.kill()


def at_work(run: Path, stage: str) -> bool:
    """Tell whether the stage's own runner is there; a live stage then has its target up."""
    runner = "load" if stage == "load" else "pytest"
    return any(runner in command[1:3] for command in map(command_of, processes_of(run)))


def processes_of(run: Path) -> list[psutil.Process]:
    """Find every process that was started for the run."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.status() != psutil.STATUS_ZOMBIE and process.environ().get("RELEASE_RUN") == str(run):
                found.append(process)
        except (psutil.Error, OSError):
            continue
    return found


def command_of(process: psutil.Process) -> list[str]:
    """Give its command; nothing where it just ended."""
    try:
        return list(process.cmdline())
    except psutil.Error:
        return []
