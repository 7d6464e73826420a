"""Sessions: made at sign-in, told to nobody, gone at sign-out."""

from __future__ import annotations

import secrets
from collections.abc import Callable

import httpx

from checks.claim import check
from checks.findings import Findings
from suites.api import Client, as_declared, needed
from suites.security import cookies
from suites.security.conftest import signed_out, submit
from suites.security.contract import Account, Csrf


@check("SESSION-001", needs="write")
def check_session_cookie_has_its_flags(account: Account, findings: Findings) -> None:
    """Every cookie of the sign-in is Secure, the session's also HttpOnly, SameSite, unguessable and of an end."""
    with Client(apart=True) as http:
        before = account.signed_in.send(http)
        answers = (http.get(account.page), submit(http, account))
        after = account.signed_in.send(http)
    sent = [cookies.parse(header) for answer in answers for header in answer.headers.get_list("set-cookie")]
    kept = {cookie.name: cookie for cookie in sent if not cookie.is_removal}
    assert account.session_cookie in kept, f"signing in sets no {account.session_cookie}, but {', '.join(kept) or '-'}"
    for name, cookie in kept.items():
        found = [*cookies.problems(cookie)]
        if name == account.session_cookie:
            found += cookies.session_problems(cookie, account.longest_session_days * cookies.DAY_S)
        for rule, what in found:
            findings.add(f"{name} {rule}", what)
    if not findings.found:
        # Whoever was not signed in was given a cookie that is nobody's session.
        as_declared(before, account.signed_out, "[security.account] signed_in, before signing in")
        as_declared(after, account.signed_in.expect, "[security.account] signed_in, once signed in")


@check("SESSION-002", needs="write")
def check_session_is_new_at_sign_in(account: Account) -> None:
    """Signing in makes a new session: one that was planted, or was there before, is not taken over (fixation)."""
    planted = f"planted-{secrets.token_hex(16)}"
    with Client(apart=True) as http:
        http.cookies.set(account.session_cookie, planted)
        submit(http, account)
        first = _session(http, account)
    with Client(headers={"Cookie": f"{account.session_cookie}={planted}"}) as thief:
        seen = account.signed_in.send(thief).status_code
    with Client(apart=True) as http:
        http.get(account.page)
        before = _session(http, account)
        submit(http, account)
        second = _session(http, account)

    assert account.signed_out == seen, "a session that was planted before is signed in"
    assert 3 == len({planted, first, second}), "two sign-ins have the same session"
    assert before != second, "the session that the sign-in page gave is the signed-in one"


@check("SESSION-003", needs="write")
def check_session_dies_at_sign_out(account: Account, csrf: Csrf, signed_in: Callable[[], httpx.Client]) -> None:
    """After signing out the old cookie is worth nothing."""
    needed(account.sign_out, "[security.account] sign_out")
    cookie, _ = signed_out(signed_in(), account, csrf)
    with Client(apart=True, headers={"Cookie": cookie}) as thief:
        seen = account.signed_in.send(thief).status_code

    assert account.signed_out == seen


def _session(http: httpx.Client, account: Account) -> str | None:
    found = [cookie.value for cookie in http.cookies.jar if cookie.name == account.session_cookie]
    return found[-1] if found else None
