"""Verifying a run: whatever is tampered with is found and named, and what cannot be told is never called good."""

from __future__ import annotations

import base64
import datetime as dt
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from evidence import run as runs
from reports import verify
from reports.attestation import again, dsse, keys, sums
from reports.attestation.audit import Files, signature
from reports.attestation.statement import EXTENSION
from tests.reports import sealed
from tests.reports.sealed import World

ENVELOPE = "vsa.intoto.json"
Out = pytest.CaptureFixture[str]


@pytest.fixture(scope="module")
def promoted(tmp_path_factory: pytest.TempPathFactory) -> World:
    """A signed PROMOTE; tests copy it."""
    return sealed.build(tmp_path_factory.mktemp("promoted"))


@pytest.fixture(scope="module")
def blocked(tmp_path_factory: pytest.TempPathFactory) -> World:
    """A signed BLOCK; tests copy it."""
    return sealed.build(tmp_path_factory.mktemp("blocked"), p95_ms=140.0)


@pytest.fixture
def good(promoted: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    """A copy of the signed PROMOTE."""
    sealed.at(promoted.tree, monkeypatch)
    return promoted.copy(tmp_path)


@pytest.fixture
def bad(blocked: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    """A copy of the signed BLOCK."""
    sealed.at(blocked.tree, monkeypatch)
    return blocked.copy(tmp_path)


def call(world: World, *options: object) -> int:
    """Verify with the key."""
    return verify.main(["--run", str(world.run), "--public-key", str(world.public), *map(str, options)])


def tampered(out: str) -> list[str]:
    """Return the lines that say what was tampered with."""
    return [line.removeprefix("TAMPERED      ") for line in out.splitlines() if line.startswith("TAMPERED  ")]


def test_a_signed_run_is_verified(good: World, capsys: Out) -> None:
    """Exit code 0, each step says what it found, and the last line which verdict of which release."""
    assert 0 == call(good)
    out = capsys.readouterr().out
    assert ["SHA256SUMS", ENVELOPE, ENVELOPE, str(good.run / "policy.toml"), "gate.json"] == [
        line.removeprefix("ok            ").split(": ")[0] for line in out.splitlines()[:-1]
    ]
    assert out.splitlines()[-1].startswith("verified: PROMOTE of a shop 2.14.0 (sha256:")


def test_a_signed_block_is_verified_too(bad: World, capsys: Out) -> None:
    """0 says that BLOCK is authentic; where one deploys, --promote makes the verdict count."""
    assert (0, 10) == (call(bad), call(bad, "--promote"))
    assert "verified: BLOCK of a shop" in capsys.readouterr().out


def test_promote_asks_for_no_more_than_promote(good: World) -> None:
    """A PROMOTE passes with --promote."""
    assert 0 == call(good, "--promote")


def test_neither_release_nor_source_is_needed(good: World, tmp_path: Path) -> None:
    """An auditor has the tree of the suite and the run, moved elsewhere, and nothing of the release."""
    moved = good.run.rename(tmp_path / "a year later")

    assert not (moved.parent / "release.toml").exists()
    assert 0 == call(good._replace(run=moved))


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


def set_in(path: str, value: object) -> Callable[[dict[str, object]], None]:
    """Set a field, named with dots, where a record has it."""

    def change(record: dict[str, object]) -> None:
        *above, last = path.split(".")
        for name in above:
            record = record.get(name, {})  # type: ignore[assignment]
        if last in record:
            record[last] = value

    return change


def promote(world: World) -> None:
    """Turn the verdict, and all that goes with it, to PROMOTE."""
    for path, value in (("verdict", "PROMOTE"), ("exit_code", 0), ("counts.failed", 0), ("counts.passed", 2)):
        world.edit("gate.json", set_in(path, value))


def replace(name: str, old: str, new: str) -> Callable[[World], object]:
    """Replace text in a file of the run."""

    def edit(world: World) -> None:
        path = world.run / name
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new))

    return edit


def remove(*names: str) -> Callable[[World], object]:
    """Remove files of the run."""

    def change(world: World) -> None:
        for name in names:
            (world.run / name).unlink()

    return change


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


def test_an_envelope_of_another_run_is_found(good: World, blocked: World, capsys: Out) -> None:
    """Signed with the right key, but about something else: each field that differs is named."""
    payload = base64.b64decode(json.loads((blocked.run / ENVELOPE).read_text())["payload"])
    (good.run / ENVELOPE).write_bytes(dsse.seal(payload, keys.private(good.key)))

    assert 10 == call(good)
    said = "\n".join(tampered(capsys.readouterr().out))
    assert 'predicate.verificationResult is "FAILED", but the run has "PASSED"' in said
    assert "predicate.inputAttestations[evidence/load.jsonl].digest.sha256 is" in said


