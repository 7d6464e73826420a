"""Watch every page of a browser for what no user should meet: console errors, exceptions, requests that fail."""

from __future__ import annotations

import contextlib
import time
from urllib.parse import urlsplit, urlunsplit

import httpx
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Error, Page, Request, Response, WebError

from suites.api import Client
from suites.smoke.seen import Problem

LEFT_BEHIND = ("net::ERR_ABORTED", "NS_BINDING_ABORTED")
"""What engines call a request that the page itself gave up, most often because the user went on."""
LOAD_FAILURE = "Failed to load resource"
MIXED = "Mixed Content:"
"""How Chromium's message begins where a page by https asks for something by http, also where it then mends that."""
ICON = "/favicon.ico"
ICONS = "link[rel~='icon' i]"
ICON_WITHIN_MS = 10_000
LOG_LINES = 2_000


class Watcher:
    """`Watcher("/login", target).browser(browser)`; `turn` when the browser turns to something else."""

    def __init__(self, where: str, target: str) -> None:
        """Nothing is seen yet; requests to the target are named by their path alone."""
        self._target = target
        self.pages = 0
        self._problems: dict[Problem, None] = {}
        self._requested: set[str] = set()
        self._sent_on: str | None = None
        self._open: list[Page] = []
        self.turn(where)

    def turn(self, where: str) -> None:
        """What is seen from now on belongs to `where`: the log begins anew."""
        self.where = where
        self._log: list[str] = []
        self._began = time.monotonic()

    @property
    def problems(self) -> tuple[Problem, ...]:
        """What was seen, each thing once, in order."""
        return tuple(self._problems)

    @property
    def log(self) -> str:
        """The console and the network since the last turn, a line a message or answer."""
        return "\n".join(self._log)

    @property
    def open_pages(self) -> list[Page]:
        """The pages that are open now."""
        self._open = [page for page in self._open if not page.is_closed()]
        return self._open

    def browser(self, browser: Browser) -> None:
        """Watch every context that the browser opens from now on."""
        browser.on("context", self.context)

    def context(self, context: BrowserContext) -> None:
        """Watch every page of a context."""
        context.on("page", self._page)
        context.on("console", self._console)
        context.on("weberror", self._exception)
        context.on("request", self._request)
        context.on("requestfailed", self._failed)
        context.on("response", self._answered)

    def icons(self, page: Page) -> None:
        """Ask for the icons that a page names: a browser without a window shows none, and asks for none."""
        for url in dict.fromkeys(page.eval_on_selector_all(ICONS, "links => links.map(link => link.href)")):
            if url.startswith(f"{self._target}/"):
                try:
                    status = page.context.request.get(url, timeout=ICON_WITHIN_MS).status
                except Error:
                    self._add(f"GET {self._place(url)}: is not answered")
                else:
                    if status >= 400:
                        self._add(f"{status} GET {self._place(url)}")

    def _page(self, page: Page) -> None:
        self.pages += 1
        self._open.append(page)

    def _console(self, message: ConsoleMessage) -> None:
        self._write(f"console {message.type}: {message.text}")
        if message.text.startswith(MIXED):
            self._add(f"mixed content: {message.text.removeprefix(MIXED).strip()}")
        elif message.type != "error":
            return
        elif not message.text.startswith(LOAD_FAILURE):
            self._add(f"console error: {message.text}")
        # The other handlers see each request more exactly, except those that the browser makes itself (icons).
        elif (url := message.location["url"]) not in self._requested and not self._is_browsers_idea(url):
            self._add(f"{self._place(url)}: {message.text}")

    def _exception(self, error: WebError) -> None:
        self._write(f"exception: {error.error.stack or error.error.message}")
        self._add(f"exception: {error.error.message}")

    def _request(self, request: Request) -> None:
        self._requested.add(request.url)

    def _failed(self, request: Request) -> None:
        self._write(f"{request.method} {self._place(request.url)}: {request.failure}")
        if request.failure not in LEFT_BEHIND:
            self._add(f"{request.method} {self._place(request.url)}: {request.failure}")

    def _answered(self, response: Response) -> None:
        request = response.request
        self._write(f"{response.status} {request.method} {self._place(request.url)}")
        # A page may refuse its user (a wrong password); what a page is made of may not be missing.
        is_page = request.is_navigation_request() and request.frame.parent_frame is None
        if response.status >= (500 if is_page else 400):
            self._add(f"{response.status} {request.method} {self._place(request.url)}")

    def _add(self, what: str) -> None:
        self._problems[Problem(self.where, what)] = None

    def _write(self, line: str) -> None:
        if len(self._log) < LOG_LINES:
            self._log.append(f"{time.monotonic() - self._began:8.3f} s  {line}")

    def _is_browsers_idea(self, url: str) -> bool:
        """Whether it is the icon that a browser looks for where no page names any, or where that is sent on to."""
        if urlsplit(url).path == ICON:
            return True
        if self._sent_on is None:
            self._sent_on = _end_of(self._target + ICON)
        return url == self._sent_on

    def _place(self, url: str) -> str:
        """Leave out the query, which holds what users typed."""
        return urlunsplit(urlsplit(url)._replace(query="", fragment="")).removeprefix(self._target) or "/"


def _end_of(url: str) -> str:
    """Where redirects lead from an address, or the address itself."""
    with Client() as http, contextlib.suppress(httpx.HTTPError):
        return str(http.get(url, follow_redirects=True).url)
    return url
