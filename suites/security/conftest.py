"""What the live security checks ask for."""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack
from typing import Any

import httpx
import pytest

from checks.forms import input_value
from evidence.errors import CannotTell
from evidence.release import Release, Section, Undeclared
from evidence.variables import resolve
from suites.api import Client, as_declared
from suites.security.answers import Seen, gather
from suites.security.contract import Account, Csrf, Headers
from suites.touched import TOUCHED

Table = Callable[[str, type[Section]], Section]
SignIn = Callable[[], httpx.Client]


@pytest.fixture(scope="session", autouse=True)
def _tools(tool: Callable[[str], None]) -> None:
    tool("httpx")


@pytest.fixture(scope="session", autouse=True)
def _touched(keep: Callable[[str, str], None]) -> Iterator[None]:
    """Leave the list of what was touched, also where the stage is broken off."""
    yield
    keep("touched.json", TOUCHED.written())


@pytest.fixture
def http() -> Iterator[httpx.Client]:
    """A client without credentials, and with a jar of its own."""
    with Client(apart=True) as opened:
        yield opened


@pytest.fixture(scope="session")
def answers(release: Release) -> tuple[Seen, ...]:
    """One answer of each kind, to who is not signed in."""
    with Client(apart=True) as http:
        return gather(http, release.section("security.headers", Headers))


@pytest.fixture
def account(release: Release) -> Account:
    """`[security.account]` of release.toml."""
    return release.section("security.account", Account)


@pytest.fixture
def csrf(release: Release) -> Csrf:
    """`[security.csrf]` of release.toml."""
    return release.section("security.csrf", Csrf)


@pytest.fixture(scope="session")
def member(release: Release) -> Iterator[httpx.Client]:
    """Somebody who is signed in, for who only looks: whoever ends a session, or compares two, signs in anew.

    Before and after it is seen that `signed_in` tells the two apart: otherwise whatever follows proves nothing.
    """
    account = release.section("security.account", Account)
    with Client(apart=True) as http:
        as_declared(account.signed_in.send(http), account.signed_out, "[security.account] signed_in, before signing in")
        sign_in(http, account)
        yield http


@pytest.fixture
def signed_in(account: Account, member: httpx.Client) -> Iterator[SignIn]:
    """Sign in, each time as a new client with a session of its own."""
    assert member
    with ExitStack() as stack:

        def anew() -> httpx.Client:
            opened: AbstractContextManager[httpx.Client] = Client(apart=True)
            return sign_in(stack.enter_context(opened), account)

        yield anew


def sign_in(http: httpx.Client, account: Account) -> httpx.Client:
    """Sign in by the form; CannotTell where that does not work."""
    submit(http, account)
    as_declared(account.signed_in.send(http), account.signed_in.expect, "[security.account] signed_in, once signed in")
    return http


def signed_out(http: httpx.Client, account: Account, csrf: Csrf) -> tuple[str, str]:
    """Sign out; return the cookie and the token that the session had."""
    cookie, token = f"{account.session_cookie}={http.cookies[account.session_cookie]}", token_of(http, csrf)
    assert account.sign_out is not None
    form = {name: token if value == "{csrf}" else value for name, value in account.sign_out.form.items()}
    answer = account.sign_out.send(http, data=form, headers={csrf.header: token})
    if answer.status_code != account.sign_out.expect:
        message = f"signing out at {account.sign_out.path} answers {answer.status_code}, not {account.sign_out.expect}"
        raise CannotTell(message)
    return cookie, token


def document_of(release: Release, http: httpx.Client) -> tuple[dict[str, Any], str]:
    """The OpenAPI document that `[api] openapi` names, and where it is."""
    path = release.section("api", dict).get("openapi")
    if not path:
        message = f"{release.path}: [api] openapi is not declared; declare it, or say why not under [not_applicable]"
        raise Undeclared(message)
    document: dict[str, Any] = http.get(path).raise_for_status().json()
    return document, path


def submit(http: httpx.Client, account: Account, **changed: str) -> httpx.Response:
    """Send the sign-in form as a browser does, hidden field included."""
    form = {**resolve(account.form), **changed}
    if account.csrf_field:
        form[account.csrf_field] = hidden_field(http.get(account.page).text, account.csrf_field)
    return http.post(account.page, data=form, headers={"Origin": str(http.base_url).rstrip("/")})


def hidden_field(page: str, name: str) -> str:
    """Find the value of an input by its name."""
    if (value := input_value(page, name)) is None:
        message = f"the sign-in page has no input named {name}"
        raise LookupError(message)
    return value


def token_of(http: httpx.Client, csrf: Csrf) -> str:
    """Find the token that belongs to the client's session."""
    found = re.search(csrf.token, http.get(csrf.source).text)
    if not found:
        message = f"{csrf.source}: nothing there matches the token's pattern {csrf.token!r}"
        raise LookupError(message)
    return html.unescape(found[1])
