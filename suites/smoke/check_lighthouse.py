"""Lighthouse's own judgement of the pages, where Node and Lighthouse are there."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from checks.claim import check
from evidence.release import Release
from evidence.variables import variable
from suites.smoke import lighthouse
from suites.smoke.contract import Smoke
from suites.smoke.redaction import redacted

# It takes up to two minutes a run.
pytestmark = pytest.mark.timeout(1800)


@pytest.fixture
def asker(release: Release, launch: dict[str, Any], tmp_path: Path) -> lighthouse.Asker:
    """Lighthouse, with the browser that was found."""
    return lighthouse.Asker(lighthouse.find(release.root), launch, tmp_path)


@check("SMOKE-012")
@pytest.mark.usefixtures("alone")
def check_lighthouse_scores_high(
    smoke: Smoke,
    request: pytest.FixtureRequest,
    measure: Callable[..., None],
    attach: Callable[..., None],
    tool: Callable[..., None],
) -> None:
    """Lighthouse gives every page that is declared for it a high score for performance, as the median of its runs."""
    if not (wanted := smoke.lighthouse):
        pytest.skip("[smoke.lighthouse] is not declared: name pages, a preset and how many runs")
    asker: lighthouse.Asker = request.getfixturevalue("asker")
    runs = {page: asker.ask(variable("TARGET_URL") + page, wanted) for page in wanted.pages}
    for number, (page, each) in enumerate(runs.items(), 1):
        tool("lighthouse", lighthouse.middle(each).version)
        attach(f"{number}{page}.json", redacted(lighthouse.middle(each).report))
    measure(
        performance_score=min(lighthouse.middle(each).score for each in runs.values()),
        spread_score=max(map(lighthouse.spread, runs.values())),
        runs_total=wanted.runs,
    )
