"""Headers that make a browser defend its user, on every kind of answer."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import urlsplit

import httpx

from checks.claim import check
from checks.findings import Findings
from evidence.errors import NotApplicable
from evidence.release import Release
from evidence.variables import variable
from suites.api import as_declared, needed
from suites.security import csp, csp_rules, headers
from suites.security.answers import Seen
from suites.security.contract import Csrf, Headers

Answers = tuple[Seen, ...]


@check("HEADERS-001")
def check_pages_carry_security_headers(answers: Answers, findings: Findings, measure: Callable[..., None]) -> None:
    """Every page, also of an error, has referrer, permissions and framing policies, and says its charset."""
    pages = [seen for seen in answers if seen.is_html]
    measure(pages_total=len(pages))
    for seen in pages:
        for rule, what in headers.page(seen.answer.headers, seen.answer.text):
            findings.add(f"{seen.place} {rule}", what)


@check("HEADERS-002")
def check_api_answers_are_not_stored(answers: Answers, findings: Findings, measure: Callable[..., None]) -> None:
    """Every declared API answer forbids storing."""
    api = needed([seen for seen in answers if seen.kind == "api"], "[security.headers] api")
    measure(answers_total=len(api))
    for seen in api:
        for rule, what in headers.private(seen.answer.headers):
            findings.add(f"{seen.place} {rule}", what)


@check("HEADERS-003")
def check_browsers_are_held_to_tls(answers: Answers, release: Release, findings: Findings) -> None:
    """Every answer holds browsers to TLS for a year, subdomains too."""
    declared = release.section("security.headers", Headers)
    if declared.transport_security == "proxy" and urlsplit(variable("TARGET_URL")).scheme == "http":
        message = f'{release.path}: [security.headers] transport_security = "proxy", and the target is plain http'
        raise NotApplicable(message)
    for seen in answers:
        for rule, what in headers.transport(seen.answer.headers):
            findings.add(f"{seen.place} {rule}", what)


@check("HEADERS-004")
def check_answers_say_what_they_are_and_no_more(
    answers: Answers, findings: Findings, measure: Callable[..., None]
) -> None:
    """Every answer (page, API, error, redirect, file) says its type, forbids guessing it, and tells no version."""
    measure(answers_total=len(answers))
    for seen in answers:
        for rule, what in headers.any_answer(seen.answer.headers):
            findings.add(f"{seen.place} {rule}", what)


@check("HEADERS-005")
def check_windows_are_isolated(answers: Answers, findings: Findings, measure: Callable[..., None]) -> None:
    """No page leaves a handle on its window to who opened it, and no answer is for pages of others to load."""
    pages = [seen for seen in answers if seen.is_html]
    measure(pages_total=len(pages))
    for seen in pages:
        for rule, what in headers.isolation(seen.answer.headers):
            findings.add(f"{seen.place} {rule}", what)


@check("HEADERS-006", needs="write")
def check_personal_pages_are_in_no_shared_cache(csrf: Csrf, member: httpx.Client, findings: Findings) -> None:
    """A page that shows somebody's own data is kept by no shared cache."""
    answer = member.get(csrf.source)
    assert answer.status_code == 200, f"{csrf.source}: {answer.status_code} to who is signed in"
    for rule, what in headers.personal(answer.headers):
        findings.add(f"{csrf.source} {rule}", what)


@check("CSP-001")
def check_policy_lets_no_injected_script_run(
    answers: Answers, findings: Findings, measure: Callable[..., None]
) -> None:
    """Every page, also of an error, enforces a content-security policy that no injected script gets past."""
    pages = [seen for seen in answers if seen.is_html]
    measure(pages_total=len(pages))
    for seen in pages:
        for rule, what in csp_rules.problems(seen.answer.headers, seen.answer.text):
            findings.add(f"{seen.place} {rule}", what)


@check("CSP-002")
def check_nonces_are_used_once(http: httpx.Client, release: Release, findings: Findings) -> None:
    """No nonce of the content-security policy is seen in two answers."""
    known: set[str] = set()
    for path in needed(release.section("security.headers", Headers).pages, "[security.headers] pages"):
        for _ in range(2):
            answer = as_declared(http.get(path), 200, "[security.headers] pages")
            fresh = csp.nonces(csp.enforced(answer.headers, answer.text))
            if fresh & known:
                findings.add(f"{path} nonce-again", "a nonce is used again: who has seen one page knows it")
            known |= fresh