def test_another_key_is_found(good: World, blocked: World, capsys: Out) -> None:
    """The same statement, signed with a key that is not the trusted one, also under its name."""
    envelope = json.loads((good.run / ENVELOPE).read_text())
    forged = json.loads(dsse.seal(base64.b64decode(envelope["payload"]), keys.private(blocked.key)))
    codes = []
    for keyid in (forged["signatures"][0]["keyid"], envelope["signatures"][0]["keyid"]):
        forged["signatures"][0]["keyid"] = keyid
        (good.run / ENVELOPE).write_text(json.dumps(forged, indent=2) + "\n")
        codes.append(call(good))

        assert "the signature is not by the key" in capsys.readouterr().out
    assert [10, 10] == codes


def test_a_swapped_payload_type_is_found(good: World, capsys: Out) -> None:
    """Whether it was signed so or not."""
    path = good.run / ENVELOPE
    swapped = path.read_text().replace("vnd.in-toto", "vnd.another")
    path.write_text(swapped)
    codes = [call(good)]
    path.write_bytes(dsse.seal(base64.b64decode(json.loads(swapped)["payload"]), keys.private(good.key), "text/plain"))
    codes.append(call(good))

    assert [10, 10] == codes
    said = capsys.readouterr().out
    assert 'payloadType is "application/vnd.another+json", not "application/vnd.in-toto+json"' in said
    assert 'payloadType is "text/plain", not "application/vnd.in-toto+json"' in said


ENVELOPES: dict[str, tuple[Callable[[bytes], bytes], str]] = {
    "no JSON": (lambda _: b"{", "is not a DSSE envelope: "),
    "no base64": (lambda old: old.replace(b'"payload": "', b'"payload": "*'), "is not a DSSE envelope: "),
    "no ASCII": (lambda old: old.replace(b'"sig": "', '"sig": "é'.encode()), "is not a DSSE envelope: "),
    "another field": (lambda old: old.replace(b"{", b'{"x": 1,', 1), "is not a DSSE envelope: "),
    "respelled": (lambda old: old.replace(b'": ', b'":  '), "it is not spelled as sign writes it"),
    "no signature": (
        lambda old: json.dumps({**json.loads(old), "signatures": []}).encode(),
        "signatures has 0 entries, not one",
    ),
    "a signature more": (
        lambda old: json.dumps({**json.loads(old), "signatures": json.loads(old)["signatures"] * 2}).encode(),
        "signatures has 2 entries, not one",
    ),
}


@pytest.mark.parametrize(("change", "says"), ENVELOPES.values(), ids=ENVELOPES)
def test_an_envelope_that_is_none_is_found(
    good: World, capsys: Out, change: Callable[[bytes], bytes], says: str
) -> None:
    """It is named, with what is wrong with it."""
    path = good.run / ENVELOPE
    path.write_bytes(change(path.read_bytes()))

    assert 10 == call(good)
    assert any(says in line for line in tampered(capsys.readouterr().out))


def test_a_signed_payload_that_is_no_statement_is_found(good: World, capsys: Out) -> None:
    """A signature over anything else is no verdict."""
    (good.run / ENVELOPE).write_bytes(dsse.seal(b'{"_type": "x"}', keys.private(good.key)))

    assert 10 == call(good)
    assert f"{ENVELOPE}: the payload is not the statement of a verdict: " in capsys.readouterr().out


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


def test_the_policy_may_be_kept_elsewhere(good: World, tmp_path: Path, capsys: Out) -> None:
    """--policy names an auditor's own copy; one that differs is named, one that is not there is doubt."""
    other = tmp_path / "mine.toml"
    codes = [call(good, "--policy", other)]
    other.write_text(sealed.POLICY)
    codes.append(call(good, "--policy", other))
    other.write_text(f"{sealed.POLICY}\n")
    codes.append(call(good, "--policy", other))

    assert [20, 0, 10] == codes
    assert f"{other}: its SHA-256 is " in capsys.readouterr().out


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


def test_a_verdict_on_a_source_that_changed_is_verified(good: World, capsys: Out) -> None:
    """HOLD because the source changed after the run began is judged again without the source."""
    app = good.tree / "app.py"
    before = app.read_text()
    app.write_text("print('changed')\n")
    try:
        assert (20, 0) == (good.judge(), good.sign())
    finally:
        app.write_text(before)

    assert (0, 20) == (call(good), call(good, "--promote"))
    assert "verified: HOLD of a shop" in capsys.readouterr().out


