"""Count what a browser asks, for the list of what of the release was touched."""

from __future__ import annotations

from urllib.parse import SplitResult, urlsplit

from playwright.sync_api import Browser, BrowserContext, Request, Response

from suites.touched import Touched


class Counter:
    """`Counter(target, TOUCHED).browser(browser)`: whatever its pages ask for from then on, redirects included."""

    def __init__(self, target: str, touched: Touched) -> None:
        """What belongs to the target is listed by its path, anything else by its host, too."""
        self._own, self._touched = _origin(urlsplit(target)), touched
        self._answered: set[Request] = set()

    def browser(self, browser: Browser) -> None:
        """Count in every context that the browser opens."""
        browser.on("context", self.context)

    def context(self, context: BrowserContext) -> None:
        """Count in one context."""
        context.on("response", self._response)
        context.on("requestfinished", self._finished)
        context.on("requestfailed", self._failed)

    def _response(self, response: Response) -> None:
        self._answered.add(response.request)
        self._count(response.request, response.status)

    def _finished(self, request: Request) -> None:
        self._answered.discard(request)

    def _failed(self, request: Request) -> None:
        if request not in self._answered:
            self._count(request, 0)
        self._answered.discard(request)

    def _count(self, request: Request, status: int) -> None:
        url = urlsplit(request.url)
        if url.scheme in {"http", "https"}:
            host = "" if _origin(url) == self._own else _origin(url)
            self._touched.add(request.method, f"{host}{url.path or '/'}", status)


def _origin(url: SplitResult) -> str:
    """Scheme, host and port, without the name and password that may stand before them."""
    return f"{url.scheme}://{url.netloc.rpartition('@')[2]}"
