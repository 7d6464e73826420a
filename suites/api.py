"""What the live suites share: declared requests, and a client that says who it is."""

from __future__ import annotations

import contextlib
import os
import secrets
import socket
import time
from collections.abc import Mapping
from typing import Any, TypeVar
from urllib.parse import urlsplit

import httpx
import msgspec

from evidence.errors import CannotTell
from evidence.release import Undeclared
from evidence.variables import resolve, variable
from suites.touched import TOUCHED, pace, rate

TIMEOUT_S = 10.0
AGENT = "release-verification"
Declared = TypeVar("Declared")
LOOPBACK = ("127.0.0.1", "::1", "localhost")
PATIENCE, LONGEST_WAIT_S = 3, 5


class Request(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A request as release.toml declares it; `${NAME}` anywhere in it is the value of that environment variable."""

    path: str
    method: str = "GET"
    json: Any = None
    form: dict[str, str] = msgspec.field(default_factory=dict)
    headers: dict[str, str] = msgspec.field(default_factory=dict)
    expect: int = 200

    def send(self, client: httpx.Client, **overrides: Any) -> httpx.Response:  # noqa: ANN401 - httpx's own options
        """Send it; `overrides` are httpx's request options, `headers` in them are added."""
        headers = {**resolve(self.headers), **overrides.pop("headers", {})}
        options: dict[str, Any] = {"headers": headers, **overrides}
        if self.json is not None:
            options.setdefault("json", resolve(self.json))
        if self.form:
            options.setdefault("data", resolve(self.form))
        return client.request(self.method, resolve(self.path), **options)


class Client(httpx.Client):
    """A client with a jar of its own that does not follow redirects: they are for the check to see.

    Secure cookies go to loopback without TLS too, as browsers send them. It comes back when it is told to (429 with
    Retry-After), since other checks have asked, too; `patient=False` is for who looks at the limit itself. `apart` asks
    from an address of its own where it can: what it uses up of a limit by address, no other misses. However patient,
    none is faster than the release may be asked, and what was asked is counted.
    """

    def __init__(self, *, patient: bool = True, apart: bool = False, headers: Mapping[str, str] | None = None) -> None:
        """Open a client on the target that says who it is."""
        named, url = {"User-Agent": AGENT, **(headers or {})}, variable("TARGET_URL")
        transport = httpx.HTTPTransport(local_address=another_address(url) if apart else None)
        super().__init__(base_url=url, timeout=TIMEOUT_S, headers=named, trust_env=False, transport=transport)
        self._patient, self._pace = patient, pace(rate(url, os.environ))

    def send(self, request: httpx.Request, **options: Any) -> httpx.Response:  # noqa: ANN401 - httpx's own options
        """Send; wait and send again where the release says so."""
        if self.cookies and request.url.scheme == "http" and request.url.host in LOOPBACK:
            request.headers["Cookie"] = "; ".join(f"{cookie.name}={cookie.value}" for cookie in self.cookies.jar)
        response = self._asked(request, **options)
        for _ in range(PATIENCE if self._patient else 0):
            wait = response.headers.get("retry-after", "")
            if response.status_code != 429 or not wait.isdigit() or int(wait) > LONGEST_WAIT_S:
                break
            time.sleep(int(wait))
            response = self._asked(request, **options)
        return response

    def _asked(self, request: httpx.Request, **options: Any) -> httpx.Response:  # noqa: ANN401 - httpx's own options
        self._pace.wait()
        path, status = request.url.raw_path.decode("ascii"), 0
        try:
            response = super().send(request, **options)
            status = response.status_code
        finally:
            TOUCHED.add(request.method, path, status)
        return response


def needed(declared: Declared | None, where: str) -> Declared:
    """Return what a check cannot do without; Undeclared, by which it is SKIPPED, where release.toml has nothing there.

    `where` is the table and the key: "[security.injection] pages".
    """
    if not declared:
        msg = f"{where} is not declared; declare it, or say why not under [not_applicable]"
        raise Undeclared(msg)
    return declared


def as_declared(answer: httpx.Response, expect: int, where: str) -> httpx.Response:
    """Return an answer that has the declared status; CannotTell otherwise: what is not there refuses everybody.

    `where` is the table, and the key where one has the path: "[security.cors] path".
    """
    if answer.status_code != expect:
        sent = answer.request
        asked = f"{sent.method} {sent.url.raw_path.decode('ascii')}"
        seen = f"{asked} is answered {answer.status_code}, not {expect}, so that nothing was looked at"
        message = f"{where}: {seen}; mend the request, or say in `expect` what it is answered with"
        raise CannotTell(message)
    return answer


def another_address(url: str) -> str | None:
    """Find an address of this machine to ask a target on loopback from; None where there is but the usual one.

    Linux answers to all of 127.0.0.0/8; a target elsewhere sees the one address that we have.
    """
    if urlsplit(url).hostname != "127.0.0.1":
        return None
    address = ".".join(["127", *(str(1 + secrets.randbelow(254)) for _ in range(3))])
    with contextlib.suppress(OSError), socket.socket() as tried:
        tried.bind((address, 0))
        return address
    return None
