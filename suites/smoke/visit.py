"""Open the declared pages as a stranger does, several times over, and say what was seen."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Callable, Sequence
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
ANSWERS_WITHIN_MS = 10_000
"""Named waits: for a load, for the last request, for a page that has loaded to answer at all."""


@dataclass(frozen=True, kw_only=True)
class Visit:
    """What came of opening a page LOADS times, each in a fresh context with an empty cache.

    `wrong` says what is wrong with the page, or is empty; `vitals` is the median, None where a load painted nothing.
    `trace` is of one more load of a page that something is wrong with, as Playwright writes it: `keep` redacts it.
    `left` is the page as the last load left it, for those who look on; None where something is wrong with it.
    """

    page: str
    wrong: str
    problems: tuple[Problem, ...]
    log: str
    vitals: Vitals | None
    screenshot: bytes | None
    trace: bytes | None
    left: Page | None


def visit_all(browser: Browser, target: str, paths: Sequence[str]) -> list[Visit]:
    """Open every page of the target LOADS times, one load at a time; an exception means that the browser broke.

    What the last load of a page shows stays open, so that it need not be loaded again. Nothing is open during the loads
    before: the median of three lies between two loads that no other page can have disturbed. While a page that has
    loaded comes to rest, the empty page for the next load is made.
    """
    courses = [_Course(browser, target, path) for path in paths]
    turns = [(course, number == LOADS) for number in range(1, LOADS + 1) for course in courses]
    empty: Page | None = None
    for number, (course, stays) in enumerate(turns, 1):
        if course.wrong:
            continue
        course.load(empty or _empty(browser))
        empty = _empty(browser) if number < len(turns) else None
        course.read(stays=stays)
    if empty:
        empty.context.close()
    return [course.over() for course in courses]


class _Course:
    """The loads of one page, each into an empty page of a context of its own."""

    def __init__(self, browser: Browser, target: str, path: str) -> None:
        self._browser, self._path, self._url = browser, path, target + path
        self._watcher = Watcher(path, target)
        self._loads: list[Vitals | None] = []
        self._screenshot: bytes | None = None
        self._left: Page | None = None
        self.wrong = ""

    def load(self, empty: Page) -> None:
        """Load the page."""
        self._watcher.context(empty.context)
        self._transferred = vitals.Transferred(empty.context)
        self._shown = empty
        self.wrong = load(empty, self._url)

    def read(self, *, stays: bool) -> None:
        """Read what came of it when it has come to rest, and close it unless it stays."""
        self.wrong = self.wrong or rest(self._shown)
        self._screenshot = self._screenshot or picture(self._shown)
        if not self.wrong:
            self._loads.append(vitals.read(self._shown, self._transferred.bytes()))
        if stays and not self.wrong:
            self._watcher.icons(self._shown)
            self._left = self._shown
        else:
            self._shown.context.close()

    def over(self) -> Visit:
        painted = [one for one in self._loads if one]
        problems = self._watcher.problems
        return Visit(
            page=self._path,
            wrong=self.wrong,
            problems=problems,
            log=self._watcher.log,
            vitals=vitals.median(painted) if len(painted) == LOADS else None,
            screenshot=self._screenshot,
            trace=_trace(self._browser, self._url) if self.wrong or problems else None,
            left=self._left,
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


def rest(page: Page) -> str:
    """Let a page that has loaded come to rest; say why it cannot be looked at, or return an empty text.

    One that polls is never quiet: that is no fault. But whoever asks a page whose script never ends for anything waits
    forever, except by what Playwright bounds.
    """
    with contextlib.suppress(TimeoutError):
        page.wait_for_load_state("networkidle", timeout=QUIET_WITHIN_MS)
    try:
        page.locator(":root").wait_for(state="attached", timeout=ANSWERS_WITHIN_MS)
    except TimeoutError:
        return f"is busy with a script of its own, and does not answer within {ANSWERS_WITHIN_MS / 1000:g} s"
    return ""


def _empty(browser: Browser) -> Page:
    return browser.new_context().new_page()


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
