"""A polite look at a running release: it only reads, says who it is, asks little and slowly, and believes nothing."""

from __future__ import annotations

import time
from html.parser import HTMLParser
from urllib.parse import urljoin, urlsplit

import httpx
import msgspec

from suites.api import AGENT

MOST_REQUESTS = 80
PAUSE_S = 0.05
TIMEOUT_S = 10.0
LARGEST = 2_000_000
"""Bytes read of one answer."""
MOST_REDIRECTS = 3


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What one path answered; `path` is where redirects on the same origin led, `asked` where they began."""

    asked: str
    path: str
    status: int
    headers: httpx.Headers
    text: str
    ms: float

    @property
    def kind(self) -> str:
        """The media type, without its parameters."""
        return str(self.headers.get("content-type", "")).partition(";")[0].strip().lower()

    @property
    def is_page(self) -> bool:
        """It is HTML, and was found."""
        return self.status == 200 and self.kind == "text/html"

    def __str__(self) -> str:
        """Say what was seen in a few words."""
        kind = f", {self.kind}" if self.kind else ""
        led = f" (led to {self.path})" if self.path != self.asked else ""
        return f"GET {self.asked}{led} answered {self.status} in {self.ms:.0f} ms{kind}"


class Unreachable(Exception):
    """The release does not answer at all; the message is a sentence."""


class Looker:
    """Looks at paths of one origin, each at most once."""

    def __init__(self, url: str, transport: httpx.BaseTransport | None = None) -> None:
        """Name the origin; nothing is asked yet."""
        self.url = url.rstrip("/")
        self.asked = 0
        self._seen: dict[str, Answer | None] = {}
        self._http = httpx.Client(
            headers={"User-Agent": f"{AGENT} (init)"}, timeout=TIMEOUT_S, trust_env=False, transport=transport
        )

    def get(self, path: str, **headers: str) -> Answer | None:
        """Return the answer of a path; None where there is none, or too much was asked already."""
        key = f"{path} {sorted(headers.items())}"
        if key not in self._seen:
            self._seen[key] = self._follow(path, headers)
        return self._seen[key]

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def _follow(self, asked: str, headers: dict[str, str]) -> Answer | None:
        path = asked
        for _ in range(MOST_REDIRECTS + 1):
            answer = self._ask(asked, path, headers)
            if answer is None or answer.status not in {301, 302, 303, 307, 308}:
                return answer
            target = urljoin(self.url + path, answer.headers.get("location", ""))
            if urlsplit(target)[:2] != urlsplit(self.url)[:2]:
                return answer
            parts = urlsplit(target)
            path = parts.path + (f"?{parts.query}" if parts.query else "")
        return None

    def _ask(self, asked: str, path: str, headers: dict[str, str]) -> Answer | None:
        if self.asked >= MOST_REQUESTS:
            return None
        self.asked += 1
        time.sleep(PAUSE_S)
        started = time.perf_counter()
        try:
            with self._http.stream("GET", self.url + path, headers=headers) as response:
                content = bytearray()
                for part in response.iter_bytes():
                    content += part
                    if len(content) > LARGEST or time.perf_counter() - started > TIMEOUT_S:
                        break
        except httpx.ConnectError as error:
            if self.asked == 1:
                msg = f"{self.url} does not answer: {error}"
                raise Unreachable(msg) from None
            return None
        except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError):
            return None
        return Answer(
            asked=asked,
            path=path,
            status=response.status_code,
            headers=response.headers,
            text=bytes(content[:LARGEST]).decode("utf-8", "replace"),
            ms=(time.perf_counter() - started) * 1000,
        )


class Field(msgspec.Struct, frozen=True, kw_only=True):
    """One input of a form."""

    name: str
    kind: str


class Form(msgspec.Struct, frozen=True, kw_only=True):
    """One form of a page."""

    action: str
    method: str
    fields: tuple[Field, ...]


class Page(HTMLParser):
    """The links, forms and title of a page."""

    def __init__(self, text: str) -> None:
        """Read it; HTML that is broken gives what can be read of it."""
        super().__init__()
        self.title = ""
        self.links: list[str] = []
        self.forms: list[Form] = []
        self._fields: list[Field] | None = None
        self._form: dict[str, str] = {}
        self._in_title = False
        self.feed(text)
        self._end_form()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Collect links and fields."""
        given = {name: value or "" for name, value in attrs}
        if tag == "a" and "href" in given:
            self.links.append(given["href"])
        elif tag == "title":
            self._in_title = True
        elif tag == "form":
            self._end_form()
            self._form, self._fields = given, []
        elif tag in {"input", "select", "textarea"} and self._fields is not None and given.get("name"):
            self._fields.append(Field(name=given["name"], kind=given.get("type", "text").lower()))

    def handle_endtag(self, tag: str) -> None:
        """End a form or the title."""
        if tag == "form":
            self._end_form()
        self._in_title = self._in_title and tag != "title"

    def handle_data(self, data: str) -> None:
        """Collect the title."""
        if self._in_title:
            self.title += data

    def _end_form(self) -> None:
        if self._fields is not None:
            method = self._form.get("method", "get").upper()
            self.forms.append(Form(action=self._form.get("action", ""), method=method, fields=tuple(self._fields)))
        self._fields = None
