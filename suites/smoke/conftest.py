"""What the smoke checks ask for: a browser, what the pages looked like, what became of the journeys."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import sync_playwright

from evidence.release import Release
from evidence.variables import variable
from suites.smoke import browser, journeys, visit
from suites.smoke.contract import Smoke


@pytest.fixture(scope="session", autouse=True)
def _tools(tool: Callable[[str], None]) -> None:
    for name in ("playwright", "pytest-playwright"):
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
def visits(smoke: Smoke, launch: dict[str, Any]) -> list[visit.Visit]:
    """Every declared page, opened; no browser stays open for the journeys to compete with."""
    if not smoke.pages:
        return []
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(**launch)
        return [visit.visit(chromium, variable("TARGET_URL"), path) for path in smoke.pages]


@pytest.fixture(scope="session")
def ran(
    smoke: Smoke, release: Release, launch: dict[str, Any], tmp_path_factory: pytest.TempPathFactory
) -> list[journeys.Ran]:
    """Every declared folder of journeys, run."""
    return [journeys.run_folder(name, release, launch, tmp_path_factory.mktemp("journeys")) for name in smoke.journeys]
