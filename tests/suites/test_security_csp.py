"""A content-security policy is judged by what a browser would let an attacker do, all policies together."""

from __future__ import annotations

import httpx
import pytest

from suites.security import csp
from suites.security.csp_rules import problems

STRICT = "default-src 'none'; script-src 'nonce-0123456789abcdefABCDEF'; base-uri 'none'"


def rules(*policies: str, page: str = "") -> list[str]:
    """The ids of the rules that the policies break."""
    headers = httpx.Headers([("content-security-policy", policy) for policy in policies])
    return [rule for rule, _ in problems(headers, page)]


@pytest.mark.parametrize(
    "policy",
    [
        STRICT,
        "default-src 'self'; object-src 'none'; base-uri 'self'",
        # What is there for old browsers only, newer ones ignore.
        f"{STRICT}; script-src-elem 'nonce-0123456789abcdefABCDEF' 'unsafe-inline' https: 'strict-dynamic'",
        "default-src 'none'; script-src 'strict-dynamic' 'sha256-abc=' https: *.example.com data:; base-uri 'none'",
        "default-src 'none'; script-src 'self' https://cdn.example.com/app/; img-src * data: blob:; base-uri 'none'",
        "script-src https://www.google.com/recaptcha/; style-src 'self'; object-src 'none'; base-uri 'none'",
        "DEFAULT-SRC 'NONE'; base-uri 'none'; report-uri /csp; require-trusted-types-for 'script'",
        "default-src 'self' 'wasm-unsafe-eval' 'report-sample'; base-uri 'none'; upgrade-insecure-requests",
    ],
)
def test_a_policy_that_holds_has_no_problem(policy: str) -> None:
    """No false alarm on policies that csp-evaluator has nothing of high severity to say about."""
    assert [] == rules(policy)


OPEN = [
    ("script-src 'unsafe-inline'", ["script-src-unsafe-inline"]),
    ("script-src 'UNSAFE-INLINE'", ["script-src-unsafe-inline"]),
    ("script-src 'self'; script-src-elem 'unsafe-inline'", ["script-src-unsafe-inline"]),
    ("script-src 'self'; script-src-attr 'unsafe-inline'", ["script-src-attr-unsafe-inline"]),
    ("script-src 'self' 'unsafe-eval'", ["script-src-unsafe-eval"]),
    ("script-src *", ["script-src-any-host"]),
    ("script-src https:", ["script-src-any-host"]),
    ("script-src http:", ["script-src-any-host"]),
    ("script-src https://*", ["script-src-any-host"]),
    ("script-src *:*", ["script-src-any-host"]),
    ("script-src 'self' data:", ["script-src-data"]),
    ("script-src 'self' blob:", ["script-src-blob"]),
    ("script-src *.example.com", ["script-src-wildcard *.example.com"]),
    ("script-src https://*.example.com:443", ["script-src-wildcard *.example.com"]),
    ("script-src https://cdnjs.cloudflare.com", ["script-src-bypass cdnjs.cloudflare.com"]),
    ("script-src https://cdnjs.cloudflare.com/ajax/libs/", ["script-src-bypass cdnjs.cloudflare.com"]),
    ("script-src ajax.googleapis.com", ["script-src-bypass ajax.googleapis.com"]),
    ("script-src 127.0.0.1:8080", ["script-src-address 127.0.0.1"]),
    ("script-src http://localhost:3000", ["script-src-address localhost"]),
    ("script-src 'nonce-abc'", ["nonce-short"]),
    ("script-src 'self'; object-src *", ["object-src-any-host"]),
    ("script-src 'self'; style-src 'unsafe-inline'", ["style-src-unsafe-inline"]),
    ("script-src 'self'; scrip-src 'none'", ["unknown scrip-src"]),
    ("script-src 'self' 'unsafe-dynamic'", ["unknown 'unsafe-dynamic'"]),
    ("script-src self", ["unquoted self"]),
    ("script-src nonce-0123456789abcdefABCDEF", ["unquoted nonce-…"]),
    ("script-src 'self' img-src", ["semicolon img-src"]),
    # Of a directive that is there twice the first counts.
    ("script-src 'unsafe-inline'; script-src 'none'", ["script-src-unsafe-inline"]),
]


