"""The health endpoints tell the truth."""

from __future__ import annotations

from collections.abc import Callable

import httpx
import pytest

from checks.claim import check
from checks.findings import Findings
from evidence.errors import CannotTell
from suites.api import needed
from suites.integration.contract import Health
from suites.integration.outage import WAYS, Outages

Hooks = frozenset[str]
HANGS = ("pause", "slow")
NO_SUCH = "-of-the-release-verification"


@check("HEALTH-001")
def check_health_paths_answer(http: httpx.Client, health: Health, measure: Callable[..., None]) -> None:
    """Every declared health path answers 200."""
    answers = {path: http.get(path) for path in needed(health.paths, "[health] paths")}
    measure(slowest_ms=max(answer.elapsed.total_seconds() for answer in answers.values()) * 1000)

    for path, answer in answers.items():
        if answer.status_code == 200 and _kind(answer) == _kind(http.get(f"{path}{NO_SUCH}")):
            message = f"[health] paths: {path}{NO_SUCH}, which is not there, is answered as {path} is: 200 says nothing"
            raise CannotTell(message)

    assert dict.fromkeys(health.paths, 200) == {path: answer.status_code for path, answer in answers.items()}


@check("HEALTH-002", needs="attack")
def check_health_follows_what_is_gone(
    health: Health, outages: Outages, hooks: Hooks, measure: Callable[..., None], findings: Findings
) -> None:
    """With a dependency stopped its health path says 503 in time, and 200 again by itself once it is back."""
    if not health.follows:
        pytest.skip("[health.dependencies] declares no path that follows a dependency")
    if missing := {f"{name}_{way}" for name in health.follows for way in ("down", "up")} - hooks:
        pytest.skip(f"[target.hooks] does not declare {', '.join(sorted(missing))}")
    _follows(health, outages, [(name, "down") for name in health.follows], measure, findings)


@check("HEALTH-003", needs="attack")
def check_health_follows_what_hangs(
    health: Health, outages: Outages, hooks: Hooks, measure: Callable[..., None], findings: Findings
) -> None:
    """With a dependency paused, or so slow that it hangs, its health path says 503 in time, and 200 once it goes on."""
    tried = [
        (name, way) for name in health.follows for way in HANGS if {f"{name}_{way}", f"{name}_{WAYS[way]}"} <= hooks
    ]
    if not tried:
        pytest.skip(
            "[target.hooks] declares no NAME_pause and NAME_resume, or NAME_slow and NAME_fast, of a dependency"
        )
    _follows(health, outages, tried, measure, findings)


@check("HEALTH-004", needs="attack")
def check_liveness_does_not_follow(
    health: Health, outages: Outages, hooks: Hooks, findings: Findings, measure: Callable[..., None]
) -> None:
    """While a dependency is stopped, paused or slow the liveness paths go on answering 200."""
    tried = [(name, way) for name in health.follows for way in WAYS if f"{name}_{way}" in hooks]
    if not health.alive or not tried:
        pytest.skip("[health] declares no `alive` paths, or [target.hooks] none that takes a dependency away")
    measure(outages_total=len(tried))
    for name, way in tried:
        for path, seen in outages.of(name, way).alive.items():
            if seen != "200":
                findings.add(place=f"{path} {name} {way}", what=f"it answers {seen}, not 200")


def _kind(answer: httpx.Response) -> tuple[object, ...]:
    """What of an answer is the same where one page is served for whatever is asked."""
    return answer.status_code, answer.headers.get("content-type"), len(answer.content)


def _follows(
    health: Health,
    outages: Outages,
    tried: list[tuple[str, str]],
    measure: Callable[..., None],
    findings: Findings,
) -> None:
    seen = {(name, way): outages.of(name, way) for name, way in tried}
    measure(
        dependencies_total=len(seen),
        told_gone_s=max(outage.gone.seconds for outage in seen.values()),
        told_back_s=max(outage.back.seconds for outage in seen.values()),
    )
    for (name, way), outage in seen.items():
        for state, told, status in (("gone", outage.gone, 503), ("back", outage.back, 200)):
            if told.seen:
                what = f"it should say {status} within {health.within_s:g} s, it answers {told.seen}"
                findings.add(place=f"{health.follows[name]} {name} {way}, {state}", what=what)
