"""Open one declared page as a stranger does, several times over, and say what was seen."""

from __future__ import annotations

import contextlib
import re
import statistics
from dataclasses import dataclass
from urllib.parse import urlsplit

from playwright.sync_api import Browser, Error, Page, TimeoutError  # noqa: A004 - Playwright's name

from suites.smoke.seen import Problem, is_releases_fault
from suites.smoke.watch import Watcher

LOADS = 3
LOAD_WITHIN_MS = 20_000
HEADING_WITHIN_MS = 3_000
QUIET_WITHIN_MS = 3_000
PAINT_WITHIN_MS = 3_000
"""Named waits: for a load, for the main heading, for the last request, for the browser to say what it painted."""
LARGEST_PAINT = """within => new Promise(done => {
  const seen = new PerformanceObserver(list => done(list.getEntries().at(-1).startTime));
  seen.observe({ type: "largest-contentful-paint", buffered: true });
  setTimeout(() => done(null), within);
})"""


@dataclass(frozen=True, kw_only=True)
class Visit:
    """What came of opening a page LOADS times, each in a fresh context.

    `wrong` says what is wrong with the page, or is empty; `lcp_ms` is the median, None where a load painted nothing.
    """

    page: str
    wrong: str
    problems: tuple[Problem, ...]
    lcp_ms: float | None
    screenshot: bytes | None


def visit(browser: Browser, target: str, path: str) -> Visit:
    """Open a page of the target; an exception means that the browser, not the page, broke."""
    watcher = Watcher(path, target)
    wrong, screenshot = "", None
    paints: list[float] = []
    for number in range(LOADS):
        with contextlib.closing(browser.new_context()) as context:
            watcher.context(context)
            page = context.new_page()
            elsewhere = _load(page, f"{target}{path}", until_quiet=number == 0)
            wrong = wrong or elsewhere or _lacking(page)
            if wrong and not screenshot:
                screenshot = _screenshot(page)
            if elsewhere:
                break
            if (paint := page.evaluate(LARGEST_PAINT, PAINT_WITHIN_MS)) is not None:
                paints.append(paint)
    return Visit(
        page=path,
        wrong=wrong,
        problems=watcher.problems,
        lcp_ms=statistics.median(paints) if len(paints) == LOADS else None,
        screenshot=screenshot,
    )


def _load(page: Page, url: str, *, until_quiet: bool) -> str:
    """Load the page; say why what then shows is not it, or return an empty text."""
    try:
        response = page.goto(url, timeout=LOAD_WITHIN_MS)
    except Error as error:
        if not is_releases_fault(error):
            raise
        return f"does not load: {error.message.splitlines()[0]}"
    if until_quiet:
        # Pages that poll are never quiet: that is no fault.
        with contextlib.suppress(TimeoutError):
            page.wait_for_load_state("networkidle", timeout=QUIET_WITHIN_MS)
    status = response.status if response else None
    if status != 200:
        return f"answers {status}, not 200"
    # A page that sends strangers to the sign-in page loads well, but it is another page.
    if urlsplit(page.url).path != urlsplit(url).path:
        return f"leads to {urlsplit(page.url).path}: declare the page that it leads to"
    return ""


def _lacking(page: Page) -> str:
    # By its accessible name: a heading that is a logo has one, an empty or hidden heading has none.
    heading = page.get_by_role("heading", level=1, name=re.compile(r"\S")).first
    try:
        heading.wait_for(timeout=HEADING_WITHIN_MS)
    except TimeoutError:
        return "has no main heading (h1)"
    return "" if page.title().strip() else "has no title"


def _screenshot(page: Page) -> bytes | None:
    with contextlib.suppress(Error):
        return page.screenshot()
    return None
