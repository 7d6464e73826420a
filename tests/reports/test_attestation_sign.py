"""Signing: only what follows from the evidence, whole or not at all, and offline."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from reports import sign, verify
from reports.attestation import dsse, keys, sums
from tests.reports import sealed
from tests.reports.sealed import World

TREE = Path(__file__).parents[2]
Out = pytest.CaptureFixture[str]


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> World:
    """A signed BLOCK; tests copy it."""
    return sealed.build(tmp_path_factory.mktemp("template"), p95_ms=140.0)


@pytest.fixture
def world(template: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    """A copy that was judged and is not signed."""
    sealed.at(template.tree, monkeypatch)
    copy = template.copy(tmp_path)
    for name in (sums.NAME, sums.ENVELOPE, "policy.toml"):
        (copy.run / name).unlink()
    return copy


def test_a_block_is_signed(world: World, capsys: Out) -> None:
    """Exit code 0, since signing went well; the verdict is said, and its statement, SHA256SUMS and policy lie there."""
    before = {*world.files()}

    assert 0 == world.sign()
    assert {sums.NAME, sums.ENVELOPE, "policy.toml"} == {*world.files()} - before
    out = capsys.readouterr().out.splitlines()
    assert out[0].startswith("signed: BLOCK of a shop 2.14.0 (sha256:")
    assert f"statement: {world.run / sums.ENVELOPE}" == out[1]


def test_signing_is_deterministic_and_may_be_repeated(world: World) -> None:
    """The same run and key give the same bytes, also over seals that lie there already."""
    world.sign()
    first = [(world.run / name).read_bytes() for name in (sums.NAME, sums.ENVELOPE)]
    world.sign()

    assert first == [(world.run / name).read_bytes() for name in (sums.NAME, sums.ENVELOPE)]


def test_signing_and_verifying_open_no_socket(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Offline means offline."""

    def refuse(*_: object, **__: object) -> None:
        pytest.fail("a socket was opened")

    monkeypatch.setattr(socket, "socket", refuse)

    assert 0 == world.sign()
    assert 0 == verify.main(["--run", str(world.run), "--public-key", str(world.public)])


def test_the_key_may_come_from_the_environment(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """As a secret store gives it."""
    monkeypatch.setenv(keys.VARIABLE, world.key.read_text())

    assert 0 == sign.main(["--run", str(world.run), "--policy", str(world.policy)])
    assert 0 == verify.main(["--run", str(world.run), "--public-key", str(world.public)])


def rewrite(name: str, old: str, new: str) -> Callable[[World], object]:
    """Replace text in a file of the run."""
    return lambda world: (world.run / name).write_text((world.run / name).read_text().replace(old, new))


REFUSED: dict[str, tuple[Callable[[World], object], int, str]] = {
    "another verdict": (rewrite("gate.json", '"BLOCK"', '"PROMOTE"'), 10, 'verdict is "PROMOTE", judged again "BLOCK"'),
    "other evidence": (rewrite("evidence/smoke.jsonl", '"passed"', '"failed"'), 10, "rules[PAGE-001].judgement is"),
    "no verdict": (lambda world: (world.run / "gate.json").unlink(), 2, "judge first: python -m reports --run"),
    "a broken verdict": (lambda world: (world.run / "gate.json").write_text("{"), 2, "gate.json: is not a verdict: "),
    "no record": (lambda world: (world.run / "release.json").unlink(), 20, "this tree cannot judge the run again: "),
    "a pipe": (
        lambda world: os.mkfifo(world.run / "pipe"),
        2,
        "pipe: is not a regular file, so the run cannot be sign",
    ),
}


@pytest.mark.parametrize(("spoil", "code", "says"), REFUSED.values(), ids=REFUSED)
def test_what_does_not_follow_is_not_signed(
    world: World, capsys: Out, spoil: Callable[[World], object], code: int, says: str
) -> None:
    """No key is put to it, and it says why."""
    spoil(world)

    assert code == world.sign()
    assert says in "".join(capsys.readouterr())
    assert sums.ENVELOPE not in world.files()


def test_another_policy_is_not_the_one_that_judged(world: World, tmp_path: Path, capsys: Out) -> None:
    """10 where it differs, 20 where it is not there."""
    lax = tmp_path / "lax.toml"
    codes = [world.sign("--policy", str(lax))]
    lax.write_text(sealed.POLICY.replace("= 100", "= 200"))
    codes.append(world.sign("--policy", str(lax)))

    assert [20, 10] == codes
    assert "name the one that judged with --policy" in capsys.readouterr().out
    assert sums.ENVELOPE not in world.files()


def test_a_run_that_is_half_sealed_is_not_taken_for_signed(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The old envelope goes before anything new comes: an accident in between leaves a run that is not signed."""
    world.sign()

    def break_down(*_: object) -> bytes:
        msg = "no\nroom"
        raise OSError(msg)

    monkeypatch.setattr(dsse, "seal", break_down)

    assert 1 == world.sign()
    assert 20 == verify.main(["--run", str(world.run), "--public-key", str(world.public)])


@pytest.mark.parametrize(("accident", "code"), [(ValueError("the key is abc"), 1), (KeyboardInterrupt(), 130)])
def test_an_accident_signs_nothing_and_shows_nothing(
    world: World, monkeypatch: pytest.MonkeyPatch, capsys: Out, accident: BaseException, code: int
) -> None:
    """One line, without what the exception says: it may know the key."""

    def break_down(*_: object) -> None:
        raise accident

    monkeypatch.setattr(keys, "private", break_down)

    assert code == world.sign()
    said = capsys.readouterr()
    assert ("", 1) == (said.out, said.err.count("\n"))
    assert "abc" not in said.err


@pytest.mark.parametrize("options", [(), ("--run", "r", "--generate", "k"), ("--run", "r", "--ke", "k")])
def test_bad_usage_is_exit_code_2(options: tuple[str, ...], capsys: Out) -> None:
    """Neither a run nor a key to make, both, an abbreviated option."""
    with pytest.raises(SystemExit) as left:
        sign.main(options)

    assert 2 == left.value.code
    assert "error:" in capsys.readouterr().err


def test_nobody_reading_on_is_no_accident(world: World) -> None:
    """`... | head -1` leaves the exit code, and no complaint of Python's."""
    world.sign()
    code = (
        "import os, sys; r, w = os.pipe(); os.close(r); os.dup2(w, 1); "
        f"from pathlib import Path; from reports.attestation import again; again.TREE = Path({str(world.tree)!r}); "
        "from reports.verify import main; sys.exit(main(sys.argv[1:]))"
    )
    command = [sys.executable, "-c", code, "--run", str(world.run), "--public-key", str(world.public)]
    done = subprocess.run(command, cwd=TREE, capture_output=True, check=False)

    assert (0, b"") == (done.returncode, done.stderr)


def test_a_copied_run_verifies(world: World, tmp_path: Path) -> None:
    """What is archived is whole: policy and all."""
    world.sign()
    shutil.copytree(world.run, tmp_path / "archive")

    assert 0 == verify.main(["--run", str(tmp_path / "archive"), "--public-key", str(world.public)])


def test_the_commands_are_the_gates_own() -> None:
    """`python -m reports sign` and `verify` come here."""
    for command in ("sign", "verify"):
        done = subprocess.run(
            [sys.executable, "-m", "reports", command, "--help"], cwd=TREE, capture_output=True, check=False
        )

        assert (0, b"") == (done.returncode, done.stderr)
        assert f"usage: python -m reports {command} ".encode() in done.stdout
