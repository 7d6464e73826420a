"""The smoke stage sees what goes wrong in a real browser, and takes nothing that it did not see for a pass."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import pytest

from evidence.model import Evidence, Outcome
from suites.smoke.redaction import forms
from suites.smoke.visit import LOADS
from tests.suites.smoke.shop import ONCE, RunStage


def outcomes(evidence: dict[str, Evidence]) -> list[Outcome]:
    """The outcomes of SMOKE-001 to SMOKE-011."""
    return [evidence[f"SMOKE-{number:03}"].outcome for number in range(1, 12)]


def test_a_good_release_passes(stage_ran: RunStage, tmp_path: Path) -> None:
    """Pages and journeys that work pass every check, with numbers and with pictures of each page on two screens."""
    evidence = stage_ran('pages = ["/"]\njourneys = ["journeys"]')

    assert [Outcome.PASSED] * 11 == outcomes(evidence), evidence
    assert 1 == evidence["SMOKE-003"].measured["journeys_total"]
    assert 0 < evidence["SMOKE-004"].measured["lcp_ms"] < 20_000
    assert {"watched_pages_total": 2, "problems_total": 0} == evidence["SMOKE-002"].measured
    listed = json.loads((tmp_path / "run" / "attachments" / "smoke" / "touched.json").read_bytes())["touched"]
    asked = {(each["method"], each["path"]): each["answers"] for each in listed}
    assert {"2xx": LOADS + 2} == asked["GET", "/"], "the loads, the page on a phone, and the journey"
    pictures = [name for check in ("SMOKE-001", "SMOKE-007") for name in evidence[check].attachments]
    assert 2 == len({(tmp_path / "run" / name).read_bytes()[16:24] for name in pictures}), "two sizes"


def test_a_bad_release_fails(stage_ran: RunStage) -> None:
    """Each page that is not what it should be, each request that fails, each broken journey is named, with a trace."""
    journey = 'def test_buys(page):\n    page.goto("/")\n    assert page.title() == "Closed"\n'
    evidence = stage_ran('pages = ["/members", "/broken", "/cart"]\njourneys = ["journeys"]', journey)

    failed, told = Outcome.FAILED, Outcome.ERRORED
    assert [failed, failed, failed, told, told, failed, *[told] * 5] == outcomes(evidence)
    assert evidence["SMOKE-006"].findings == (), "what could not be looked at is not accepted with what was found"
    for wrong in ("/members answers 401", "/cart leads to /:"):
        assert wrong in evidence["SMOKE-001"].detail
        assert wrong in evidence["SMOKE-008"].detail
    assert "/broken: 404 GET /gone.png" in evidence["SMOKE-002"].detail
    assert "test_buys[chromium]: AssertionError: assert 'Shop' == 'Closed'" in evidence["SMOKE-003"].detail
    for check in ("SMOKE-001", "SMOKE-002", "SMOKE-003"):
        assert {".txt", ".zip"} <= {Path(name).suffix for name in evidence[check].attachments}
    assert ".png" in {Path(name).suffix for name in evidence["SMOKE-003"].attachments}


def test_each_flaw_is_a_finding_at_its_place(stage_ran: RunStage) -> None:
    """Flaws come one by one, each named alike in every run, for a team to accept."""
    pages = ["/headless", "/untitled", "/faint", "/wide", "/dumb", "/broken"]
    evidence = stage_ran(f"pages = {pages}")
    places = {
        check: {each.place for each in evidence[check].findings}
        for check in ("SMOKE-002", "SMOKE-005", "SMOKE-006", "SMOKE-007", "SMOKE-008")
    }

    assert {
        "SMOKE-002": {
            "/broken 404 GET /gone.png",
            "/broken console error: boom",
            "/broken exception: undefined_name is not defined",
        },
        "SMOKE-005": {"/headless heading", "/untitled language", "/untitled main", "/untitled title"},
        "SMOKE-006": {
            "/broken image-alt",
            "/faint color-contrast",
            "/untitled document-title",
            "/untitled html-has-lang",
        },
        "SMOKE-007": {"/untitled width", "/wide width"},
        "SMOKE-008": {"/dumb reach main > p > button"},
    } == places


def test_the_worst_page_is_measured(stage_ran: RunStage) -> None:
    """Movement, blocking and bytes are those of the page with the most, and the loads are counted."""
    evidence = stage_ran('pages = ["/", "/jumpy", "/busy", "/heavy"]')
    measured = {
        name: value for number in (9, 10, 11) for name, value in evidence[f"SMOKE-{number:03}"].measured.items()
    }

    assert 0.1 < measured["cls"] < 1
    assert 500 < measured["tbt_ms"] < 5_000
    assert 300_000 < measured["transferred_bytes"] < 310_000
    assert 12 == measured["loads_total"]


def test_no_secret_is_left_in_the_run(stage_ran: RunStage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a failed journey typed, asked for, logged and compared is nowhere in the run's folder, and its name is."""
    monkeypatch.setenv("RELEASE_SECRETS", "KEY")
    monkeypatch.setenv("KEY", "hunter2&söhne")
    journey = (
        "import os\n"
        "def test_buys(page):\n"
        "    key = os.environ['KEY']\n"
        "    page.goto('/')\n"
        "    page.set_content('<input name=q><p id=told>')\n"
        "    page.locator('input').fill(key)\n"
        "    page.evaluate('key => { told.textContent = key; console.error(key); fetch(`/?q=${key}`) }', key)\n"
        "    page.locator('p').wait_for()\n"
        "    assert key == page.locator('p').inner_text() + '.'\n"
    )
    evidence = stage_ran('journeys = ["journeys"]', journey)
    kept = {path.name: path for path in (tmp_path / "run").rglob("*") if path.is_file()}
    texts = {name: path.read_bytes() for name, path in kept.items() if path.suffix != ".zip"}
    for path in kept.values():
        if path.suffix == ".zip":
            with zipfile.ZipFile(path) as archive:
                texts |= {name: archive.read(name) for name in archive.namelist()}

    assert Outcome.FAILED is evidence["SMOKE-003"].outcome
    assert {".zip", ".txt", ".png"} < {path.suffix for path in kept.values()}
    assert [] == [name for name, data in texts.items() if any(form.encode() in data for form in forms("hunter2&söhne"))]
    assert b"<KEY>" in texts["trace.trace"]
    assert "<KEY>" in evidence["SMOKE-003"].detail
    assert "<KEY>" in evidence["SMOKE-002"].detail


