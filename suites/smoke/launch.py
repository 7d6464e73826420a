"""The pytest plugin that goes into the release's own journeys: `pytest -p suites.smoke.launch journeys`.

The folder runs as it is. What the plugin adds: pytest-playwright launches the browser that was found, every page of it
is watched, what it asks is counted, what became of each test is written down, and of what fails a picture of each page
and the log are kept. It is told by RELEASE_JOURNEYS (see `Task`).
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from playwright.sync_api import Browser

from evidence.model import Outcome, worst
from suites.smoke.counted import Counter
from suites.smoke.pictures import picture
from suites.smoke.redaction import redacted
from suites.smoke.seen import Journey, Seen, is_releases_fault
from suites.smoke.watch import Watcher
from suites.touched import TOUCHED

VARIABLE = "RELEASE_JOURNEYS"
DETAIL_LINES, NAME_LIMIT = 12, 100
CLASSIFIED = "release_outcome"


class Task(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How to launch Chromium, the target's URL, and two folders.

    `folder` takes what was seen, one file a process; `kept` what shows how a journey failed.
    """

    launch: dict[str, Any]
    target: str
    folder: str
    kept: str


def pytest_configure(config: pytest.Config) -> None:
    """Join after pytest-playwright: of two plugins' fixtures of one name, the later one overrides."""
    task = msgspec.json.decode(os.environ[VARIABLE], type=Task)
    config.pluginmanager.register(Journal(task), "release-journal")


class Journal:
    """Launches, watches and writes down."""

    def __init__(self, task: Task) -> None:
        """Nothing has been seen yet."""
        self._task = task
        self._watcher = Watcher("before the first journey", task.target)
        self._counter = Counter(task.target, TOUCHED)
        self._planned: list[str] = []
        self._outcomes: dict[str, list[tuple[Outcome, str]]] = {}

    @pytest.fixture(scope="session")
    def browser_type_launch_args(self, browser_type_launch_args: dict[str, Any], browser_name: str) -> dict[str, Any]:
        """Pytest-playwright's own, and the Chromium that was found; a channel that the journeys ask for is kept."""
        if browser_name != "chromium" or "channel" in browser_type_launch_args:
            return browser_type_launch_args
        arguments = [*self._task.launch.get("args", ()), *browser_type_launch_args.get("args", ())]
        return {**self._task.launch, **browser_type_launch_args, "args": arguments}

    @pytest.fixture(scope="session")
    def launch_browser(self, launch_browser: Callable[..., Browser]) -> Callable[..., Browser]:
        """Pytest-playwright's own, with every browser watched."""

        def launch(**options: Any) -> Browser:  # noqa: ANN401 - Playwright's own options
            browser = launch_browser(**options)
            self._watcher.browser(browser)
            self._counter.browser(browser)
            return browser

        return launch

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> None:
        """What is seen from now on belongs to this journey."""
        self._watcher.turn(item.nodeid)

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Remember what there is to run: what then has no result did not run."""
        self._planned.extend(item.nodeid for item in session.items)

    def pytest_deselected(self, items: list[pytest.Item]) -> None:
        """A journey that was left out is not a journey that passed."""
        for item in items:
            self._add(item.nodeid, Outcome.SKIPPED, "deselected")

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Keep a folder or module that could not be read, or that skips itself."""
        if not report.passed:
            self._add(report.nodeid, Outcome.ERRORED if report.failed else Outcome.SKIPPED, report.longreprtext)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Tell whose fault it was while the exception is at hand."""
        report = yield
        setattr(report, CLASSIFIED, _outcome(call, report))
        if report.failed:
            self._keep(f"{report.nodeid}-{report.when}")
        return report

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Take one phase's result; a plugin that runs a test again calls the first attempt `rerun`."""
        flaky = str(report.outcome) == "rerun"
        self._add(report.nodeid, Outcome.FLAKY if flaky else Outcome(getattr(report, CLASSIFIED)), _detail(report))

    def pytest_sessionfinish(self) -> None:
        """Write what was seen."""
        for test in self._planned:
            if test not in self._outcomes:
                self._add(test, Outcome.ERRORED, "did not run")
        seen = Seen(
            journeys=tuple(_journey(test, phases) for test, phases in self._outcomes.items()),
            problems=self._watcher.problems,
            pages=self._watcher.pages,
            touched=tuple(TOUCHED.rows()),
        )
        Path(self._task.folder, f"{os.getpid()}.json").write_bytes(msgspec.json.encode(seen))

    def _keep(self, name: str) -> None:
        """Keep what the pages look like and what they said, while they are open."""
        path = Path(self._task.kept, re.sub(r"[^A-Za-z0-9]+", "-", name)[-NAME_LIMIT:].strip("-"))
        path.with_suffix(".txt").write_text(redacted(self._watcher.log), encoding="utf-8")
        for number, page in enumerate(self._watcher.open_pages, 1):
            if image := picture(page, typed=True):
                Path(f"{path}-{number}.png").write_bytes(image)

    def _add(self, test: str, outcome: Outcome, detail: str) -> None:
        self._outcomes.setdefault(test, []).append((outcome, detail))


def _outcome(call: pytest.CallInfo[None], report: pytest.TestReport) -> Outcome:
    if report.skipped:
        return Outcome.SKIPPED
    if report.passed:
        return Outcome.PASSED
    fault = call.when == "call" and call.excinfo is not None and is_releases_fault(call.excinfo.value)
    return Outcome.FAILED if fault else Outcome.ERRORED


def _journey(test: str, phases: list[tuple[Outcome, str]]) -> Journey:
    outcomes = [outcome for outcome, _ in phases]
    # A journey that failed has failed, whatever its clean-up then met.
    outcome = Outcome.FAILED if Outcome.FAILED in outcomes else worst(outcomes)
    detail = next(detail for kind, detail in phases if kind is outcome)
    return Journey(test, outcome, detail, retried=Outcome.FLAKY in outcomes)


def _detail(report: pytest.TestReport) -> str:
    """What pytest's own report ends with, its marked lines: the exception, not the traceback."""
    if report.skipped and isinstance(report.longrepr, tuple):
        return str(report.longrepr[2])
    lines = report.longreprtext.splitlines()
    marked = [line[1:].strip() for line in lines if line.startswith("E")]
    return "\n".join((marked or lines[-1:])[:DETAIL_LINES])
