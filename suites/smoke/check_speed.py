"""The declared pages are there soon, stand still, answer, and are small: the median of several cold loads of each."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from checks.claim import check
from evidence.errors import CannotTell
from suites.smoke.contract import NO_PAGE
from suites.smoke.visit import LOADS, Visit

# Getting a browser for the first time takes minutes.
pytestmark = pytest.mark.timeout(1800)

Measure = Callable[..., None]


@check("SMOKE-004")
def check_pages_paint_in_time(visits: list[Visit], measure: Measure) -> None:
    """Every declared page paints its main content within its limit."""
    measure(**_worst(visits, "lcp_ms"))


@check("SMOKE-009")
def check_pages_stand_still(visits: list[Visit], measure: Measure) -> None:
    """What a declared page shows does not move while it loads."""
    measure(**_worst(visits, "cls"))


@check("SMOKE-010")
def check_pages_answer(visits: list[Visit], measure: Measure) -> None:
    """No declared page is too busy to answer once it shows something."""
    measure(**_worst(visits, "tbt_ms"))


@check("SMOKE-011")
def check_pages_are_small(visits: list[Visit], measure: Measure) -> None:
    """A first visit of a declared page transfers few bytes."""
    measure(**_worst(visits, "transferred_bytes"))


def _worst(visits: list[Visit], name: str) -> dict[str, float]:
    """The worst page's number, and on how many loads it rests; CannotTell where a page told none."""
    if not visits:
        pytest.skip(NO_PAGE)
    if silent := [visit.page for visit in visits if visit.vitals is None]:
        msg = f"the browser told no largest contentful paint of {', '.join(silent)}"
        raise CannotTell(msg)
    return {name: max(getattr(visit.vitals, name) for visit in visits), "loads_total": LOADS * len(visits)}
