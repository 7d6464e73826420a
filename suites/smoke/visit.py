"""Open one declared page as a stranger does, several times over, and say what was seen."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from playwright.sync_api import Browser, Error, Page, TimeoutError  # noqa: A004 - Playwright's name

from suites.smoke import vitals
from suites.smoke.pictures import picture
from suites.smoke.redaction import redacted, redacted_trace
from suites.smoke.seen import Problem, is_releases_fault
from suites.smoke.vitals import Vitals
from suites.smoke.watch import Watcher

LOADS = 3
LOAD_WITHIN_MS = 20_000
QUIET_WITHIN_MS = 3_000
"""Named waits: for a load, for the last request."""


@dataclass(frozen=True, kw_only=True)
class Visit:
    """What came of opening a page LOADS times, each in a fresh context with an empty cache.

    `wrong` says what is wrong with the page, or is empty; `vitals` is the median, None where a load painted nothing.
    `trace` is of one more load of a page that something is wrong with, as Playwright writes it: `keep` redacts it.
    """

    page: str
    wrong: str
    problems: tuple[Problem, ...]
    log: str
    vitals: Vitals | None
    screenshot: bytes | None
    trace: bytes | None


def visit(browser: Browser, target: str, path: str) -> Visit:
    """Open a page of the target; an exception means that the browser, not the page, broke."""
    watcher = Watcher(path, target)
    wrong, screenshot = "", None
    loads: list[Vitals | None] = []
    for _ in range(LOADS):
        with contextlib.closing(browser.new_context()) as context:
            watcher.context(context)
            transferred = vitals.Transferred(context)
            page = context.new_page()
            wrong = load(page, target + path)
            rest(page)
            screenshot = screenshot or picture(page)
            if wrong:
                break
            loads.append(vitals.read(page, transferred.bytes()))
    painted = [one for one in loads if one]
    return Visit(
        page=path,
        wrong=wrong,
        problems=watcher.problems,
        log=watcher.log,
        vitals=vitals.median(painted) if len(painted) == LOADS else None,
        screenshot=screenshot,
        trace=_trace(browser, target + path) if wrong or watcher.problems else None,
    )


def load(page: Page, url: str) -> str:
    """Load the page; say why what then shows is not it, or return an empty text."""
    try:
        response = page.goto(url, timeout=LOAD_WITHIN_MS)
    except Error as error:
        if not is_releases_fault(error):
            raise
        return f"does not load: {error.message.splitlines()[0]}"
    status = response.status if response else None
    if status != 200:
        return f"answers {status}, not 200"
    # A page that sends strangers to the sign-in page loads well, but it is another page.
    if urlsplit(page.url).path != urlsplit(url).path:
        return f"leads to {urlsplit(page.url).path}: declare the page that it leads to"
    return ""


def keep(attach: Callable[[str, bytes | str], None], name: str, visit: Visit) -> None:
    """Keep the log and the trace of a page that something is wrong with."""
    attach(f"{name}-log.txt", redacted(visit.log))
    if visit.trace:
        attach(f"{name}-trace.zip", redacted_trace(visit.trace))


def rest(page: Page) -> None:
    """Let a page that has loaded come to rest. One that polls never does: that is no fault."""
    with contextlib.suppress(TimeoutError):
        page.wait_for_load_state("networkidle", timeout=QUIET_WITHIN_MS)


def _trace(browser: Browser, url: str) -> bytes:
    """Record one more load: a recording slows the page down, so that it is not made of the loads that are timed."""
    with tempfile.TemporaryDirectory() as folder, contextlib.closing(browser.new_context()) as context:
        context.tracing.start(snapshots=True)
        page = context.new_page()
        load(page, url)
        rest(page)
        path = Path(folder, "trace.zip")
        context.tracing.stop(path=path)
        return path.read_bytes()
