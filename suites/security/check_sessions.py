"""Sessions: made at sign-in, told to nobody, gone at sign-out; mutations need the session's own token."""

from __future__ import annotations

from collections.abc import Callable
from http.cookies import SimpleCookie

import httpx
import pytest

from evidence.check import check
from evidence.variables import resolve
from suites.api import Client
from suites.security.conftest import submit, token_of
from suites.security.contract import Account, Csrf


@check("SESSION-001", needs="write")
def check_session_cookie_has_its_flags(account: Account) -> None:
    """The session's cookie is Secure, HttpOnly, SameSite and not for other hosts, as sent in Set-Cookie itself."""
    with Client() as http:
        answer = submit(http, account)
    cookies = [header for header in answer.headers.get_list("set-cookie") if header.startswith(account.session_cookie)]
    assert 1 == len(cookies), f"signing in sets {account.session_cookie} {len(cookies)} times"
    cookie = SimpleCookie(cookies[0])[account.session_cookie]

    assert cookie["secure"]
    assert cookie["httponly"]
    assert cookie["samesite"].lower() in {"lax", "strict"}
    assert not cookie["domain"]


@check("SESSION-002", needs="write")
def check_session_is_new_at_sign_in(account: Account) -> None:
    """Signing in makes a new session: one that was planted before is not taken over (fixation)."""
    planted = "planted-by-somebody-else"
    with Client() as http:
        http.cookies.set(account.session_cookie, planted)
        submit(http, account)
        given = [cookie.value for cookie in http.cookies.jar if cookie.name == account.session_cookie]
    with Client(headers={"Cookie": f"{account.session_cookie}={planted}"}) as http:
        seen = account.signed_in.send(http).status_code

    assert account.signed_out == seen
    assert any(value != planted for value in given)


@check("SESSION-003", needs="write")
def check_session_dies_at_sign_out(account: Account, csrf: Csrf, signed_in: Callable[[], httpx.Client]) -> None:
    """After signing out the old cookie is worth nothing."""
    if account.sign_out is None:
        pytest.skip("[security.account] declares no sign_out")
    http = signed_in()
    cookie = f"{account.session_cookie}={http.cookies[account.session_cookie]}"
    token = token_of(http, csrf)
    form = {name: token if value == "{csrf}" else value for name, value in account.sign_out.form.items()}
    account.sign_out.send(http, data=form, headers={csrf.header: token})
    with Client(headers={"Cookie": cookie}) as thief:
        seen = account.signed_in.send(thief).status_code

    assert account.signed_out == seen


@check("LOGIN-001", needs="attack")
def check_wrong_credentials_are_refused(account: Account) -> None:
    """A wrong password opens no session."""
    assert account.wrong, "[security.account] declares no `wrong` values"
    with Client() as http:
        submit(http, account, **resolve(account.wrong))

        assert account.signed_out == account.signed_in.send(http).status_code


@check("CSRF-001", needs="write")
def check_mutation_without_token_is_refused(csrf: Csrf, signed_in: Callable[[], httpx.Client]) -> None:
    """A mutation by cookie without the CSRF token is refused with 403."""
    http = signed_in()

    assert {403} == {mutation.send(http).status_code for mutation in csrf.mutations}


@check("CSRF-002", needs="write")
def check_mutation_with_another_token_is_refused(csrf: Csrf, signed_in: Callable[[], httpx.Client]) -> None:
    """A token that is made up, or belongs to another session, is refused with 403; the session's own is taken."""
    http, other = signed_in(), signed_in()
    wrong = ("made-up", token_of(other, csrf))
    for mutation in csrf.mutations:
        refused = {mutation.send(http, headers={csrf.header: token}).status_code for token in wrong}
        taken = mutation.send(http, headers={csrf.header: token_of(http, csrf)}).status_code

        assert ({403}, mutation.expect) == (refused, taken), f"{mutation.method} {mutation.path}"
