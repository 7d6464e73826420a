"""Take pictures of pages on which no secret can be read."""

from __future__ import annotations

import contextlib

from playwright.sync_api import Error, Page

from suites.smoke.redaction import secrets

TAKEN_WITHIN_MS = 5_000
TYPED = "input:not([type=checkbox], [type=radio], [type=submit], [type=button]), textarea"
COVER = "#808080"


def picture(page: Page, *, typed: bool = False) -> bytes | None:
    """Take a picture of what shows, secrets covered, and what was `typed` into fields too; None where it cannot be."""
    covered = [frame.get_by_text(value) for frame in page.frames for value in secrets().values()]
    if typed:
        covered += [frame.locator(TYPED) for frame in page.frames]
    with contextlib.suppress(Error):
        return page.screenshot(mask=covered, mask_color=COVER, animations="disabled", timeout=TAKEN_WITHIN_MS)
    return None
