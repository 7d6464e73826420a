"""What every page says of itself before anything else: its title, its language, its main heading, its main part."""

from __future__ import annotations

import re
from collections.abc import Iterator

from playwright.sync_api import Page, TimeoutError  # noqa: A004 - Playwright's name

HEADING_WITHIN_MS = 3_000
"""Named wait: for the main heading of a page that its script makes."""
LANGUAGE = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*")


def lacking(page: Page) -> Iterator[tuple[str, str]]:
    """Yield what the page lacks: a name that stays, and a sentence."""
    # By its accessible name: a heading that is a logo has one, an empty or hidden heading has none.
    heading = page.get_by_role("heading", level=1, name=re.compile(r"\S")).first
    try:
        heading.wait_for(timeout=HEADING_WITHIN_MS)
    except TimeoutError:
        yield "heading", "has no main heading (h1)"
    if not page.title().strip():
        yield "title", "has no title"
    language: str = page.evaluate("document.documentElement.lang")
    if not LANGUAGE.fullmatch(language):
        yield "language", f"does not say its language: <html lang={language!r}>, where a screen reader needs one"
    if not page.get_by_role("main").count():
        yield "main", "has no main landmark: put what the page is about into <main>"
