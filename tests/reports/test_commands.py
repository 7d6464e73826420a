"""The gate's other commands, its options, and that the same inputs give the same bytes."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from types import ModuleType

import pytest

from checks.stage import Stage
from evidence.errors import InputError
from evidence.model import Outcome
from reports import __main__ as gate
from reports import history
from reports.publish import FILES
from tests.reports.test_gate import POLICY, Call, call, leave, run

__all__ = ["call", "run"]  # fixtures

NOW = "2999-01-01T00:00:00Z"
WAIVER = """[[waivers]]
id = "W-1"
check = "PAGE-001"
scope = { version = "<3" }
reason = "mended in 3"
owner = "ada"
approver = "grace"
until = 2999-01-02
"""


@pytest.mark.parametrize("name", gate.COMMANDS)
def test_a_command_gets_its_arguments_and_gives_its_exit_code(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each word is dispatched to its module, which is imported only then."""
    module = ModuleType(gate.COMMANDS[name])
    module.main = lambda arguments: {("--run", "x"): 7}[tuple(arguments)]  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, gate.COMMANDS[name], module)

    assert 7 == gate.main([name, "--run", "x"])


def test_a_command_that_is_not_there_is_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A part that is not installed is a usage error, and no crash."""
    monkeypatch.setitem(gate.COMMANDS, "explain", "reports.nowhere")

    assert 2 == gate.main(["explain", "--run", "x"])
    assert "gate: the command explain is not part of this installation\n" == capsys.readouterr().err


def test_a_command_without_its_library_is_a_crash(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What a command itself cannot import is an accident of ours, not a command that is not there."""

    def lost(_: str) -> ModuleType:
        msg = "No module named 'securesystemslib'"
        raise ModuleNotFoundError(msg, name="securesystemslib")

    monkeypatch.setattr("importlib.import_module", lost)

    assert 1 == gate.main(["sign"])
    assert "No module named 'securesystemslib'" in capsys.readouterr().err


@pytest.mark.parametrize(("accident", "code"), [(InputError("wrong"), 2), (KeyboardInterrupt(), 130), (OSError(5), 1)])
def test_an_accident_of_a_command_is_one_line(
    accident: BaseException, code: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Commands break as the gate does."""
    module = ModuleType("reports.explain")

    def broken(_: object) -> int:
        raise accident

    module.main = broken  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "reports.explain", module)

    assert code == gate.main(["explain"])
    assert 1 == capsys.readouterr().err.count("\n")


def test_the_same_inputs_give_the_same_bytes(call: Call, run: Path, stage: Stage) -> None:
    """Judged at the same moment, a run says the same to the byte, however often it is judged."""
    leave(stage, Outcome.FAILED)
    seen = []
    for _ in range(3):
        call("--now", NOW)
        seen.append([(run / name).read_bytes() for name in ("gate.json", *FILES)])

    assert [seen[0]] * 3 == seen
    assert 3 == len((run.parent / "history.jsonl").read_bytes().splitlines())


def test_a_later_run_changes_nothing_of_an_earlier_one(call: Call, run: Path, release_file: Path) -> None:
    """An old run can be judged again: what came after it is not its history."""
    call("--now", NOW)
    before = (run / "gate.json").read_bytes()
    later = run.with_name("r2")
    (later / "evidence").mkdir(parents=True)
    (later / "release.json").write_text((run / "release.json").read_text().replace('"r1"', '"r2"'))
    gate.main(["--run", str(later), "--release", str(release_file)])
    call("--now", NOW)

    assert ["r1", "r2"] == [line.run for line in history.read(run.parent / "history.jsonl").lines]
    assert before == (run / "gate.json").read_bytes()


def test_a_run_has_those_before_it(call: Call, run: Path, stage: Stage, release_file: Path) -> None:
    """The baseline is in gate.json, and so is what came before."""
    call()
    leave(stage, Outcome.FAILED)
    second = run.with_name("r2")
    (second / "evidence").mkdir(parents=True)
    for name in ("release.json", "evidence/smoke.jsonl"):
        (second / name).write_text((run / name).read_text().replace('"r1"', '"r2"'))
    gate.main(["--run", str(second), "--release", str(release_file)])
    written = json.loads((second / "gate.json").read_text())

    assert ("BLOCK", "r1") == (written["verdict"], written["baseline"]["run"])
    assert [("r1", "PROMOTE", {"PAGE-001": "PASS"})] == [
        (past["run"], past["verdict"], past["judgements"]) for past in written["previous"]
    ]


def test_a_history_that_cannot_be_written_changes_nothing(
    call: Call, run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The verdict stands, the reports are written, and stderr says it in one line."""
    (run.parent / "history.jsonl").mkdir()

    assert 0 == call()
    assert capsys.readouterr().err.startswith("gate: remember broke, the verdict stands: IsADirectoryError: ")
    assert (run / "report.html").exists()


def test_waivers_may_be_given_beside_the_policy(call: Call, run: Path, stage: Stage, tmp_path: Path) -> None:
    """`--waivers PATH` waives a failure, and its digest is recorded; where all is waived, nothing is verified."""
    leave(stage, Outcome.FAILED)
    when = str(json.loads((run / "release.json").read_text())["started"])
    (tmp_path / "waivers.toml").write_text(WAIVER.replace("2999-01-02", when[:10]))

    assert (10, 20) == (call(), call("--waivers", tmp_path / "waivers.toml"))
    written = json.loads((run / "gate.json").read_text())
    assert ("WAIVED", "waivers.toml") == (written["rules"][0]["judgement"], written["waivers_file"]["name"])


def test_a_stale_waiver_is_a_wrong_policy(
    call: Call, run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 2, by file and line, and no verdict."""
    when = str(json.loads((run / "release.json").read_text())["started"])[:10]
    (tmp_path / "policy.toml").write_text(POLICY + WAIVER.replace("2999-01-02", when))

    assert 2 == call()
    assert "policy.toml:4: [[waivers]] W-1: is stale: PAGE-001 is PASS; remove the waiver" in capsys.readouterr().err
    assert not (run / "gate.json").exists()


def test_a_pinned_baseline_that_is_none_has_no_verdict(call: Call, run: Path) -> None:
    """Exit code 2: a typo is not quietly no baseline."""
    assert 2 == call("--baseline", "r0")
    assert not (run / "gate.json").exists()


def test_help_names_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    """Whoever asks is told what there is."""
    with pytest.raises(SystemExit):
        gate.main(["--help"])
    said = capsys.readouterr().out

    assert [] == [name for name in gate.COMMANDS if f"python -m reports {name}" not in said]
