"""The declared pages, open for the checks that look at what shows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from playwright.sync_api import Browser, Page

from checks.findings import Findings
from evidence.errors import CannotTell
from suites.smoke.visit import Visit, load, rest


@dataclass(frozen=True)
class Opened:
    """Pages by path; `closed` says of those that did not open why. `every` is each page, to be closed."""

    pages: dict[str, Page]
    closed: dict[str, str]
    every: Sequence[Page]

    def __iter__(self) -> Iterator[tuple[str, Page]]:
        """Go through the pages that are open."""
        return iter(self.pages.items())

    def close(self) -> None:
        """Close them."""
        for page in self.every:
            page.context.close()

    def settle(self, findings: Findings) -> None:
        """End a check that went through the pages: one that did not open was not looked at, so nothing is accepted."""
        unseen = "\n".join(f"{path} {why}" for path, why in self.closed.items())
        found = "\n".join(f"{each.place}: {each.what}" for each in findings.found.values())

        if unseen and found:
            raise AssertionError(f"{found}\n{unseen}")  # noqa: EM102, TRY003 - an assert would repeat both
        if unseen:
            raise CannotTell(unseen)


def left_open(visits: Sequence[Visit]) -> Opened:
    """Take the pages as their visits left them."""
    pages = {visit.page: visit.left for visit in visits if visit.left}
    return Opened(pages, {visit.page: visit.wrong for visit in visits if visit.wrong}, list(pages.values()))


def open_all(browser: Browser, target: str, paths: Sequence[str], **options: Any) -> Opened:  # noqa: ANN401 - Playwright's
    """Open each page in a context of its own, made with Playwright's options; all come to rest at once."""
    every = {path: browser.new_context(**options).new_page() for path in paths}
    loaded = {path: load(page, target + path) for path, page in every.items()}
    wrong = {path: loaded[path] or rest(page) for path, page in every.items()}
    pages = {path: page for path, page in every.items() if not wrong[path]}
    return Opened(pages, {path: why for path, why in wrong.items() if why}, list(every.values()))
