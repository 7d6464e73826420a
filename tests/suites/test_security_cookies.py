"""Cookies are judged as they were sent, not as a jar fills them in."""

from __future__ import annotations

import pytest

from suites.security import cookies

SESSION = "__Host-session=0123456789abcdefABCDEF; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=43200"
WRONG = [
    (SESSION, []),
    ("__Secure-id=0123456789abcdefABCDEF; secure; httponly; samesite=STRICT", []),
    (SESSION.replace(" Secure;", ""), ["secure"]),
    (SESSION.replace(" HttpOnly;", ""), ["httponly"]),
    (SESSION.replace("SameSite=Lax", "Priority=High"), ["samesite"]),
    (SESSION.replace("Lax", "Loose"), ["samesite-unknown", "samesite"]),
    (SESSION.replace("Lax", "None"), ["samesite"]),
    ("id=0123456789abcdefABCDEF; HttpOnly; SameSite=None", ["secure", "samesite-none", "samesite"]),
    (SESSION + "; Domain=example.com", ["host-prefix", "domain"]),
    (SESSION.replace("Path=/;", "Path=/app;"), ["host-prefix"]),
    (SESSION.replace("0123456789abcdefABCDEF", "17"), ["short"]),
    (SESSION.replace("43200", "31536000"), ["lifetime"]),
]


@pytest.mark.parametrize(("header", "expected"), WRONG)
def test_every_flag_counts(header: str, expected: list[str]) -> None:
    """A session's cookie has exactly the problems of what is missing."""
    cookie = cookies.parse(header)
    found = [*cookies.problems(cookie), *cookies.session_problems(cookie, 30 * cookies.DAY_S)]

    assert expected == [rule for rule, _ in found]


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("id=; Max-Age=0", True),
        ('id=""; expires=Thu, 01 Jan 1970 00:00:00 GMT', True),
        ("id=a; Max-Age=-1", False),
        ("id=a; Max-Age=0", True),
        ("id=a=b; Max-Age=10", False),
    ],
)
def test_a_removal_is_told_from_a_cookie(header: str, *, expected: bool) -> None:
    """A cookie that is only removed has no flags to judge."""
    assert expected is cookies.parse(header).is_removal


def test_a_value_may_hold_what_separates() -> None:
    """Only the first equals sign separates."""
    cookie = cookies.parse("id=a=b; Path=/; Secure")

    assert ("id", "a=b", {"path": "/", "secure": ""}) == (cookie.name, cookie.value, cookie.attributes)
