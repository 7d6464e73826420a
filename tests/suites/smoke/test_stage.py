"""The smoke stage sees what goes wrong in a real browser, and takes nothing that it did not see for a pass."""

from __future__ import annotations

import sys
import threading
import zipfile
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from evidence import release as releases
from evidence import run as runs
from evidence.errors import InputError
from evidence.model import Evidence, Outcome
from suites.smoke.journeys import Folder, Ran
from suites.smoke.process import run
from suites.smoke.redaction import forms

TREE = Path(__file__).parents[2]
HEAD = (
    "<!doctype html><html lang=en><meta name=viewport content='width=device-width'><link rel=icon href=data:,>"
    "<title>Shop</title><main>"
)
GOOD = f"{HEAD}<h1>Shop</h1>"
PAGES = {
    "/": GOOD,
    "/broken": f"{GOOD}<img src=/gone.png?user=eve>"
    "<script>console.warn('mind'); console.error('boom'); undefined_name()</script>",
    "/headless": f"{HEAD}<p>Welcome</p>",
    "/untitled": "<!doctype html><h1>Shop</h1>",
    "/faint": f"{GOOD}<p style='color: #eee'>Faint",
    "/wide": f"{GOOD}<p style='width: 900px'>Wide",
    "/dumb": f"{GOOD}<p><button tabindex=-1>Buy</button>",
    "/jumpy": f"{GOOD}<p>Read<script>setTimeout(() => document.body.style.paddingTop = '300px', 200)</script>",
    "/busy": f"{GOOD}<script>setTimeout(() => {{ for (const at = Date.now(); Date.now() < at + 700;); }}, 99)</script>",
    "/heavy": f"{GOOD}<!--{'x' * 300_000}-->",
}
JOURNEY = 'def test_buys(page):\n    page.goto("/")\n    assert page.title() == "Shop"\n'

RunFolder = Callable[[str], Ran]
RunStage = Callable[..., dict[str, Evidence]]


class Shop(BaseHTTPRequestHandler):
    """Serves PAGES, sends `/cart` to the start page, refuses `/members`, and has nothing else."""

    def do_GET(self) -> None:
        """Answer."""
        body = PAGES.get(self.path)
        self.send_response({"/cart": 303, "/members": 401}.get(self.path, 200 if body else 404))
        self.send_header("Content-Type", "text/html")
        if self.path == "/cart":
            self.send_header("Location", "/")
        self.end_headers()
        self.wfile.write((body or GOOD).encode())

    def log_message(self, *_arguments: object) -> None:
        """Keep quiet."""


@pytest.fixture(scope="module")
def shop() -> Iterator[str]:
    """The URL of the shop."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Shop) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture
def folder(release_file: Path) -> Path:
    """The release's folder of journeys, empty."""
    journeys = release_file.parent / "journeys"
    journeys.mkdir()
    return journeys


