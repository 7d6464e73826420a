"""Hostile text proves something only where harmless text is taken, and every answer came."""

from __future__ import annotations

from collections.abc import Callable

import httpx
import pytest

from checks.findings import Findings
from evidence.errors import CannotTell
from suites.security.check_injection import NOTHING, _came_back, _is_read
from suites.security.contract import Injection

DECLARED = Injection(pages=("/search?q={probe}",), harmless="wall")


@pytest.mark.parametrize("status", [303, 401, 404, 429, 500])
def test_a_path_that_is_not_there_proves_nothing(status: int) -> None:
    """A typo, a sign-in page in between, a limit: no hostile text was looked at."""
    http = httpx.Client(transport=httpx.MockTransport(lambda _: httpx.Response(status)), base_url="http://shop")

    with pytest.raises(CannotTell, match=f"answered {status}"):
        _is_read(http, DECLARED, DECLARED.pages[0])


def test_a_parameter_that_nobody_reads_proves_nothing() -> None:
    """A typo in its name: whatever is sent, the answer is the same but for its nonce."""
    nonces = iter(("0123456789abcdef0123", "fedcba98765432100123"))
    answer = httpx.MockTransport(lambda _: httpx.Response(200, text=f"<script nonce={next(nonces)}>"))

    with (
        httpx.Client(transport=answer, base_url="http://shop") as http,
        pytest.raises(CannotTell, match="nobody reads the parameter"),
    ):
        _is_read(http, DECLARED, DECLARED.pages[0])


@pytest.mark.parametrize(
    "answer",
    [
        lambda asked: httpx.Response(200, text=f"found for {asked}"),
        lambda asked: httpx.Response(200, text="" if asked == NOTHING else "a wall"),
        lambda asked: httpx.Response(404 if asked == NOTHING else 200),
    ],
    ids=["shown", "found", "refused"],
)
def test_a_parameter_that_is_read_is_looked_at(answer: Callable[[str], httpx.Response]) -> None:
    """What comes back has the text in it, or is found by it, or is refused for it."""
    transport = httpx.MockTransport(lambda request: answer(request.url.params["q"]))
    each = Injection(pages=DECLARED.pages, harmless=dict.fromkeys(DECLARED.pages, "wall"))
    with httpx.Client(transport=transport, base_url="http://shop") as http:
        for declared in (DECLARED, each):
            _is_read(http, declared, DECLARED.pages[0])


def test_what_was_not_seen_is_not_accepted_with_what_was_found() -> None:
    """A page that broke beside a finding fails as a whole: nobody accepts what nobody saw."""
    findings = Findings()
    findings.add("/search?q={probe} x", "it comes back as it was sent")

    with pytest.raises(AssertionError, match="no page came back"):
        _came_back(["/search: 500"], findings)
