"""What is timed is timed alone; what may overlap does, and nothing begins that release.toml does not let run."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import psutil
import pytest
from playwright.sync_api import Browser

from evidence import run as runs
from evidence.model import Outcome, StageEvidence
from suites.smoke import visit
from suites.smoke.opened import left_open, open_all
from suites.smoke.process import beside, run
from suites.smoke.visit import LOADS, visit_all

TREE = Path(__file__).parents[3]
PAGE = (
    "<!doctype html><html lang=en><meta name=viewport content='width=device-width'><link rel=icon href=data:,>"
    "<title>Shop</title><main><h1>Shop</h1>"
)
ENDLESS = "<script>setTimeout(() => { for (;;); }, 50)</script>"
GONE_WITHIN_S = 20.0

Go = Callable[[str], StageEvidence]


class Shop(ThreadingHTTPServer):
    """Has a page at every path but `/gone`, a stuck one at `/endless`, and remembers in which order it was asked."""

    def __init__(self, scratch: Path) -> None:
        """Listen; where the stage works tells whether the journeys have begun, however slowly they start."""
        super().__init__(("127.0.0.1", 0), Answer)
        self.asked: list[str] = []
        self.begun: list[bool] = []
        self.scratch = scratch
        self.url = f"http://127.0.0.1:{self.server_port}"


class Answer(BaseHTTPRequestHandler):
    """One answer of the shop's."""

    def do_GET(self) -> None:
        """Answer."""
        assert isinstance(self.server, Shop)
        self.server.asked.append(self.path)
        self.server.begun.append(any(self.server.scratch.glob("journeys*")))
        self.send_response(404 if self.path == "/gone" else 200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write((PAGE + (ENDLESS if self.path == "/endless" else "")).encode())

    def log_message(self, *_arguments: object) -> None:
        """Keep quiet."""


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    """A shop that nobody has asked yet."""
    with Shop(tmp_path / "scratch") as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


@pytest.fixture
def stage(shop: Shop, release_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Go:
    """Run the stage for the start page and a journey that opens `/journey`."""
    journeys = release_file.parent / "journeys"
    journeys.mkdir()
    (journeys / "test_shop.py").write_text("def test_buys(page):\n    page.goto('/journey')\n")
    evidence = tmp_path / "run" / "evidence" / "smoke.jsonl"
    for name, value in {
        "TARGET_URL": shop.url,
        "RELEASE_STAGE": "smoke",
        "RELEASE_RUN": str(tmp_path / "run"),
        "RELEASE_FILE": str(release_file),
        "PYTHONPATH": str(TREE),
    }.items():
        monkeypatch.setenv(name, value)

    def go(more: str) -> StageEvidence:
        declared = '[smoke]\npages = ["/"]\njourneys = ["journeys"]\n'
        release_file.write_text(f"{release_file.read_text()}{declared}{more}")
        command = [sys.executable, "-m", "pytest", "-p", "checks.plugin", str(TREE / "suites" / "smoke")]
        done = run([*command, f"--basetemp={shop.scratch}"], 110)
        assert done.code in (0, 1), done.output
        return runs.read_stage(evidence)

    return go


def test_loads_take_turns(chromium: Browser, shop: Shop) -> None:
    """Every page is loaded once before any is loaded again, so that none is open but in the last round."""
    visits = visit_all(chromium, shop.url, ["/a", "/b"])

    assert ["/a", "/b"] * LOADS == shop.asked
    assert ["/a", "/b"] == [visit.page for visit in visits if visit.vitals]


def test_the_last_load_stays_open(chromium: Browser, shop: Shop) -> None:
    """Who looks at a page gets it as the last load left it; one that is wrong is closed, and says why."""
    before = len(chromium.contexts)
    opened = left_open(visit_all(chromium, shop.url, ["/a", "/gone"]))
    shown = {path: page.title() for path, page in opened}
    during = len(chromium.contexts)
    opened.close()

    assert ({"/a": "Shop"}, {"/gone": "answers 404, not 200"}) == (shown, opened.closed)
    assert (1, 0) == (during - before, len(chromium.contexts) - before)


def test_a_page_that_never_answers_is_given_up(chromium: Browser, shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """A page that loads, and whose script then never ends, is wrong in bounded time, on either screen; others go on."""
    monkeypatch.setattr(visit, "ANSWERS_WITHIN_MS", 2_000)
    visits = {one.page: one.wrong for one in visit_all(chromium, shop.url, ["/endless", "/a"])}
    phone = open_all(chromium, shop.url, ["/endless"])
    phone.close()

    why = "is busy with a script of its own, and does not answer within 2 s"
    assert {"/endless": why, "/a": ""} == visits
    assert {"/endless": why} == phone.closed


def test_journeys_begin_when_the_timed_loads_are_over(stage: Go, shop: Shop) -> None:
    """The timed loads have the machine to themselves; then the journeys and the phone go on side by side."""
    stage("")

    assert ["/"] * LOADS == shop.asked[:LOADS]
    assert [False] * LOADS + [True] * 2 == shop.begun
    assert ["/", "/journey"] == sorted(shop.asked[LOADS:]), "the desk looks at what the last load left open"


def test_the_journeys_are_waited_for_last() -> None:
    """While they run everything else is looked at, but for what is timed once more and what leaves text behind."""
    command = [sys.executable, "-m", "pytest", "-q", "--collect-only", "-p", "no:cacheprovider", "-p", "checks.plugin"]
    collected = run([*command, "suites/smoke"], 100, cwd=TREE).output
    names = [line.partition("::check_")[2] for line in collected.splitlines() if "::" in line]

    assert [
        "nothing_goes_wrong_unseen",
        "journeys_pass",
        "lighthouse_scores_high",
        "stored_text_never_runs",
    ] == names[-4:]


def test_journeys_that_may_not_run_do_not_begin(stage: Go, shop: Shop) -> None:
    """Where release.toml leaves out what the journeys are for, nothing of theirs reaches the release."""
    reason = "our journeys write"
    evidence = stage(f'[not_applicable]\nSMOKE-002 = "{reason}"\nSMOKE-003 = "{reason}"\n').evidence

    assert {"SMOKE-002", "SMOKE-003"} == {one.check for one in evidence if one.outcome is Outcome.NOT_APPLICABLE}
    assert {"/"} == set(shop.asked)


def test_what_breaks_beside_breaks_who_asks() -> None:
    """An accident in the thread is the accident of whoever asks for the answer, and an answer is the answer."""
    assert 2 == beside(lambda: 1 + 1).result()
    with pytest.raises(ZeroDivisionError):
        beside(lambda: 1 // 0).result()


@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_what_runs_beside_goes_away_with_us(end: signal.Signals) -> None:
    """However we end, we end at once, and what the thread has started is gone soon."""
    source = (
        "import sys, time\n"
        "from fixtures.guard import Guard\n"
        "from suites.smoke.process import beside, run\n"
        "tell = Guard.process\n"
        "Guard.process = lambda guard, process: (tell(guard, process), print(process.pid, flush=True))\n"
        "beside(lambda: run([sys.executable, '-c', 'import time; time.sleep(600)'], 600))\n"
        "time.sleep(600)\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(TREE)}
    with subprocess.Popen([sys.executable, "-c", source], env=environment, stdout=subprocess.PIPE) as ours:
        assert ours.stdout
        started = psutil.Process(int(ours.stdout.readline()))
        ours.send_signal(end)
        try:
            ours.wait(GONE_WITHIN_S)
        finally:
            ours.kill()
    started.wait(GONE_WITHIN_S)
