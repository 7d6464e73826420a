"""One visitor who asks by itself, signed in as the load's users are, and is told every byte as it came."""

from __future__ import annotations

import contextlib
import http.client
import ssl
from collections.abc import Iterator, Mapping
from http.cookies import CookieError, SimpleCookie
from typing import NamedTuple
from urllib.parse import urlencode, urlsplit

import msgspec

from evidence.errors import CannotTell
from load import values
from load.config import AGENT, MOST_ARRIVALS, Load, Request

MOST_BYTES = 32 * 2**20
NUMBER = MOST_ARRIVALS
"""A longer answer is given up. The visitor's number, and that of its first request: no user and no arrival has them."""


class Answer(NamedTuple):
    """What came, with its body as it was transferred."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Visitor:
    """Asks one after the other, on a connection of its own each."""

    def __init__(self, url: str, load: Load) -> None:
        """Sign in, where the load's users do; CannotTell where that fails."""
        self._url, self._load = urlsplit(url), load
        self._asked = NUMBER
        self._session: dict[str, str] = {}
        self._cookies = SimpleCookie()
        if load.login:
            self._sign_in()

    def ask(self, request: Request, encoding: str) -> Answer:
        """Send a request of the load, with the next row of its data, and say which encoding is accepted."""
        self._asked += 1
        if self._load.fills:
            request = values.put(request, values.of_arrival(self._load, self._asked, self._session))
        body = b"" if request.json is None else msgspec.json.encode(request.json)
        headers = {"Content-Type": "application/json"} if body else {}
        return self._send(request, body, {**headers, **request.headers, "Accept-Encoding": encoding})

    def _sign_in(self) -> None:
        login = self._load.login
        assert login
        known = {values.NUMBER: str(NUMBER), **(login.rows[0] if login.rows else {})}
        request = values.put(login.request, known)
        body, kind = b"" if request.json is None else msgspec.json.encode(request.json), "application/json"
        if login.form:
            body, kind = urlencode(values.form(login, known)).encode(), "application/x-www-form-urlencoded"
        headers = {**({"Content-Type": kind} if body else {}), **request.headers, "Accept-Encoding": "identity"}
        answer = self._send(request, body, headers)
        if answer.status != login.expect:
            msg = f"one more user could not sign in: {answer.status} instead of {login.expect}"
            raise CannotTell(msg)
        try:
            self._session = {values.TOKEN: values.token(answer.body, login.token)} if login.token else {}
        except ValueError as error:
            msg = f"one more user could not sign in: {error}"
            raise CannotTell(msg) from None

    def _send(self, request: Request, body: bytes, headers: Mapping[str, str]) -> Answer:
        held = "; ".join(f"{name}={morsel.coded_value}" for name, morsel in self._cookies.items())
        sent = {"User-Agent": AGENT, **({"Cookie": held} if held else {}), **headers}
        try:
            with _connection(self._url.scheme, self._url.netloc, self._load.timeout_s) as connection:
                connection.request(request.method, request.path, body or None, sent)
                response = connection.getresponse()
                for cookie in response.headers.get_all("Set-Cookie", ()):
                    with contextlib.suppress(CookieError):
                        self._cookies.load(cookie)
                content = response.read(MOST_BYTES + 1)
        except (OSError, http.client.HTTPException) as error:
            msg = f"{request.name}: {type(error).__name__}"
            raise CannotTell(msg) from None
        if len(content) > MOST_BYTES:
            msg = f"{request.name}: more than {MOST_BYTES} bytes"
            raise CannotTell(msg)
        # Several of a name are one list.
        told = {name.lower(): ", ".join(response.headers.get_all(name, ())) for name in response.headers}
        return Answer(response.status, told, content)


@contextlib.contextmanager
def _connection(scheme: str, netloc: str, timeout_s: float) -> Iterator[http.client.HTTPConnection]:
    """Connect; whether a certificate is good is the business of another stage, and Locust does not ask either."""
    if scheme == "https":
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        connection: http.client.HTTPConnection = http.client.HTTPSConnection(netloc, timeout=timeout_s, context=context)
    else:
        connection = http.client.HTTPConnection(netloc, timeout=timeout_s)
    try:
        yield connection
    finally:
        connection.close()