@pytest.fixture
def ran(folder: Path, shop: str, launch: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RunFolder:
    """Run one module of journeys."""
    monkeypatch.setenv("TARGET_URL", shop)

    def go(source: str) -> Ran:
        (folder / "test_shop.py").write_text(source)
        release = releases.load(folder.parent / "release.toml")
        return Folder(name="journeys", release=release, launch=launch, scratch=tmp_path / "scratch").run()

    return go


@pytest.fixture
def stage_ran(folder: Path, release_file: Path, shop: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RunStage:
    """Run the whole stage for some pages and one module of journeys; return the evidence by id."""
    for name, value in {
        "TARGET_URL": shop,
        "RELEASE_STAGE": "smoke",
        "RELEASE_RUN": str(tmp_path / "run"),
        "RELEASE_FILE": str(release_file),
        "PYTHONPATH": str(TREE),
    }.items():
        monkeypatch.setenv(name, value)

    def go(table: str, source: str = JOURNEY) -> dict[str, Evidence]:
        (folder / "test_shop.py").write_text(source)
        release_file.write_text(f"{release_file.read_text()}[smoke]\n{table}\n")
        command = [sys.executable, "-m", "pytest", "-p", "checks.plugin", str(TREE / "suites" / "smoke")]
        done = run(command, 110, cwd=tmp_path)
        assert done.code in (0, 1), done.output
        evidence = runs.read_stage(tmp_path / "run" / "evidence" / "smoke.jsonl").evidence
        return {one.check: one for one in evidence}

    return go


def outcomes(evidence: dict[str, Evidence]) -> list[Outcome]:
    """The outcomes of SMOKE-001 to SMOKE-011."""
    return [evidence[f"SMOKE-{number:03}"].outcome for number in range(1, 12)]


def test_the_journeys_get_our_browser_and_are_watched(ran: RunFolder, launch: dict[str, Any]) -> None:
    """The plugin's launch options reach the release's own tests, and what their pages do wrong is written down."""
    launch["args"] = [*launch["args"], "--user-agent=release-verification-of-this-test"]
    seen = ran(
        "def test_looks(page, new_context):\n"
        "    page.goto('/broken', wait_until='networkidle')\n"
        "    assert page.evaluate('navigator.userAgent') == 'release-verification-of-this-test'\n"
        "    new_context().new_page().goto('/members')\n"
    ).seen

    assert [Outcome.PASSED] == [journey.outcome for journey in seen.journeys]
    assert 2 == seen.pages
    assert {"journeys/test_shop.py::test_looks[chromium]"} == {problem.where for problem in seen.problems}
    assert [
        "404 GET /gone.png",
        "console error: boom",
        "exception: undefined_name is not defined",
    ] == sorted(problem.what for problem in seen.problems)


def test_whose_fault_a_journey_was(ran: RunFolder) -> None:
    """Only a failed assert, or a page that does not do what was asked, is the release's fault."""
    one = ran(
        "import pytest\n"
        "@pytest.fixture\ndef broken(): assert 0\n"
        "@pytest.fixture\ndef untidy():\n    yield\n    raise OSError\n"
        "def test_good(): pass\n"
        "def test_assert(): assert 1 == 2\n"
        "def test_click(page):\n    page.goto('/')\n    page.get_by_role('button').click(timeout=100)\n"
        "def test_refused(page): page.goto('http://127.0.0.1:1/')\n"
        "def test_untidy(untidy): assert 0\n"
        "def test_bug(): raise KeyError('MAIL')\n"
        "def test_fixture(broken): pass\n"
        "def test_later(): pytest.skip('later')\n"
    )
    found: dict[Outcome, list[str]] = {}
    for journey in one.seen.journeys:
        found.setdefault(journey.outcome, []).append(journey.test.partition("::test_")[2].partition("[")[0])

    assert {
        Outcome.PASSED: ["good"],
        Outcome.FAILED: ["assert", "click", "refused", "untidy"],
        Outcome.ERRORED: ["bug", "fixture"],
        Outcome.SKIPPED: ["later"],
    } == found
    assert "journeys/test_shop.py::test_bug: KeyError: 'MAIL'" in one.unseen
    assert ["journeys/test_shop.py::test_later: Skipped: later"] == one.skipped


@pytest.mark.parametrize(
    ("source", "why"),
    [
        ("def test_it(): pass", "no journey opened a page"),
        ("def buys(): pass", "exit code 5"),
        ("import nothing_of_that_name", "No module named 'nothing_of_that_name'"),
        ("import os\ndef test_it(): os._exit(0)", "no journey that pytest can find"),
    ],
)
def test_a_folder_that_was_not_seen_is_no_pass(ran: RunFolder, source: str, why: str) -> None:
    """A folder without a test, without a page, that cannot be read or whose run breaks off is told as unseen."""
    assert why in ran(source).unseen


def test_a_deselected_journey_is_skipped(ran: RunFolder, folder: Path) -> None:
    """What the folder's own options leave out is not taken for run."""
    (folder / "pytest.ini").write_text("[pytest]\naddopts = -k other\n")

    assert ["test_shop.py::test_it: deselected", "test_shop.py::test_it2: deselected"] == ran(
        "def test_it(): pass\ndef test_it2(): pass\ndef test_other(): pass"
    ).skipped


def test_a_module_that_skips_itself_is_skipped(ran: RunFolder, folder: Path) -> None:
    """A module that pytest leaves out as a whole, with exit code 0, is not taken for run."""
    (folder / "test_later.py").write_text("import pytest\npytest.importorskip('nothing_of_that_name')\n")

    (skipped,) = ran("def test_it(): pass").skipped
    assert skipped.startswith("journeys/test_later.py: ")
    assert "nothing_of_that_name" in skipped


def test_a_journey_that_passes_on_a_retry_is_no_pass(ran: RunFolder, folder: Path) -> None:
    """What a plugin for retries calls `rerun` is told apart from a pass."""
    (folder / "conftest.py").write_text(
        "import pytest\n"
        "@pytest.hookimpl(wrapper=True, tryfirst=True)\n"
        "def pytest_runtest_makereport():\n"
        "    report = yield\n"
        "    report.outcome = 'rerun' if report.failed else report.outcome\n"
        "    return report\n"
        "def pytest_report_teststatus(report):\n"
        "    return ('rerun', 'R', 'RERUN') if report.outcome == 'rerun' else None\n"
    )
    one = ran("def test_it(): assert 0")

    assert [] == one.failed
    assert ["journeys/test_shop.py::test_it: assert 0"] == one.flaky
    assert ["1"] == [path.name for path in one.kept.iterdir()], "what was tried again is not tried again by us"


def test_a_missing_folder_is_named(release_file: Path, tmp_path: Path) -> None:
    """A folder that release.toml names and that is not there is a mistake in release.toml."""
    with pytest.raises(InputError, match=r"release.toml: \[smoke\] journeys: 'gone' does not exist"):
        Folder(name="gone", release=releases.load(release_file), launch={}, scratch=tmp_path).run()


ONCE = (
    "import pathlib, pytest\n"
    "def test_good(page): page.goto('/')\n"
    "def test_once(page):\n"
    "    page.goto('/')\n"
    "    mark = pathlib.Path(__file__).with_name('tried')\n"
    "    tried = mark.exists()\n"
    "    mark.touch()\n"
    "    assert tried\n"
)


def test_what_failed_is_tried_once_more(ran: RunFolder, folder: Path) -> None:
    """A journey that passes the second time is flaky, and only it is tried again; one that fails twice has failed."""
    one = ran(ONCE + "def test_bad(page): assert 0\ndef test_note(page): open('note', 'a').write('.')\n")

    assert ["journeys/test_shop.py::test_once[chromium]: assert False"] == one.flaky
    assert ["journeys/test_shop.py::test_bad[chromium]: assert 0"] == one.failed
    assert "." == (folder.parent / "note").read_text()
    assert ["1", "2"] == sorted(path.name for path in one.kept.iterdir())


def test_a_retry_that_breaks_mends_nothing(ran: RunFolder, folder: Path) -> None:
    """Where the second try cannot run, what failed has failed."""
    (folder / "conftest.py").write_text(
        "import os, pathlib\nif pathlib.Path(__file__).with_name('tried').exists(): os._exit(0)\n"
    )

    assert ["journeys/test_shop.py::test_once[chromium]: assert False"] == ran(ONCE).failed


def test_a_retry_is_flaky_in_the_evidence(stage_ran: RunStage) -> None:
    """A stage whose journey passed on the retry says FLAKY, with the failure and its trace, log and picture."""
    evidence = stage_ran('journeys = ["journeys"]', ONCE)["SMOKE-003"]

    assert Outcome.FLAKY is evidence.outcome
    assert "test_once[chromium]: assert False" in evidence.detail
    assert {".txt", ".png", ".zip"} == {Path(name).suffix for name in evidence.attachments}


def test_a_good_release_passes(stage_ran: RunStage, tmp_path: Path) -> None:
    """Pages and journeys that work pass every check, with numbers and with pictures of each page on two screens."""
    evidence = stage_ran('pages = ["/"]\njourneys = ["journeys"]')

    assert [Outcome.PASSED] * 11 == outcomes(evidence), evidence
    assert 1 == evidence["SMOKE-003"].measured["journeys_total"]
    assert 0 < evidence["SMOKE-004"].measured["lcp_ms"] < 20_000
    assert {"watched_pages_total": 2, "problems_total": 0} == evidence["SMOKE-002"].measured
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


def test_what_is_not_declared_is_skipped(stage_ran: RunStage) -> None:
    """A table without pages and journeys passes nothing."""
    assert [Outcome.SKIPPED] * 11 == outcomes(stage_ran("expected_requests = []"))


def test_an_expected_failure_is_no_problem_and_must_come(stage_ran: RunStage) -> None:
    """A request that a journey makes fail on purpose is left out; one that is expected and never comes is an error."""
    journey = 'def test_asks(page):\n    page.goto("/")\n    page.evaluate("fetch(\'/none\')")\n'
    table = 'journeys = ["journeys"]\nexpected_requests = ["404 GET /none", "500 GET /never"]'
    evidence = stage_ran(table, journey)["SMOKE-002"]

    assert Outcome.ERRORED is evidence.outcome
    assert "['500 GET /never']" in evidence.detail


def test_the_callers_test_results_stay(stage_ran: RunStage, tmp_path: Path) -> None:
    """pytest-playwright's habit of emptying `test-results` does not reach whoever runs the stage."""
    kept = tmp_path / "test-results" / "mine.txt"
    kept.parent.mkdir()
    kept.touch()
    stage_ran("pages = []")

    assert kept.exists()
