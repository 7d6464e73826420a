"""What cannot be told is never called verified, and an accident is one line."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from reports import verify
from reports.attestation import again, sums
from tests.reports import sealed
from tests.reports.sealed import World
from tests.reports.verify.said import ENVELOPE, Out, call, remove, set_in, tampered

UNTOLD: dict[str, tuple[Callable[[World], object], str]] = {
    "no envelope": (remove(ENVELOPE), f"{ENVELOPE}: is missing, the run is not signed"),
    "nothing sealed": (remove(ENVELOPE, sums.NAME), f"{sums.NAME}: is missing"),
    "no verdict": (remove(ENVELOPE, sums.NAME, "gate.json"), "gate.json: is missing, there is no verdict to verify"),
}


@pytest.mark.parametrize(("change", "says"), UNTOLD.values(), ids=UNTOLD)
def test_what_cannot_be_told_is_not_verified(
    good: World, capsys: Out, change: Callable[[World], object], says: str
) -> None:
    """Exit code 20, and the last line says so."""
    change(good)

    assert 20 == call(good)
    out = capsys.readouterr().out
    assert f"NOT VERIFIED  {says}" in out
    assert out.splitlines()[-1].startswith("not verified: ")


def test_without_a_key_nothing_is_verified(good: World, capsys: Out) -> None:
    """All else agrees, and still it is 20: anybody can write a run that agrees with itself."""
    assert 20 == verify.main(["--run", str(good.run)])
    assert "the signature was not verified; name a key with --public-key" in capsys.readouterr().out


def test_other_code_cannot_tell(good: World, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: Out) -> None:
    """A check that moved to another line since makes a verdict of other bytes: doubt, and no accusation."""
    tree = tmp_path / "tree"
    shutil.copytree(good.tree, tree)
    path = tree / "load" / "checks.py"
    path.write_text(f"\n{path.read_text()}")
    monkeypatch.setattr(again, "TREE", tree)

    assert 20 == call(good)
    out = capsys.readouterr().out
    assert (
        'NOT VERIFIED  gate.json: rules[LOAD-001].where is "load/checks.py:2", judged again "load/checks.py:3"' in out
    )
    assert "NOT VERIFIED  gate.json: other code judged ({'reports': 'sha256:" in out
    assert 10 == verify.main(["--run", str(good.run)])  # nobody vouches for what the statement says of its code
    capsys.readouterr()
    good.edit("gate.json", set_in("verdict", "HOLD"))
    assert 10 == call(good)  # nor for a gate.json that is not the signed one
    assert 'gate.json: verdict is "HOLD", judged again "PROMOTE"' in tampered(capsys.readouterr().out)


def test_a_policy_that_this_tree_does_not_know_cannot_be_judged_by(
    good: World, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: Out
) -> None:
    """A check that was added since has no rule in the old policy."""
    tree = tmp_path / "tree"
    shutil.copytree(good.tree, tree)
    (tree / "load" / "more.py").write_text(sealed.CHECK.format(check="LOAD-009", claim="More."))
    monkeypatch.setattr(again, "TREE", tree)

    assert 20 == call(good)
    assert "this tree cannot judge the run again: " in capsys.readouterr().out


def test_evidence_that_breaks_the_judge_is_a_doubt(good: World, monkeypatch: pytest.MonkeyPatch, capsys: Out) -> None:
    """It ends no other finding."""

    def break_down(*_: object) -> None:
        msg = "too deep"
        raise RecursionError(msg)

    monkeypatch.setattr(again, "judge", break_down)

    assert 20 == call(good)
    assert "this tree cannot judge the run again: RecursionError: too deep" in capsys.readouterr().out


MISUSES = {
    "no folder": (["--run", "nowhere"], "nowhere: is not the folder of a run"),
    "no key file": (["--run", ".", "--public-key", "nowhere"], "nowhere: the key cannot be read"),
}


@pytest.mark.parametrize(("options", "says"), MISUSES.values(), ids=MISUSES)
def test_misuse_is_one_line(
    options: list[str], says: str, capsys: Out, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Exit code 2, and what to mend."""
    monkeypatch.chdir(tmp_path)

    assert 2 == verify.main(options)
    said = capsys.readouterr()
    assert ("", 1) == (said.out, said.err.count("\n"))
    assert says in said.err


@pytest.mark.parametrize(("accident", "code"), [(ValueError("x\ny"), 1), (KeyboardInterrupt(), 130)])
def test_an_accident_verifies_nothing(
    good: World, monkeypatch: pytest.MonkeyPatch, capsys: Out, accident: BaseException, code: int
) -> None:
    """1 or 130, one line, and no traceback."""

    def break_down(*_: object) -> None:
        raise accident

    monkeypatch.setattr(verify, "audit", break_down)

    assert code == call(good)
    assert 1 == capsys.readouterr().err.count("\n")
