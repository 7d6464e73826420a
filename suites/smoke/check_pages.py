"""The declared pages load."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from checks.claim import check
from suites.smoke.contract import NO_PAGE
from suites.smoke.visit import Visit, keep

# Getting a browser for the first time takes minutes.
pytestmark = pytest.mark.timeout(1800)


@check("SMOKE-001")
def check_pages_load(visits: list[Visit], measure: Callable[..., None], attach: Callable[..., None]) -> None:
    """Every declared page loads in a real browser with status 200."""
    measure(pages_total=len(visits))
    if not visits:
        pytest.skip(NO_PAGE)
    for number, visit in enumerate(visits, 1):
        if visit.screenshot:
            attach(f"{number}{visit.page}.png", visit.screenshot)
        if visit.wrong:
            keep(attach, f"{number}{visit.page}", visit)
    wrong = [f"{visit.page} {visit.wrong}" for visit in visits if visit.wrong]

    assert not wrong, "\n".join(wrong)