WAIVER = """
[[waivers]]
id = "W-1"
check = "LOAD-001"
scope = {{ version = ">=2,<3" }}
reason = "the old disks go next week"
owner = "ann"
approver = "bob"
until = {until:%Y-%m-%d}
"""


def test_a_waived_verdict_needs_its_waivers(bad: World, tmp_path: Path, capsys: Out) -> None:
    """A file of waivers judges, is copied into the run, stated, and held against gate.json, as the policy is."""
    waivers = tmp_path / "waivers.toml"
    waivers.write_text(WAIVER.format(until=runs.now() + dt.timedelta(days=30)))
    assert (0, 20, 0) == (
        bad.judge("--waivers", str(waivers)),
        bad.sign(),
        bad.sign("--waivers", str(waivers)),
    )
    stated = json.loads(base64.b64decode(json.loads((bad.run / ENVELOPE).read_text())["payload"]))
    copy = bad.run / "waivers.toml"
    codes = [call(bad)]
    copy.write_text(copy.read_text().replace("ann", "eve"))
    codes.append(call(bad))
    copy.unlink()
    codes.append(call(bad, "--waivers", tmp_path / "none.toml"))

    assert ["W-1"] == [waiver["id"] for waiver in stated["predicate"][EXTENSION]["waivers"]]
    assert [0, 10, 10] == codes
    out = capsys.readouterr().out
    assert f"TAMPERED      {copy}: its SHA-256 is " in out
    assert f"NOT VERIFIED  {tmp_path / 'none.toml'}: cannot be read" in out


def test_waivers_of_an_earlier_judgement_do_not_stay(bad: World, tmp_path: Path) -> None:
    """Judged and signed again without them, their copy is gone."""
    waivers = tmp_path / "waivers.toml"
    waivers.write_text(WAIVER.format(until=runs.now() + dt.timedelta(days=30)))
    bad.judge("--waivers", str(waivers))
    bad.sign("--waivers", str(waivers))

    assert (10, 0, 0) == (bad.judge(), bad.sign(), call(bad))


def test_waivers_that_judged_nothing_are_named(bad: World, tmp_path: Path, capsys: Out) -> None:
    """A file of waivers that gate.json does not know changes no verdict."""
    assert 10 == call(bad, "--waivers", tmp_path)
    assert f"{tmp_path}: gate.json names no such file; leave --waivers out" in capsys.readouterr().out


def test_a_regression_is_judged_again_without_the_baseline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What gate.json recorded of the earlier run is what it is compared with: neither run nor history is needed."""
    first = sealed.build(tmp_path / "tree", p95_ms=60.0, name="r0")
    sealed.at(first.tree, monkeypatch)
    rule = 'regression = { p95_ms = { worse_by = "20 %", floor = 5 } }'
    first.policy.write_text(f"{sealed.POLICY}{rule}\n")
    later = first._replace(run=first.run.with_name("r1"))
    sealed.run_checks(later, 90.0)
    assert (10, 0) == (later.judge(), later.sign())
    moved = later.copy(tmp_path / "archive")
    shutil.rmtree(first.run)
    codes = [call(moved)]
    assert json.loads((moved.run / "gate.json").read_text())["charts"][0]["before"], "the baseline's chart comes along"
    moved.edit("gate.json", lambda gate: gate["rules"][1]["change"].update(baseline=89.0))
    moved.reseal()
    codes.append(call(moved))

    assert [0, 10] == codes


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


def test_evidence_that_breaks_the_judge_is_a_doubt(good: World, monkeypatch: pytest.MonkeyPatch, capsys: Out) -> None:
    """It ends no other finding."""

    def break_down(*_: object) -> None:
        msg = "too deep"
        raise RecursionError(msg)

    monkeypatch.setattr(again, "judge", break_down)

    assert 20 == call(good)
    assert "this tree cannot judge the run again: RecursionError: too deep" in capsys.readouterr().out


def test_hostile_names_do_not_reach_the_terminal(good: World, capsys: Out) -> None:
    """A file whose name holds escapes and lines is named harmlessly, in one line."""
    (good.run / "evidence" / "a\x1b[31m\nTAMPERED \u202e").write_text("x")

    assert 10 == call(good)
    out = capsys.readouterr().out
    assert "TAMPERED      evidence/a TAMPERED <U+202E>: was added; SHA256SUMS does not list it" in out.splitlines()
    assert "\x1b" not in out


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