@pytest.mark.parametrize(("policy", "expected"), OPEN)
def test_every_hole_is_named(policy: str, expected: list[str]) -> None:
    """A policy that is closed but for one thing has exactly that rule's problem."""
    assert expected == rules(f"{policy}; default-src 'none'; base-uri 'none'")


def test_what_is_missing_is_named() -> None:
    """Without a directive, and without one that it falls back to, anything goes."""
    assert ["script-src-missing", "object-src-any-host", "base-uri-any-host", "style-src-unsafe-inline"] == rules(
        "img-src 'self'"
    )


def test_no_policy_and_a_reported_one_are_told_apart() -> None:
    """A policy that is only reported keeps nothing from running, and is not mistaken for one that is enforced."""
    assert ["missing"] == rules()
    assert ["report-only"] == [
        rule for rule, _ in problems(httpx.Headers({"content-security-policy-report-only": STRICT}))
    ]


def test_several_policies_hold_together() -> None:
    """A browser does what all policies allow: two half-open ones may be closed, and one strict one is enough."""
    inline, hosts = "script-src 'unsafe-inline'", "script-src https:"

    assert [] == rules(STRICT, "script-src * 'unsafe-inline'")
    assert [] == rules(f"{inline}, {hosts}, default-src 'self'; base-uri 'none'")
    assert ["script-src-wildcard *.example.com"] == rules(
        "script-src *; default-src 'none'; base-uri 'none'", "script-src *.example.com"
    )


@pytest.mark.parametrize(
    ("page", "expected"),
    [
        (f'<head><meta http-equiv="Content-Security-Policy" content="{STRICT}"></head><body>', []),
        (f'<body><meta http-equiv="Content-Security-Policy" content="{STRICT}">', ["missing"]),
        (f'<head><meta http-equiv="Content-Security-Policy-Report-Only" content="{STRICT}">', ["missing"]),
        (f'<head><!-- <meta http-equiv="Content-Security-Policy" content="{STRICT}"> -->', ["missing"]),
    ],
)
def test_a_policy_in_the_page_counts_in_its_head_only(page: str, expected: list[str]) -> None:
    """A browser enforces `<meta>` policies of the head; elsewhere, or reported only, they are nothing."""
    assert expected == rules(page=page)


def test_frame_ancestors_of_a_page_mean_nothing() -> None:
    """A browser reads frame-ancestors in headers only."""
    page = "<meta http-equiv=\"content-security-policy\" content=\"frame-ancestors 'none'; base-uri 'none'\">"

    assert ({"base-uri": ("'none'",)},) == csp.enforced(httpx.Headers(), page)


@pytest.mark.parametrize(
    ("source", "url", "expected"),
    [
        ("*", "https://a.example/x", True),
        ("*", "data:text/plain,x", False),
        ("http:", "https://a.example/x", True),
        ("https:", "http://a.example/x", False),
        ("a.example", "https://a.example/x", True),
        ("a.example", "https://b.a.example/x", False),
        ("*.a.example", "https://b.a.example/x", True),
        ("*.a.example", "https://a.example/x", False),
        ("*.a.example", "https://evila.example/x", False),
        ("https://a.example:8443", "https://a.example/x", False),
        ("https://a.example:*", "https://a.example:8443/x", True),
        ("a.example/js/", "https://a.example/js/x", True),
        ("a.example/js", "https://a.example/js/x", False),
        ("'self'", "https://a.example/x", False),
    ],
)
def test_sources_match_as_in_the_recommendation(source: str, url: str, *, expected: bool) -> None:
    """One expression covers a URL as CSP Level 3, 6.7.2.8, says."""
    assert expected is csp.matches(source, url)


def test_a_nonce_is_never_part_of_a_place() -> None:
    """Places are the same in every run, also where what they name holds a nonce."""
    assert ["unknown 'nonce-…"] == rules(f"{STRICT}; style-src 'nonce-half")
