"""Whatever of a run is tampered with is found, and named by file and field."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from reports import verify
from reports.attestation import again, keys, sums
from reports.attestation.audit import Files, signature
from tests.reports import sealed
from tests.reports.sealed import World
from tests.reports.verify.said import ENVELOPE, Out, call, promote, remove, replace, set_in, tampered


@pytest.mark.parametrize("mask", [0x01, 0x20, 0x80])
@pytest.mark.parametrize("share", [0, 0.1, 0.25, 0.5, 0.75, 0.9, 1])
def test_any_flipped_byte_is_found_and_its_file_named(good: World, capsys: Out, share: float, mask: int) -> None:
    """In every file of the run in turn, at several offsets and bits, also in what seals it."""
    names = good.files()
    assert {"release.json", "evidence/load.jsonl", "attachments/smoke/target.log", "gate.json"} < {*names}
    assert {"report.html", "policy.toml", sums.NAME, ENVELOPE} < {*names}
    for name in names:
        path = good.run / name
        content = path.read_bytes()
        at = round(share * (len(content) - 1))
        path.write_bytes(content[:at] + bytes([content[at] ^ mask]) + content[at + 1 :])
        code, lines = call(good), tampered(capsys.readouterr().out)
        path.write_bytes(content)

        assert (10, name, at) == (code, name, at)
        assert any(name in line for line in lines), (name, at, lines)
    assert 0 == call(good)


def test_any_flipped_byte_of_the_envelope_is_found(good: World) -> None:
    """Every byte, one bit of each: also of the hint and the spelling, which the signature does not cover."""
    content = (good.run / ENVELOPE).read_bytes()
    key = keys.public(good.public)
    for at in range(len(content)):
        flipped = content[:at] + bytes([content[at] ^ 1 << at % 8]) + content[at + 1 :]

        assert verify_envelope(flipped, key), at
    assert not verify_envelope(content, key)


def verify_envelope(content: bytes, key: keys.PublicKey) -> list[str]:
    """Return what is wrong with an envelope."""
    return signature(Files(run=Path(), gate=None, sums=None, envelope=content), key)[1].tampered


EDITS: dict[str, tuple[Callable[[World], object], str]] = {
    "the verdict": (promote, 'gate.json: verdict is "PROMOTE", judged again "BLOCK"'),
    "one judgement": (
        lambda world: world.edit("gate.json", lambda gate: gate["rules"][1].update(judgement="PASS")),
        'gate.json: rules[LOAD-001].judgement is "PASS", judged again "FAIL"',
    ),
    "a rule is left out": (
        lambda world: world.edit("gate.json", lambda gate: gate["rules"].pop()),
        "gate.json: rules[LOAD-001] is absent, judged again {",
    ),
    "the order of rules": (
        lambda world: world.edit("gate.json", lambda gate: gate["rules"].reverse()),
        "gate.json: says what judging again says, but is not as the gate writes it",
    ),
    "a limit of the verdict": (
        lambda world: world.edit("gate.json", lambda gate: gate["rules"][1]["limits"][0].update(limit=200.0)),
        "gate.json: rules[LOAD-001].limits[p95_ms].limit is 200.0, judged again 100.0",
    ),
    "a limit of the policy": (
        replace("policy.toml", "p95_ms = 100", "p95_ms = 200"),
        "policy.toml: its SHA-256 is ",
    ),
    "an outcome": (
        lambda world: world.edit("evidence/smoke.jsonl", set_in("outcome", "failed")),
        'gate.json: rules[PAGE-001].judgement is "PASS", judged again "FAIL"',
    ),
    "a measured number": (
        lambda world: world.edit("evidence/load.jsonl", set_in("measured.p95_ms", 71.5)),
        'gate.json: verdict is "BLOCK", judged again "PROMOTE"',
    ),
    "evidence removed": (
        remove("evidence/smoke.jsonl"),
        'gate.json: files[evidence/smoke.jsonl] is {"path":',
    ),
    "evidence added": (
        lambda world: shutil.copy(world.run / "evidence" / "smoke.jsonl", world.run / "evidence" / "more.jsonl"),
        "gate.json: files[evidence/more.jsonl] is absent, judged again {",
    ),
    "an attachment": (
        replace("attachments/smoke/target.log", "stopped", "well"),
        "gate.json: files[attachments/smoke/target.log].sha256 is ",
    ),
    "the release": (
        lambda world: world.edit("release.json", lambda record: record["identity"].update(version="2.15.0")),
        'gate.json: release.version is "2.14.0", judged again "2.15.0"',
    ),
    "the time": (
        lambda world: world.edit("gate.json", set_in("judged_at", "2000-01-01T00:00:00Z")),
        'gate.json: rules[PAGE-001].judgement is "PASS", judged again "UNVERIFIED"',
    ),
}

SIGNED = {
    "a report": (replace("summary.md", "BLOCK", "PROMOTE"), "predicate.urn:release-verification:verdict:v1.sums."),
    "an empty verdict": (lambda world: (world.run / "gate.json").write_text("{}"), "gate.json: is not a verdict: "),
}


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("resealed", [False, True], ids=["as signed", "SHA256SUMS anew"])
@pytest.mark.parametrize(("edit", "says"), EDITS.values(), ids=EDITS)
def test_an_edit_that_stays_valid_is_found_and_named(
    bad: World, capsys: Out, edit: Callable[[World], object], says: str, *, resealed: bool
) -> None:
    """By file and field; judging again finds it also where nothing is signed and the sums were written anew."""
    edit(bad)
    if resealed:
        bad.reseal()
    codes = [call(bad)]
    with_key = tampered(capsys.readouterr().out)
    (bad.run / ENVELOPE).unlink()
    codes.append(verify.main(["--run", str(bad.run)]))
    unsigned = tampered(capsys.readouterr().out)

    assert [10, 10] == codes
    assert any(says in line for line in unsigned), unsigned
    assert any(says in line for line in with_key), with_key
    assert resealed == (not any("SHA256SUMS" in line for line in unsigned))


@pytest.mark.parametrize(("edit", "says"), SIGNED.values(), ids=SIGNED)
def test_what_judging_again_cannot_see_the_signature_binds(
    bad: World, capsys: Out, edit: Callable[[World], object], says: str
) -> None:
    """The statement holds the digests of gate.json and of SHA256SUMS, and these all the others."""
    edit(bad)
    bad.reseal()

    assert 10 == call(bad)
    assert any(says in line for line in tampered(capsys.readouterr().out))


def test_a_whole_run_made_anew_by_another_policy_is_found(bad: World, tmp_path: Path, capsys: Out) -> None:
    """Judged by a laxer policy, everything in the run agrees, except with what was signed."""
    lax = tmp_path / "policy.toml"
    lax.write_text(sealed.POLICY.replace("= 100", "= 200"))
    envelope = (bad.run / ENVELOPE).read_bytes()
    assert 0 == bad.judge("--policy", str(lax))
    (bad.run / ENVELOPE).write_bytes(envelope)
    shutil.copy(lax, bad.run / "policy.toml")
    bad.reseal()

    assert 10 == call(bad)
    lines = tampered(capsys.readouterr().out)
    assert f'{ENVELOPE}: predicate.verificationResult is "FAILED", but the run has "PASSED"' in lines
    assert any(f"{ENVELOPE}: predicate.policy.digest.sha256 is" in line for line in lines)


def test_sums_that_are_gone_from_a_signed_run_are_tampering(good: World, capsys: Out) -> None:
    """The statement names them, so that they were there."""
    (good.run / sums.NAME).unlink()

    assert 10 == call(good)
    assert f"{sums.NAME}: is missing" in tampered(capsys.readouterr().out)


def test_a_link_is_not_followed(good: World, tmp_path: Path, capsys: Out) -> None:
    """What a link points at may change after it was verified."""
    log = good.run / "attachments" / "smoke" / "target.log"
    log.rename(tmp_path / "elsewhere")
    log.symlink_to(tmp_path / "elsewhere")
    (good.run / "attachments" / "all").symlink_to(good.run)

    assert 10 == call(good)
    lines = tampered(capsys.readouterr().out)
    assert "attachments/smoke/target.log: is not a regular file" in lines
    assert "attachments/all: was added; SHA256SUMS does not list it" in lines


def test_a_verdict_that_differs_everywhere_is_cut_with_a_note(
    bad: World, monkeypatch: pytest.MonkeyPatch, capsys: Out
) -> None:
    """The first fields are named, the rest are counted."""
    monkeypatch.setattr(again, "SHOWN", 2)
    promote(bad)

    assert 10 == call(bad)
    assert [
        'gate.json: verdict is "PROMOTE", judged again "BLOCK"',
        "gate.json: exit_code is 0, judged again 10",
        "gate.json: 2 more fields differ",
    ] == tampered(capsys.readouterr().out)[-3:]


def test_hostile_names_do_not_reach_the_terminal(good: World, capsys: Out) -> None:
    """A file whose name holds escapes and lines is named harmlessly, in one line."""
    (good.run / "evidence" / "a\x1b[31m\nTAMPERED \u202e").write_text("x")

    assert 10 == call(good)
    out = capsys.readouterr().out
    assert "TAMPERED      evidence/a TAMPERED <U+202E>: was added; SHA256SUMS does not list it" in out.splitlines()
    assert "\x1b" not in out