def test_no_browser_is_no_pass(stage_ran: RunStage, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a browser every check is ERRORED, and says so."""
    monkeypatch.setenv("RELEASE_CHROMIUM", "/nowhere/chromium")
    evidence = stage_ran('pages = ["/"]\njourneys = ["journeys"]')

    assert [Outcome.ERRORED] * 11 == outcomes(evidence)
    assert "RELEASE_CHROMIUM" in evidence["SMOKE-001"].detail


def test_what_is_not_declared_is_skipped(stage_ran: RunStage, tmp_path: Path) -> None:
    """A table without pages and journeys passes nothing; the caller's `test-results` is not emptied."""
    kept = tmp_path / "test-results" / "mine.txt"
    kept.parent.mkdir()
    kept.touch()

    assert [Outcome.SKIPPED] * 11 == outcomes(stage_ran("expected_requests = []"))
    assert kept.exists()


def test_a_retry_is_flaky_and_what_is_expected_must_come(stage_ran: RunStage) -> None:
    """A journey that passed on the retry is FLAKY, with its failure kept; a refusal that is expected must come."""
    asks = 'def test_asks(page):\n    page.goto("/")\n    page.evaluate("fetch(\'/none\')")\n'
    table = 'journeys = ["journeys"]\nexpected_requests = ["404 GET /none", "500 GET /never"]'
    evidence = stage_ran(table, ONCE + asks)
    flaky, expected = evidence["SMOKE-003"], evidence["SMOKE-002"]

    assert Outcome.FLAKY is flaky.outcome
    assert "test_once[chromium]: assert False" in flaky.detail
    assert {".txt", ".png", ".zip"} == {Path(name).suffix for name in flaky.attachments}
    assert Outcome.ERRORED is expected.outcome
    assert "['500 GET /never']" in expected.detail
