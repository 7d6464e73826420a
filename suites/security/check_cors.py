"""What scripts of other origins may read and ask for."""

from __future__ import annotations

from collections.abc import Mapping

import httpx

from checks.claim import check
from checks.findings import Findings
from evidence.release import Release
from evidence.variables import resolve
from suites.api import Request, as_declared
from suites.security import cors
from suites.security.contract import Cors


@check("CORS-001")
def check_foreign_origins_may_not_read(http: httpx.Client, release: Release, findings: Findings) -> None:
    """No origin that is not declared may read answers, however alike its name; a declared one may."""
    declared = _declared(http, release)
    _judge(declared, findings, {origin: _ask(http, declared, origin) for origin in _origins(declared)})


@check("CORS-002")
def check_foreign_origins_may_not_change(http: httpx.Client, release: Release, findings: Findings) -> None:
    """No origin that is not declared is told that it may send more than a form could (preflight)."""
    declared = _declared(http, release)
    asked = {"Access-Control-Request-Method": declared.method, "Access-Control-Request-Headers": "content-type"}
    answers = {origin: _ask(http, declared, origin, "OPTIONS", asked) for origin in _origins(declared)}
    _judge(declared, findings, answers)


def _declared(http: httpx.Client, release: Release) -> Cors:
    """`[security.cors]`, whose path is there: what stands in front grants origins for paths that are not, too."""
    declared = release.section("security.cors", Cors)
    request = Request(path=declared.path, headers=declared.headers)
    as_declared(request.send(http), declared.expect, "[security.cors] path")
    return declared


def _origins(declared: Cors) -> list[str]:
    return [*cors.tricks(declared.allowed).values(), *(origin for origin in declared.allowed if origin != "*")]


def _ask(
    http: httpx.Client, declared: Cors, origin: str, method: str = "GET", headers: Mapping[str, str] | None = None
) -> httpx.Headers:
    # A browser sends no credential with a preflight.
    own = {} if method == "OPTIONS" else resolve(declared.headers)
    return http.request(method, resolve(declared.path), headers={**own, "Origin": origin, **(headers or {})}).headers


def _judge(declared: Cors, findings: Findings, answers: Mapping[str, httpx.Headers]) -> None:
    for trick, origin in cors.tricks(declared.allowed).items():
        for rule, what in cors.problems(trick, origin, answers[origin], declared.allowed):
            findings.add(f"{declared.path} {rule}", what)
    for origin in declared.allowed:
        for rule, what in cors.refusals(origin, answers[origin]) if origin != "*" else ():
            findings.add(f"{declared.path} {rule}", what)
