"""An audit log that answers a change with anything but a refusal is found, and one that lost an entry is, too."""

from __future__ import annotations

from collections.abc import Callable

import httpx
import pytest

from checks.findings import Findings
from evidence import release as releases
from evidence.errors import CannotTell
from suites.security import check_audit

ENTRY = {"id": 7, "actor": "a@example.com"}
RELEASE = releases.Release(
    name="a",
    version="1",
    source=releases.Source(paths=(".",)),
    security={"audit": {"mutations": [{"request": {"path": "/a"}}], "log": {"path": "/audit"}, "entries": "entries"}},
)
Answer = Callable[[httpx.Request], httpx.Response]


def judged(answer: Answer) -> list[str]:
    """The places where a log that answers like this is changed."""
    findings = Findings()
    with httpx.Client(base_url="http://release", transport=httpx.MockTransport(answer)) as http:
        check_audit.check_entries_cannot_be_changed_by_the_api(http, RELEASE, findings, lambda **_: None)
    return list(findings.found)


def answering(refusal: int, *taken: tuple[str, str]) -> Answer:
    """A log that refuses everything but `taken`."""

    def answer(request: httpx.Request) -> httpx.Response:
        if request.method == "GET":
            return httpx.Response(200, json={"entries": [ENTRY]})
        return httpx.Response(200 if (request.method, request.url.path) in taken else refusal)

    return answer


@pytest.mark.parametrize("refusal", [401, 403, 404, 405])
def test_refusals_are_right(refusal: int) -> None:
    """However it is refused, it is."""
    assert [] == judged(answering(refusal))


@pytest.mark.parametrize(
    ("taken", "place"),
    [
        (("POST", "/audit"), "POST /audit"),
        (("DELETE", "/audit"), "DELETE /audit"),
        (("PUT", "/audit/7"), "PUT /audit/{id}"),
        (("PATCH", "/audit/7"), "PATCH /audit/{id}"),
    ],
)
def test_what_is_taken_is_found(taken: tuple[str, str], place: str) -> None:
    """An attempt that is not refused is named by its method and place."""
    assert [place] == judged(answering(404, taken))


def test_crash_is_no_refusal() -> None:
    """A server error may have changed something before."""
    assert len(check_audit.ATTEMPTS) == len(judged(answering(500)))


def test_entry_that_is_gone_is_noticed() -> None:
    """An answer of refusal that has done it all the same is a failure."""
    shown = iter([[ENTRY], []])

    def answer(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, json={"entries": next(shown)}) if request.method == "GET" else httpx.Response(404)

    with pytest.raises(AssertionError, match="the newest entry is gone"):
        judged(answer)


def test_empty_log_proves_nothing() -> None:
    """Where there is no entry none could be changed."""
    with pytest.raises(CannotTell, match="shows no entry"):
        judged(lambda _: httpx.Response(200, json={"entries": []}))
