"""A signed run is verified: PROMOTE or not, waived or regressed, moved or judged elsewhere."""

from __future__ import annotations

import base64
import datetime as dt
import json
import shutil
from pathlib import Path

import pytest

from evidence import run as runs
from reports.attestation.statement import EXTENSION
from tests.reports import sealed
from tests.reports.sealed import World
from tests.reports.verify.said import ENVELOPE, Out, call


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
