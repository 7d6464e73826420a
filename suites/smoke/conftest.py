"""What the smoke checks ask for: a browser, what the pages looked like, what became of the journeys."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, sync_playwright

from evidence.release import Release
from evidence.variables import variable
from suites.smoke import browser, journeys, narrow, visit
from suites.smoke.contract import NO_PAGE, Smoke
from suites.smoke.opened import Opened, open_all


@pytest.fixture(scope="session", autouse=True)
def _tools(tool: Callable[[str], None]) -> None:
    for name in ("playwright", "pytest-playwright", "axe-playwright-python"):
        tool(name)


@pytest.fixture(scope="session", autouse=True)
def delete_output_dir() -> None:
    """Keep pytest-playwright from removing the folder `test-results` of whoever runs the stage."""


@pytest.fixture(scope="session")
def smoke(release: Release) -> Smoke:
    """`[smoke]` of release.toml."""
    return release.section("smoke", Smoke)


@pytest.fixture(scope="session")
def launch(pytestconfig: pytest.Config) -> dict[str, Any]:
    """The options that launch the Chromium that was found."""
    capture = pytestconfig.pluginmanager.getplugin("capturemanager")
    reporter = pytestconfig.pluginmanager.getplugin("terminalreporter")

    def say(line: str) -> None:
        with capture.global_and_fixture_disabled():
            reporter.write_line(f"smoke: {line}")

    return browser.launch_options(browser.this_machine(say))


@pytest.fixture(scope="session")
def chromium(launch: dict[str, Any]) -> Iterator[Browser]:
    """The browser that looks at the declared pages."""
    with sync_playwright() as playwright:
        yield playwright.chromium.launch(**launch)


@pytest.fixture(scope="session")
def visits(smoke: Smoke, request: pytest.FixtureRequest) -> list[visit.Visit]:
    """Every declared page, loaded and timed, one after the other, before any page stays open."""
    if not smoke.pages:
        return []
    chromium: Browser = request.getfixturevalue("chromium")
    return [visit.visit(chromium, variable("TARGET_URL"), path) for path in smoke.pages]


@pytest.fixture(scope="module")
def desk(smoke: Smoke, visits: list[visit.Visit], request: pytest.FixtureRequest) -> Iterator[Opened]:
    """Every declared page, open on a screen as of a desk; the journeys compete with none of them."""
    yield from _opened(smoke, visits, request)


@pytest.fixture(scope="module")
def phone(smoke: Smoke, visits: list[visit.Visit], request: pytest.FixtureRequest) -> Iterator[Opened]:
    """Every declared page, open on a screen as of a phone."""
    yield from _opened(smoke, visits, request, **narrow.PHONE)


def _opened(
    smoke: Smoke,
    visits: list[visit.Visit],
    request: pytest.FixtureRequest,
    **options: Any,  # noqa: ANN401 - Playwright's own
) -> Iterator[Opened]:
    if not visits:
        pytest.skip(NO_PAGE)
    opened = open_all(request.getfixturevalue("chromium"), variable("TARGET_URL"), smoke.pages, **options)
    yield opened
    opened.close()


@pytest.fixture(scope="session")
def ran(
    smoke: Smoke, release: Release, launch: dict[str, Any], tmp_path_factory: pytest.TempPathFactory
) -> list[journeys.Ran]:
    """Every declared folder of journeys, run."""
    return [journeys.run_folder(name, release, launch, tmp_path_factory.mktemp("journeys")) for name in smoke.journeys]
