"""The release's own journeys pass, and nothing goes wrong on the way.

Screenshots and traces of failed journeys are kept with the run. They can show what was typed, passwords included, and
cannot be redacted: share a run's folder as carefully as the accounts that its journeys use.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from evidence.check import check
from evidence.errors import InputError
from evidence.release import Release
from suites.smoke.contract import Smoke
from suites.smoke.journeys import Ran
from suites.smoke.visit import Visit

# The folders have their own, shorter limit.
pytestmark = pytest.mark.timeout(1800)

Attach = Callable[..., None]


@check("SMOKE-002", needs="write")
def check_nothing_goes_wrong_unseen(
    release: Release, smoke: Smoke, visits: list[Visit], ran: list[Ran], measure: Callable[..., None]
) -> None:
    """No declared page or journey logs a console error, throws, or has a request that fails."""
    if not smoke.pages and not smoke.journeys:
        pytest.skip("[smoke] declares neither pages nor journeys")
    problems = [problem for visit in visits for problem in visit.problems]
    problems += [problem for one in ran for problem in one.seen.problems]
    unexpected = [str(problem) for problem in problems if problem.what not in smoke.expected_requests]
    measure(problems_total=len(unexpected), watched_pages_total=len(visits) + sum(one.seen.pages for one in ran))

    assert not unexpected, "\n".join(unexpected)
    _demand_whole(ran)
    missing = set(smoke.expected_requests) - {problem.what for problem in problems}
    if missing and not any(one.failed for one in ran):
        message = f"{release.path}: [smoke] expected_requests: none of these came, take them out: {sorted(missing)}"
        raise InputError(message)


@check("SMOKE-003", needs="write")
def check_journeys_pass(smoke: Smoke, ran: list[Ran], measure: Callable[..., None], attach: Attach) -> None:
    """The release's own journeys pass in a real browser, and none is missing."""
    measure(journeys_total=sum(len(one.seen.journeys) for one in ran), journeys_seconds=sum(one.seconds for one in ran))
    if not smoke.journeys:
        pytest.skip("[smoke] journeys declares no folder: name the folders of your pytest-playwright tests")
    for one in ran:
        if one.done.code != 0:
            attach("output.txt", one.done.output)
        for name, path in one.artifacts():
            attach(name, path)
    failed = [test for one in ran for test in one.failed]

    assert not failed, "\n".join(failed)
    _demand_whole(ran)


def _demand_whole(ran: list[Ran]) -> None:
    """What was not seen to the end is not a pass: an error where it broke, a skip where it was left out."""
    if unseen := [one.unseen for one in ran if one.unseen]:
        raise RuntimeError("\n".join(unseen))
    if skipped := [test for one in ran for test in one.skipped]:
        pytest.skip("\n".join(skipped))
