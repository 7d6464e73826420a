"""What the smoke checks ask for: a browser, what the pages looked like, what became of the journeys."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from concurrent.futures import Future, wait
from typing import Any

import pytest
from playwright.sync_api import Browser, Playwright, sync_playwright

from checks.plugin import will_run
from evidence.release import Release, Undeclared
from evidence.variables import variable
from suites.smoke import browser, narrow
from suites.smoke.contract import NO_PAGE, Smoke
from suites.smoke.counted import Counter
from suites.smoke.journeys import Folder, Ran
from suites.smoke.opened import Opened, left_open, open_all
from suites.smoke.process import beside
from suites.smoke.redaction import redacted
from suites.smoke.visit import Visit, visit_all
from suites.touched import TOUCHED


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """While the journeys run, look at everything else; then come those who ask for them, and what must be alone."""
    items.sort(key=lambda item: (_asks_for(item, "alone"), _asks_for(item, "ran")))


@pytest.fixture(scope="session", autouse=True)
def _tools(tool: Callable[[str], None]) -> None:
    for name in ("playwright", "pytest-playwright", "axe-playwright-python"):
        tool(name)


@pytest.fixture(scope="session", autouse=True)
def _touched(keep: Callable[[str, str], None]) -> Iterator[None]:
    """Leave the list of what was touched, also where the stage is broken off."""
    yield
    keep("touched.json", redacted(TOUCHED.written()))


@pytest.fixture(scope="session", autouse=True)
def delete_output_dir() -> None:
    """Keep pytest-playwright from removing the folder `test-results` of whoever runs the stage."""


@pytest.fixture(scope="session")
def smoke(release: Release) -> Smoke:
    """`[smoke]` of release.toml."""
    return release.section("smoke", Smoke)


@pytest.fixture(scope="session")
def driver() -> Iterator[Playwright]:
    """Playwright, started once: to find the browser, and to look with it."""
    with sync_playwright() as playwright:
        yield playwright


@pytest.fixture(scope="session")
def launch(pytestconfig: pytest.Config, driver: Playwright) -> dict[str, Any]:
    """The options that launch the Chromium that was found."""
    capture = pytestconfig.pluginmanager.getplugin("capturemanager")
    reporter = pytestconfig.pluginmanager.getplugin("terminalreporter")

    def say(line: str) -> None:
        with capture.global_and_fixture_disabled():
            reporter.write_line(f"smoke: {line}")

    return browser.launch_options(browser.this_machine(say, driver))


@pytest.fixture(scope="session")
def chromium(driver: Playwright, launch: dict[str, Any]) -> Browser:
    """The browser that looks at the declared pages; what it asks is counted."""
    launched = driver.chromium.launch(**launch)
    Counter(variable("TARGET_URL"), TOUCHED).browser(launched)
    return launched


@pytest.fixture(scope="session")
def visits(smoke: Smoke, request: pytest.FixtureRequest) -> list[Visit]:
    """Every declared page, loaded and timed, while nothing else is under way."""
    if not smoke.pages:
        return []
    return visit_all(request.getfixturevalue("chromium"), variable("TARGET_URL"), smoke.pages)


@pytest.fixture(scope="module")
def desk(visits: list[Visit], request: pytest.FixtureRequest) -> Iterator[Opened]:
    """Every declared page, open on a screen as of a desk."""
    if not visits:
        pytest.skip(NO_PAGE)
    # The loads are timed, so the journeys may begin: their processes need one core, the looks at the pages another.
    if _journeys_run(request):
        request.getfixturevalue("underway")
    opened = left_open(visits)
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def phone(smoke: Smoke, visits: list[Visit], request: pytest.FixtureRequest) -> Iterator[Opened]:
    """Every declared page, open on a screen as of a phone."""
    if not visits:
        pytest.skip(NO_PAGE)
    opened = open_all(request.getfixturevalue("chromium"), variable("TARGET_URL"), smoke.pages, **narrow.PHONE)
    yield opened
    opened.close()


@pytest.fixture(scope="session")
def underway(
    smoke: Smoke, release: Release, launch: dict[str, Any], tmp_path_factory: pytest.TempPathFactory
) -> Future[list[Ran]]:
    """Every declared folder of journeys, running one after the other beside whatever else is looked at."""
    folders = [
        Folder(name=name, release=release, launch=launch, scratch=tmp_path_factory.mktemp("journeys"))
        for name in smoke.journeys
    ]
    return beside(lambda: [folder.run() for folder in folders])


@pytest.fixture(scope="session")
def ran(underway: Future[list[Ran]]) -> list[Ran]:
    """Every declared folder of journeys, run."""
    return underway.result()


@pytest.fixture
def alone(request: pytest.FixtureRequest) -> None:
    """No journey is under way: none meets the text that a check stores, or disturbs what is timed."""
    if _journeys_run(request):
        with contextlib.suppress(Undeclared):
            wait([request.getfixturevalue("underway")])


def _journeys_run(request: pytest.FixtureRequest) -> bool:
    return any(_asks_for(item, "ran") and will_run(item) for item in request.session.items)


def _asks_for(item: pytest.Item, fixture: str) -> bool:
    return fixture in getattr(item, "fixturenames", ())
