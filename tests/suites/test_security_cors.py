"""Origins are compared as a browser does; every usual mistake of comparing has its trick."""

from __future__ import annotations

import re
from collections.abc import Callable

import httpx
import pytest

from suites.security.cors import problems, refusals, tricks

OURS = "https://app.example.com"
ALLOWED = (OURS,)
Grants = Callable[[str], bool]
MISTAKES: list[tuple[Grants, set[str]]] = [
    (lambda origin: origin == OURS, set()),
    (lambda _origin: True, {"any", "null", "ending", "beginning", "subdomain", "dot", "port", "downgrade"}),
    (lambda origin: origin in {OURS, "null"}, {"null"}),
    (lambda origin: origin.startswith(OURS), {"ending", "port"}),
    (lambda origin: origin.endswith("app.example.com"), {"beginning", "subdomain", "downgrade"}),
    (lambda origin: origin.endswith(".app.example.com"), {"subdomain"}),
    (lambda origin: bool(re.fullmatch(OURS, origin)), {"dot"}),
    (lambda origin: bool(re.fullmatch(r"https?://app\.example\.com", origin)), {"downgrade"}),
]


@pytest.mark.parametrize(("grants", "expected"), MISTAKES)
def test_every_mistake_is_found_by_its_tricks(grants: Grants, expected: set[str]) -> None:
    """A server that compares so grants exactly these tricks."""
    found = {
        rule
        for trick, origin in tricks(ALLOWED).items()
        for rule, _ in problems(
            trick, origin, httpx.Headers({"access-control-allow-origin": origin} if grants(origin) else {}), ALLOWED
        )
    }

    assert expected == found


def test_anybody_is_fine_where_it_is_declared_and_without_cookies() -> None:
    """An API for everybody, by a key in a header, answers `*` by design; with credentials it does not."""
    anybody = httpx.Headers({"access-control-allow-origin": "*"})
    cookies = httpx.Headers({**anybody, "access-control-allow-credentials": "true"})

    assert [] == list(problems("any", "https://evil.example", anybody, ("*",)))
    assert ["any"] == [rule for rule, _ in problems("any", "https://evil.example", anybody, ALLOWED)]
    assert ["any"] == [rule for rule, _ in problems("any", "https://evil.example", cookies, ("*",))]


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        ({"access-control-allow-origin": OURS, "vary": "Accept-Encoding, Origin"}, []),
        ({"access-control-allow-origin": "*"}, []),
        ({}, [f"refused {OURS}"]),
        ({"access-control-allow-origin": OURS}, [f"vary {OURS}"]),
        ({"access-control-allow-origin": OURS, "vary": "Accept-Encoding"}, [f"vary {OURS}"]),
    ],
)
def test_a_declared_origin_is_served(sent: dict[str, str], expected: list[str]) -> None:
    """It may read, and caches can tell its answer from that to others."""
    assert expected == [rule for rule, _ in refusals(OURS, httpx.Headers(sent))]
