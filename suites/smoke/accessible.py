"""What axe-core finds on a page that keeps people out."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

IMPACTS = ("serious", "critical")
QUOTED, SELECTOR_LIMIT = 3, 120


def violations(page: Page) -> Iterator[tuple[str, str]]:
    """Yield each broken rule: its id, and the elements with the rule's help."""
    # The script comes in by the debugger's protocol, so that no content-security policy needs to allow it.
    for violation in Axe().run(page).response["violations"]:
        if violation["impact"] in IMPACTS:
            yield violation["id"], _what(violation)


def _what(violation: dict[str, Any]) -> str:
    elements = [_selector(node["target"]) for node in violation["nodes"]]
    quoted = ", ".join(elements[:QUOTED])
    more = f" and {len(elements) - QUOTED} more" if len(elements) > QUOTED else ""
    return f"{quoted}{more}: {violation['help']} ({violation['impact']}; {violation['helpUrl']})"


def _selector(target: list[Any]) -> str:
    """Write an element's selector; one inside a frame or a shadow tree has several, or lists of them."""
    text = " ".join(" ".join(part) if isinstance(part, list) else str(part) for part in target)
    return text if len(text) <= SELECTOR_LIMIT else f"{text[:SELECTOR_LIMIT]}…"
