"""Who comes by HTTP: somebody who signs in by the form, and whoever shows a cookie, a key or a signature."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import hmac
import html
import http.client
import json
import re
import secrets
import time
from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import urlencode, urlsplit

import msgspec

from checks.forms import input_value
from evidence.errors import CannotTell
from evidence.variables import resolve
from restore_drills.application import TIMEOUT_S, Request

REFUSED = frozenset({401, 403})
FORM = "application/x-www-form-urlencoded"


class Account(msgspec.Struct, frozen=True, kw_only=True):
    """What drills read of `[security.account]`."""

    page: str
    form: dict[str, str]
    session_cookie: str
    signed_in: Request
    signed_out: int = 401
    csrf_field: str | None = None


class Csrf(msgspec.Struct, frozen=True, kw_only=True):
    """What drills read of `[security.csrf]`."""

    source: str
    token: str
    header: str
    mutations: tuple[Request, ...]


class Keys(msgspec.Struct, frozen=True, kw_only=True):
    """What drills read of `[security.keys]`."""

    header: str
    write: str
    reading: Request


class Webhook(msgspec.Struct, frozen=True, kw_only=True):
    """What drills read of `[security.webhook]`."""

    path: str
    secret: str
    body: str
    accepted: int = 200


class Answer(NamedTuple):
    """What came back; a redirect is an answer like any other."""

    status: int
    cookies: dict[str, str]
    text: str


def send(url: str, request: Request, headers: Mapping[str, str], body: bytes | None = None) -> Answer:
    """Send a request."""
    told = {**resolve(request.headers), **headers}
    if body is None and request.json is not None:
        body, told["Content-Type"] = json.dumps(resolve(request.json)).encode(), "application/json"
    with contextlib.closing(http.client.HTTPConnection(urlsplit(url).netloc, timeout=TIMEOUT_S)) as connection:
        connection.request(request.method, resolve(request.path), body, told)
        answer = connection.getresponse()
        cookies = (each.partition(";")[0].partition("=") for each in answer.headers.get_all("Set-Cookie", []))
        text = answer.read().decode(errors="replace")
    return Answer(answer.status, {name.strip(): value for name, _, value in cookies}, text)


def session(url: str, account: Account) -> str:
    """Sign in by the form; give the session as it goes into the header Cookie, or CannotTell."""
    page = send(url, Request(path=account.page), {})
    form = resolve(account.form)
    if account.csrf_field:
        form[account.csrf_field] = _hidden(page.text, account.csrf_field)
    told = {"Cookie": _jar(page.cookies), "Origin": url, "Content-Type": FORM}
    came = send(url, Request(path=account.page, method="POST"), told, urlencode(form).encode())
    if account.session_cookie not in came.cookies:
        msg = (
            f"[security.account]: signing in at {account.page} is answered {came.status}, without the session's cookie"
        )
        raise CannotTell(msg)
    return _jar({**page.cookies, account.session_cookie: came.cookies[account.session_cookie]})


def change(url: str, csrf: Csrf, cookie: str) -> tuple[Request, int]:
    """Make the first of the declared changes by a session; say which it is, and what it is answered."""
    found = re.search(csrf.token, send(url, Request(path=csrf.source), {"Cookie": cookie}).text)
    mutation = csrf.mutations[0]
    token = {csrf.header: html.unescape(found[1])} if found else {}
    return mutation, send(url, mutation, {"Cookie": cookie, "Origin": url, **token}).status


def deliver(url: str, hook: Webhook, secret: str) -> int:
    """Send a delivery of its own, signed with this secret as Standard Webhooks says."""
    name, moment = f"msg_{secrets.token_hex(8)}", str(int(time.time()))
    digest = hmac.new(secret.encode(), f"{name}.{moment}.{hook.body}".encode(), hashlib.sha256).digest()
    signed = {
        "webhook-id": name,
        "webhook-timestamp": moment,
        "webhook-signature": f"v1,{base64.b64encode(digest).decode()}",
        "Content-Type": "application/json",
    }
    return send(url, Request(path=hook.path, method="POST"), signed, hook.body.encode()).status


def _jar(cookies: Mapping[str, str]) -> str:
    return "; ".join(f"{name}={value}" for name, value in cookies.items())


def _hidden(page: str, name: str) -> str:
    if (value := input_value(page, name)) is None:
        msg = f"[security.account]: the sign-in page has no input named {name}"
        raise CannotTell(msg)
    return value
