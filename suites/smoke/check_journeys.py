"""The release's own journeys pass, and nothing goes wrong on the way.

Of a journey that fails a trace, a picture of each page and the log of console and network are kept with the run. The
values of RELEASE_SECRETS, cookies and other credentials are taken out of them; on pictures, secrets and all fields that
are typed into are covered.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from checks.claim import check
from checks.findings import Findings
from evidence.errors import CannotTell, InputError, PassedOnRetry
from evidence.release import Release
from suites.smoke.contract import Smoke
from suites.smoke.journeys import Ran
from suites.smoke.redaction import redacted
from suites.smoke.seen import Problem
from suites.smoke.visit import Visit, keep

# The folders have their own, shorter limit.
pytestmark = pytest.mark.timeout(1800)

VOLATILE = re.compile(r"nonce-[^']+|(?<![0-9A-Za-z])(?=[0-9a-f-]*\d)[0-9a-f-]{6,}(?![0-9A-Za-z])|(?<=/)\d+|\d{4,}")
"""Ids, hashes and times: what the same fault is told with another one of in the next run."""


@dataclass(frozen=True)
class Watched:
    """All that a browser was watched at."""

    visits: list[Visit]
    ran: list[Ran]

    @property
    def problems(self) -> list[Problem]:
        """What went wrong, on the declared pages and in the journeys."""
        return [problem for visit in self.visits for problem in visit.problems] + [
            problem for one in self.ran for problem in one.seen.problems
        ]

    @property
    def pages(self) -> int:
        """How many pages that were."""
        return len(self.visits) + sum(one.seen.pages for one in self.ran)


@pytest.fixture
def watched(visits: list[Visit], ran: list[Ran], attach: Callable[..., None]) -> Watched:
    """The declared pages and the journeys; of a page with problems, its log and a trace are kept."""
    for number, visit in enumerate(visits, 1):
        if visit.problems:
            keep(attach, f"{number}{visit.page}", visit)
    return Watched(visits, ran)


@check("SMOKE-002", needs="write")
def check_nothing_goes_wrong_unseen(
    release: Release, smoke: Smoke, watched: Watched, findings: Findings, measure: Callable[..., None]
) -> None:
    """No declared page or journey logs a console error, throws, asks for mixed content, or has a request that fails."""
    if not smoke.pages and not smoke.journeys:
        pytest.skip("[smoke] declares neither pages nor journeys")
    unexpected = [problem for problem in watched.problems if problem.what not in smoke.expected_requests]
    measure(problems_total=len(unexpected), watched_pages_total=watched.pages)
    for problem in unexpected:
        findings.add(place(problem), redacted(problem.what))
    unseen = [visit.page for visit in watched.visits if visit.wrong] + [one.folder for one in watched.ran if one.unseen]

    # What was not seen to the end may have more wrong with it: then nothing of it can be accepted.
    assert not (unexpected and unseen), redacted("\n".join(map(str, unexpected)))
    _demand_whole(watched.ran)
    missing = set(smoke.expected_requests) - {problem.what for problem in watched.problems}
    if missing and not any(one.failed for one in watched.ran):
        message = f"{release.path}: [smoke] expected_requests: none of these came, take them out: {sorted(missing)}"
        raise InputError(message)


@check("SMOKE-003", needs="write")
def check_journeys_pass(
    smoke: Smoke, ran: list[Ran], measure: Callable[..., None], attach: Callable[..., None]
) -> None:
    """The release's own journeys pass in a real browser, and none is missing."""
    measure(journeys_total=sum(len(one.seen.journeys) for one in ran), journeys_seconds=sum(one.seconds for one in ran))
    if not smoke.journeys:
        pytest.skip("[smoke] journeys declares no folder: name the folders of your pytest-playwright tests")
    for one in ran:
        if one.done.code != 0:
            attach("output.txt", redacted(one.done.output))
        for name, content in one.artifacts():
            attach(name, content)
    failed = [test for one in ran for test in one.failed]

    assert not failed, redacted("\n".join(failed))
    _demand_whole(ran)
    if flaky := [test for one in ran for test in one.flaky]:
        raise PassedOnRetry(redacted("\n".join(flaky)))


def place(problem: Problem) -> str:
    """Name a problem alike in every run."""
    return f"{problem.where} {VOLATILE.sub('#', problem.what)}"


def _demand_whole(ran: list[Ran]) -> None:
    """What was not seen to the end is not a pass: an error where it broke, a skip where it was left out."""
    if unseen := [one.unseen for one in ran if one.unseen]:
        raise CannotTell(redacted("\n".join(unseen)))
    if skipped := [test for one in ran for test in one.skipped]:
        pytest.skip("\n".join(skipped))
