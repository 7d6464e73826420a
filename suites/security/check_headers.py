"""Headers that make a browser defend its user."""

from __future__ import annotations

import httpx

from evidence.check import check
from evidence.release import Release
from suites.security.contract import Cors, Headers
from suites.security.headers import api_problems, csp_problems, nonces, page_problems

FOREIGN = ("https://evil.example", "null")


@check("HEADERS-001")
def check_pages_carry_security_headers(http: httpx.Client, release: Release) -> None:
    """Every declared page, and an error page, carries HSTS, nosniff, referrer, permissions and framing policies."""
    paths = (*release.section("security.headers", Headers).pages, "/no-such-page")

    assert {} == {path: problems for path in paths if (problems := page_problems(http.get(path).headers))}


@check("HEADERS-002")
def check_api_answers_are_not_stored(http: httpx.Client, release: Release) -> None:
    """Every declared API answer forbids storing and sniffing."""
    declared = release.section("security.headers", Headers)
    assert declared.api, "[security.headers] declares no `api` request"

    assert {} == {
        request.path: problems for request in declared.api if (problems := api_problems(request.send(http).headers))
    }


@check("CSP-001")
def check_policy_lets_no_injected_script_run(http: httpx.Client, release: Release) -> None:
    """Every declared page enforces a content-security policy that no injected script gets past."""
    pages = release.section("security.headers", Headers).pages

    assert {} == {path: problems for path in pages if (problems := csp_problems(http.get(path).headers))}


@check("CSP-002")
def check_nonces_are_used_once(http: httpx.Client, release: Release) -> None:
    """No nonce of the content-security policy is seen in two answers."""
    for path in release.section("security.headers", Headers).pages:
        first, second = (nonces(http.get(path).headers) for _ in range(2))

        assert set() == first & second, f"{path} uses a nonce again"


@check("CORS-001")
def check_foreign_origins_may_not_read(http: httpx.Client, release: Release) -> None:
    """No origin that is not declared may read answers; a declared one may, by its exact name."""
    cors = release.section("security.cors", Cors)
    tricks = [*FOREIGN]
    for origin in cors.allowed:
        scheme, _, host = origin.partition("://")
        tricks += [f"{origin}.evil.example", f"{scheme}://evil{host}"]
    granted = {
        origin: http.get(cors.path, headers={"Origin": origin}).headers.get("access-control-allow-origin")
        for origin in (*tricks, *cors.allowed)
    }

    assert {**dict.fromkeys(tricks), **{origin: origin for origin in cors.allowed}} == granted
