"""The health endpoints tell the truth."""

from __future__ import annotations

import time
from collections.abc import Callable

import httpx

from evidence.check import check
from suites.integration.contract import Health

POLL_S = 0.1


@check("HEALTH-001")
def check_health_paths_answer(http: httpx.Client, health: Health, measure: Callable[..., None]) -> None:
    """Every declared health path answers 200."""
    answers = {path: http.get(path) for path in health.paths}
    measure(slowest_ms=max(answer.elapsed.total_seconds() for answer in answers.values()) * 1000)

    assert dict.fromkeys(health.paths, 200) == {path: answer.status_code for path, answer in answers.items()}


@check("HEALTH-002", needs="attack")
def check_health_follows_the_database(
    http: httpx.Client, health: Health, hook: Callable[[str], None], measure: Callable[..., None]
) -> None:
    """With the database gone its health path says 503 in time, and 200 again by itself once it is back."""
    assert health.database, "release.toml: [health] names no `database` path"
    assert 200 == http.get(health.database).status_code
    try:
        hook("database_down")
        gone = _seconds_until(http, health.database, 503, health.within_s)
    finally:
        hook("database_up")
    back = _seconds_until(http, health.database, 200, health.within_s)
    measure(told_gone_s=gone, told_back_s=back)


def _seconds_until(http: httpx.Client, path: str, status: int, within_s: float) -> float:
    """Ask until the path answers `status`; that it never does, or hangs, is the release's fault."""
    started, seen = time.monotonic(), "no answer"
    while (waited := time.monotonic() - started) < within_s:
        try:
            answer = http.get(path, timeout=within_s)
            if answer.status_code == status:
                return waited
            seen = str(answer.status_code)
        except httpx.TimeoutException:
            seen = "no answer in time"
        time.sleep(POLL_S)
    message = f"{path} should answer {status} within {within_s:g} s, it answers: {seen}"
    raise AssertionError(message)
