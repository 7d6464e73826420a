"""What the tests of suites share: the real browser."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from suites.smoke import browser


@pytest.fixture(scope="session")
def launch() -> dict[str, Any]:
    """The real browser's options; without one these tests break, they are not skipped."""
    return browser.launch_options(browser.this_machine(print))


@pytest.fixture(scope="module")
def chromium(launch: dict[str, Any]) -> Iterator[Browser]:
    """The real browser."""
    with sync_playwright() as playwright:
        yield playwright.chromium.launch(**launch)


@pytest.fixture
def page(chromium: Browser) -> Iterator[Page]:
    """An empty page of a context of its own."""
    with chromium.new_context() as context:
        yield context.new_page()
