"""The rate limit: it holds, it cannot be talked away, and it ends when it says."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import httpx
import pytest

from checks.claim import check
from checks.findings import Findings
from evidence.errors import CannotTell
from evidence.release import Release
from suites.api import LONGEST_WAIT_S, Client, as_declared, needed
from suites.security.contract import RateLimit

BEYOND, TRIES = 20, 5
CLAIMS = {
    "X-Forwarded-For": "203.0.113.{n}",
    "X-Real-IP": "203.0.113.{n}",
    "X-Client-IP": "203.0.113.{n}",
    "True-Client-IP": "203.0.113.{n}",
    "CF-Connecting-IP": "203.0.113.{n}",
    "X-Originating-IP": "203.0.113.{n}",
    "Forwarded": "for=203.0.113.{n}",
}
"""Headers by which a client says who it is; a service may believe them only from its own proxy."""


@dataclass(frozen=True, kw_only=True)
class Used:
    """A client that asked until it was refused, without a credential, and what it was told."""

    http: httpx.Client
    limit: RateLimit
    refused: httpx.Response | None
    seconds: float


@pytest.fixture(scope="module")
def used(release: Release) -> Iterator[Used]:
    """Somebody without a credential who has used the limit up."""
    yield from used_up(release)


def used_up(release: Release) -> Iterator[Used]:
    """Ask without a credential, until somebody is refused or it is enough."""
    limit = release.section("security.rate_limit", RateLimit)
    anonymous = needed(limit.anonymous, "[security.rate_limit] anonymous")
    with Client(patient=False, apart=True) as http:
        started = time.monotonic()
        as_declared(anonymous.send(http), anonymous.expect, "[security.rate_limit] anonymous")
        answers = (anonymous.send(http) for _ in range(2 * limit.burst + BEYOND - 1))
        refused = next((each for each in answers if each.status_code == 429), None)
        yield Used(http=http, limit=limit, refused=refused, seconds=time.monotonic() - started)


@check("RATE-001", needs="attack")
def check_rate_limit_holds(release: Release, measure: Callable[..., None]) -> None:
    """The declared burst is let through, no more than it is, and who is refused is told when to come back."""
    limit = release.section("security.rate_limit", RateLimit)
    started = time.monotonic()
    with Client(patient=False) as http:
        answers = [limit.request.send(http) for _ in range(limit.burst + BEYOND)]
    elapsed = time.monotonic() - started
    let_through = sum(answer.status_code == limit.request.expect for answer in answers)
    refused = [answer for answer in answers if answer.status_code == 429]
    measure(let_through_total=let_through, refused_total=len(refused))
    refilled = elapsed * limit.per_minute / 60 + 1
    if not refused:
        reachable(limit, BEYOND, elapsed)

    assert len(answers) == let_through + len(refused), {answer.status_code for answer in answers}
    assert limit.burst <= let_through <= limit.burst + refilled
    assert all(answer.headers.get("retry-after", "").isdigit() for answer in refused)


@check("RATE-002", needs="attack")
def check_rate_limit_is_not_talked_away(used: Used, findings: Findings, measure: Callable[..., None]) -> None:
    """Who has used the limit up is not somebody else by saying so in a header."""
    _assert_refused(used)
    measure(headers_total=len(CLAIMS))
    for name, value in CLAIMS.items():
        started = time.monotonic()
        headers = [{name: value.replace("{n}", str(number))} for number in range(1, TRIES + 1)]
        let_through = sum(_anonymous(used, each).status_code != 429 for each in headers)
        # While we ask, the limit lets somebody in again: as many as the time that it took allows.
        if let_through > 1 + (time.monotonic() - started) * used.limit.per_minute / 60:
            findings.add(f"{_path(used)} {name}", f"with {name} made up, nothing is refused any more")


@check("RATE-003", needs="attack")
def check_rate_limit_ends_when_it_says(used: Used) -> None:
    """Who comes back when Retry-After says is let in again."""
    _assert_refused(used)
    answers = [_anonymous(used) for _ in range(BEYOND)]
    waits = [answer.headers.get("retry-after", "") for answer in answers if answer.status_code == 429]
    wait = waits[-1] if waits else ""
    if not wait.isdigit() or int(wait) > LONGEST_WAIT_S:
        message = (
            f"{len(waits)} of {BEYOND} requests are refused, the last with Retry-After {wait!r}: nothing to wait for"
        )
        raise CannotTell(message)
    time.sleep(int(wait))
    seen = _anonymous(used).status_code

    assert seen != 429, f"after the {wait} s that Retry-After told it is refused again"


def _anonymous(used: Used, headers: dict[str, str] | None = None) -> httpx.Response:
    assert used.limit.anonymous is not None
    return used.limit.anonymous.send(used.http, headers=headers or {})


def _path(used: Used) -> str:
    assert used.limit.anonymous is not None
    return used.limit.anonymous.path


def _assert_refused(used: Used) -> None:
    asked = 2 * used.limit.burst + BEYOND
    if used.refused is None:
        reachable(used.limit, used.limit.burst + BEYOND, used.seconds)
    assert used.refused is not None, f"{asked} requests without a credential are all answered, none is refused"


def reachable(limit: RateLimit, beyond: int, seconds: float) -> None:
    """CannotTell where so many requests beyond the burst took so long that the limit may let every one through."""
    if seconds * limit.per_minute / 60 >= beyond:
        message = (
            f"{limit.burst + beyond} requests took {seconds:.0f} s, in which the limit allows as many: raise [target]"
            " requests_per_second, or declare a request of a lower limit"
        )
        raise CannotTell(message)
