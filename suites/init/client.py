"""Look at somebody's deployment politely: reading only, few requests, slowly, and no more of an answer than needed."""

from __future__ import annotations

import os
import ssl
import time
from collections.abc import Callable, Mapping
from typing import Literal
from urllib.parse import urljoin, urlsplit

import certifi
import httpx
import msgspec

from suites.init.text import clean, path_of

AGENT = "release-verification (init)"
MOST_REQUESTS = 110
GAP_S = 0.1
TIMEOUT_S = 5.0
"""For a connection, and for each part of an answer."""
ANSWER_WITHIN_S = 10.0
LOOK_WITHIN_S = 120.0
LARGEST = 1_000_000
"""Bytes read of one answer."""
LOOPBACK_GAP_S = 0.0
MOST_REDIRECTS = 4

Method = Literal["GET", "HEAD", "OPTIONS"]


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What one request was answered; `status` is 0, and `problem` says why, where there was no answer."""

    path: str
    status: int = 0
    ms: int = 0
    headers: httpx.Headers = msgspec.field(default_factory=httpx.Headers)
    body: bytes = b""
    cut: bool = False
    problem: str = ""
    method: Method = "GET"

    @property
    def kind(self) -> str:
        """The media type, without its parameters."""
        return clean(self.headers.get("content-type", "").partition(";")[0].strip().lower(), 60)

    @property
    def text(self) -> str:
        """The body as text; what is no UTF-8 is replaced."""
        return self.body.decode("utf-8", "replace")

    @property
    def is_page(self) -> bool:
        """It is an HTML page that was served in full."""
        return self.status == 200 and self.kind == "text/html"

    def __str__(self) -> str:
        """Say what was seen, in one line that holds no text of the answer but its type."""
        asked = f"{self.method} {clean(self.path)}"
        if not self.status:
            return f"{asked}: {self.problem}"
        size = f", cut after {LARGEST} bytes" if self.cut else ""
        return f"{asked} answered {self.status} in {self.ms} ms, {self.kind or 'no type'}{size}"


class Looker:
    """Sends what it is asked to, in bounds, to one origin."""

    def __init__(self, base: str, say: Callable[[str], None], transport: httpx.BaseTransport | None = None) -> None:
        """Open a client on `base`, whose path, if it has one, stands before every path."""
        self.base = base.rstrip("/")
        self.origin = urlsplit(self.base)._replace(path="", query="", fragment="").geturl()
        self.prefix = urlsplit(self.base).path
        self.sent: list[Answer] = []
        self.left_out = 0
        self._say = say
        loopback = urlsplit(base).hostname in {"127.0.0.1", "::1", "localhost"}
        self._gap = LOOPBACK_GAP_S if loopback else GAP_S
        self._started = self._last = time.monotonic()
        # As other programs do, so that a private authority is trusted by naming its file.
        self.trust = ssl.create_default_context(cafile=os.environ.get("SSL_CERT_FILE") or certifi.where())
        # What comes compressed is not asked for, and not opened: a small answer could become a very large one.
        named = {"User-Agent": AGENT, "Accept-Encoding": "identity"}
        self._http = httpx.Client(
            verify=self.trust, timeout=TIMEOUT_S, headers=named, trust_env=False, transport=transport
        )

    def ask(
        self, path: str, method: Method = "GET", headers: Mapping[str, str] | None = None, *, base: str = ""
    ) -> Answer:
        """Send one request, without a cookie, and follow nothing."""
        if len(self.sent) >= MOST_REQUESTS or time.monotonic() - self._started > LOOK_WITHIN_S:
            self.left_out += 1
            return Answer(path=path, method=method, problem="not asked, enough was")
        time.sleep(max(0.0, self._last + self._gap - time.monotonic()))
        self._last = time.monotonic()
        answer = self._send(base or self.base, path, method, headers or {})
        self._http.cookies.clear()
        self.sent.append(answer)
        self._say(f"{len(self.sent):3}/{MOST_REQUESTS} {answer}")
        return answer

    def follow(self, path: str) -> Answer:
        """Ask, and follow redirects that stay here; the last answer, a redirect where they leave or do not end."""
        answer, been = self.ask(path), {path}
        for _ in range(MOST_REDIRECTS):
            target = self.here(answer.headers.get("location", ""), answer.path)
            if not 300 <= answer.status < 400 or target is None or target in been:
                break
            been.add(target)
            answer = self.ask(target)
        return answer

    def here(self, link: str, page: str) -> str | None:
        """The path below our base of a link on a page, without query; None where it leads elsewhere."""
        try:
            target = urlsplit(urljoin(f"{self.base}{page}", link.strip()))
        except ValueError:
            return None
        if not link or f"{target.scheme}://{target.netloc}" != self.origin:
            return None
        if not target.path.startswith(f"{self.prefix}/"):
            return None
        return path_of(target.path.removeprefix(self.prefix))

    def without_tls(self) -> Answer:
        """Ask the same host for its start page on the port for plain http."""
        return self.ask("/", base=urlsplit(self.base)._replace(scheme="http").geturl())

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def _send(self, base: str, path: str, method: Method, headers: Mapping[str, str]) -> Answer:
        started = time.monotonic()
        try:
            with self._http.stream(method, base + path, headers=headers) as answer:
                ms = round((time.monotonic() - started) * 1000)
                body, cut = _read(answer, started + ANSWER_WITHIN_S)
                status, given = answer.status_code, answer.headers
        except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError, UnicodeError, ValueError) as error:
            said = clean(str(error), 100)
            return Answer(path=path, method=method, problem=f"no answer ({type(error).__name__}{said and f': {said}'})")
        return Answer(path=path, method=method, status=status, ms=ms, headers=given, body=body, cut=cut)


def _read(answer: httpx.Response, deadline: float) -> tuple[bytes, bool]:
    """Read no more than is needed, and no longer; what is compressed although it was not asked to be, not at all."""
    if answer.headers.get("content-encoding", "identity").lower() != "identity":
        return b"", True
    body = b""
    for part in answer.iter_bytes():
        body += part
        if len(body) > LARGEST or time.monotonic() > deadline:
            return body[:LARGEST], True
    return body, False
