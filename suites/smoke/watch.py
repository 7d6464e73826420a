"""Watch every page of a browser for what no user should meet: console errors, exceptions, requests that fail."""

from __future__ import annotations

from urllib.parse import urlsplit, urlunsplit

from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Request, Response, WebError

from suites.smoke.seen import Problem

LEFT_BEHIND = ("net::ERR_ABORTED", "NS_BINDING_ABORTED")
"""What engines call a request that the page itself gave up, most often because the user went on."""
LOAD_FAILURE = "Failed to load resource"


class Watcher:
    """`Watcher("/login", target).browser(browser)`; set `where` anew when the browser turns to something else."""

    def __init__(self, where: str, target: str) -> None:
        """Nothing is seen yet; requests to the target are named by their path alone."""
        self.where = where
        self._target = target
        self.pages = 0
        self._problems: dict[Problem, None] = {}
        self._requested: set[str] = set()

    @property
    def problems(self) -> tuple[Problem, ...]:
        """What was seen, each thing once, in order."""
        return tuple(self._problems)

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

    def _page(self, _page: Page) -> None:
        self.pages += 1

    def _console(self, message: ConsoleMessage) -> None:
        if message.type != "error":
            return
        if not message.text.startswith(LOAD_FAILURE):
            self._add(f"console error: {message.text}")
        # The other handlers see each request more exactly, except those that the browser makes itself (the icon).
        elif (url := message.location["url"]) not in self._requested:
            self._add(f"{self._place(url)}: {message.text}")

    def _exception(self, error: WebError) -> None:
        self._add(f"exception: {error.error.message}")

    def _request(self, request: Request) -> None:
        self._requested.add(request.url)

    def _failed(self, request: Request) -> None:
        if request.failure not in LEFT_BEHIND:
            self._add(f"{request.method} {self._place(request.url)}: {request.failure}")

    def _answered(self, response: Response) -> None:
        request = response.request
        # A page may refuse its user (a wrong password); what a page is made of may not be missing.
        is_page = request.is_navigation_request() and request.frame.parent_frame is None
        if response.status >= (500 if is_page else 400):
            self._add(f"{response.status} {request.method} {self._place(request.url)}")

    def _add(self, what: str) -> None:
        self._problems[Problem(self.where, what)] = None

    def _place(self, url: str) -> str:
        """Leave out the query, which holds what users typed."""
        return urlunsplit(urlsplit(url)._replace(query="", fragment="")).removeprefix(self._target) or "/"
