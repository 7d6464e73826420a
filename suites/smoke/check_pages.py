"""The declared pages load, and paint in time."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from evidence.check import check
from suites.smoke.contract import Smoke
from suites.smoke.visit import LOADS, Visit

# Getting a browser for the first time takes minutes.
pytestmark = pytest.mark.timeout(1800)

Attach = Callable[..., None]
NO_PAGE = "[smoke] pages declares no page: list the paths that must load"


@check("SMOKE-001")
def check_pages_load(smoke: Smoke, visits: list[Visit], measure: Callable[..., None], attach: Attach) -> None:
    """Every declared page loads in a real browser with status 200, a title and a main heading."""
    measure(pages_total=len(visits))
    if not smoke.pages:
        pytest.skip(NO_PAGE)
    for visit in visits:
        if visit.screenshot:
            attach(f"page{visit.page}.png", visit.screenshot)
    wrong = [f"{visit.page} {visit.wrong}" for visit in visits if visit.wrong]

    assert not wrong, "\n".join(wrong)


@check("SMOKE-004")
def check_pages_paint_in_time(smoke: Smoke, visits: list[Visit], measure: Callable[..., None]) -> None:
    """Every declared page paints its main content within its limit."""
    if not smoke.pages:
        pytest.skip(NO_PAGE)
    paints = {visit.page: visit.lcp_ms for visit in visits}
    timed = [paint for paint in paints.values() if paint is not None]
    if len(timed) < len(paints):
        unseen = ", ".join(page for page, paint in paints.items() if paint is None)
        message = f"the browser told no largest contentful paint of {unseen}"
        raise LookupError(message)
    measure(lcp_ms=max(timed), loads_total=LOADS * len(visits))
