"""Headers are judged as browsers read them."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import httpx
import pytest

from suites.security import headers
from suites.security.answers import Seen
from suites.security.headers import Problem

PAGE = {
    "content-type": "text/html; charset=utf-8",
    "referrer-policy": "same-origin",
    "permissions-policy": "camera=()",
    "x-frame-options": "DENY",
    "cross-origin-opener-policy": "same-origin",
    "strict-transport-security": "max-age=31536000; includeSubDomains",
    "x-content-type-options": "nosniff",
    "cache-control": "no-store",
}
Rule = Callable[[httpx.Headers], Iterable[Problem]]


def page(sent: httpx.Headers) -> Iterable[Problem]:
    """The rules of a page, without text."""
    return headers.page(sent, "")


RULES: tuple[Rule, ...] = (
    page,
    headers.any_answer,
    headers.transport,
    headers.isolation,
    headers.private,
    headers.personal,
)
WRONG = [
    (page, {"referrer-policy": ""}, ["referrer-policy-missing"]),
    (page, {"referrer-policy": "none-of-yours"}, ["referrer-policy-missing"]),
    (page, {"referrer-policy": "unsafe-url"}, ["referrer-policy-weak"]),
    # The last one that a browser knows counts.
    (page, {"referrer-policy": "same-origin, origin"}, ["referrer-policy-weak"]),
    (page, {"referrer-policy": "unsafe-url, same-origin, newest"}, []),
    (page, {"permissions-policy": ""}, ["permissions-policy-missing"]),
    (page, {"permissions-policy": "camera 'none'"}, ["permissions-policy-invalid"]),
    (page, {"permissions-policy": "camera=*, usb=()"}, ["permissions-policy camera"]),
    (page, {"x-frame-options": ""}, ["framed"]),
    (page, {"x-frame-options": "ALLOW-FROM https://a.example"}, ["framed"]),
    (page, {"x-frame-options": "", "content-security-policy": "frame-ancestors 'self'"}, []),
    (page, {"content-security-policy": "frame-ancestors *"}, ["framed"]),
    (page, {"content-security-policy": "frame-ancestors https:"}, ["framed"]),
    (page, {"content-security-policy": "frame-ancestors *, frame-ancestors 'none'"}, []),
    (page, {"content-type": "text/html"}, ["charset-missing"]),
    (headers.any_answer, {"content-type": ""}, ["type-missing"]),
    (headers.any_answer, {"x-content-type-options": "none"}, ["sniffed"]),
    (headers.any_answer, {"x-content-type-options": "", "location": "/login"}, []),
    (headers.any_answer, {"x-content-type-options": "", "content-length": "0"}, []),
    (headers.any_answer, {"server": "nginx/1.25.3"}, ["server-version"]),
    (headers.any_answer, {"server": "nginx"}, []),
    (headers.any_answer, {"x-powered-by": "Express"}, ["x-powered-by"]),
    (headers.any_answer, {"set-cookie": "a=b", "cache-control": "public, max-age=60"}, ["cookie-is-cached"]),
    (headers.transport, {"strict-transport-security": ""}, ["hsts-missing"]),
    (headers.transport, {"strict-transport-security": "max-age=300; includeSubDomains"}, ["hsts-short"]),
    (headers.transport, {"strict-transport-security": "max-age=0; includeSubDomains"}, ["hsts-short"]),
    (headers.transport, {"strict-transport-security": "max-age=31536000"}, ["hsts-subdomains"]),
    (headers.transport, {"strict-transport-security": "max-age=31536000; preload"}, ["hsts-subdomains"]),
    (headers.transport, {"strict-transport-security": 'MAX-AGE="31536000";IncludeSubDomains;preload'}, []),
    (headers.transport, {"strict-transport-security": "includeSubDomains"}, ["hsts-invalid"]),
    (headers.transport, {"strict-transport-security": "max-age=99999999; max-age=1"}, ["hsts-invalid"]),
    (headers.isolation, {"cross-origin-opener-policy": ""}, ["opener-policy"]),
    (headers.isolation, {"cross-origin-opener-policy": "unsafe-none"}, ["opener-policy"]),
    (headers.isolation, {"cross-origin-opener-policy": 'same-origin; report-to="a"'}, []),
    (headers.isolation, {"cross-origin-resource-policy": "cross-origin"}, ["resource-policy"]),
    (headers.private, {"cache-control": "private, max-age=60"}, ["stored"]),
    (headers.personal, {"cache-control": "private, no-cache"}, []),
    (headers.personal, {"cache-control": "max-age=60"}, ["shared"]),
    (headers.personal, {"cache-control": ""}, ["shared"]),
]


@pytest.mark.parametrize(("rule", "changed", "expected"), WRONG)
def test_every_rule_is_broken_by_its_header(rule: Rule, changed: dict[str, str], expected: list[str]) -> None:
    """A good answer with one header changed has exactly that header's problem."""
    sent = httpx.Headers({name: value for name, value in {**PAGE, **changed}.items() if value})

    assert expected == [name for name, _ in rule(sent)]


@pytest.mark.parametrize(
    ("rule", "name"),
    [
        (page, "referrer-policy"),
        (headers.any_answer, "x-content-type-options"),
        (headers.isolation, "cross-origin-opener-policy"),
        (headers.private, "cache-control"),
        (headers.personal, "cache-control"),
    ],
)
def test_what_is_missing_is_said_to_be(rule: Rule, name: str) -> None:
    """A header that is not there is missing, and one that is there is quoted."""
    (_, missing), *_ = rule(httpx.Headers({key: value for key, value in PAGE.items() if key != name}))
    (_, wrong), *_ = rule(httpx.Headers({**PAGE, name: "none-of-yours"}))

    assert (f"{name} is missing", f"{name} is 'none-of-yours'") == (
        missing[: len(f"{name} is missing")],
        wrong[: len(f"{name} is 'none-of-yours'")],
    )


@pytest.mark.parametrize(
    ("status", "told", "expected"),
    [
        (200, {"content-type": "text/html"}, True),
        (404, {"content-type": "Application/XHTML+xml"}, True),
        (200, {"content-type": "application/json"}, False),
        (302, {"content-type": "text/html", "location": "/elsewhere/"}, False),
        # Nowhere to go: the browser shows it.
        (302, {"content-type": "text/html"}, True),
    ],
)
def test_a_redirect_is_no_page(status: int, told: dict[str, str], *, expected: bool) -> None:
    """What is asked of pages is not asked of a redirect, which no browser shows."""
    seen = Seen(place="/", kind="error", answer=httpx.Response(status, headers=told))

    assert expected is seen.is_html


@pytest.mark.parametrize("rule", RULES)
def test_a_good_answer_has_no_problem(rule: Rule) -> None:
    """The answer that the others are made from is good."""
    assert [] == list(rule(httpx.Headers(PAGE)))


def test_the_first_of_two_transport_policies_counts() -> None:
    """A browser reads the first header and no other."""
    both = httpx.Headers([("strict-transport-security", value) for value in ("max-age=1", "max-age=31536000")])

    assert ["hsts-short"] == [name for name, _ in headers.transport(both)]


def test_a_charset_in_the_page_is_as_good() -> None:
    """A page may say its charset itself, at its beginning."""
    told = '<!doctype html><meta charset="utf-8">'

    assert [] == list(headers.page(httpx.Headers({**PAGE, "content-type": "text/html"}), told))
