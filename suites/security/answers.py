"""One look at each kind of answer: pages, API, errors, redirects, files. Every rule about headers judges these."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath
from urllib.parse import urljoin, urlsplit

import httpx

from suites.api import Request, as_declared
from suites.security.contract import Headers

MADE_UP = "/no-such-page-of-the-release-verification"
MOST_FILES = 4
TABLES = {"page": "pages"}
"""What release.toml calls a kind, where that is another word."""
LINKED = re.compile(r"""<(?:script|link|img)\b[^>]*?\b(?:src|href)\s*=\s*["']?([^"'\s>]+)""", re.IGNORECASE)
"""Files that a page names. Pages are for looking at, not for trusting: what this misses is only not looked at."""


@dataclass(frozen=True, kw_only=True)
class Seen:
    """An answer, the place by which findings name it in every run, and of which kind it is."""

    place: str
    kind: str
    answer: httpx.Response

    @property
    def is_html(self) -> bool:
        """Whether a browser shows it as a page; a redirect it only follows."""
        kind: str = self.answer.headers.get("content-type", "").lower()
        return kind.startswith(("text/html", "application/xhtml")) and not self.answer.has_redirect_location


def gather(http: httpx.Client, declared: Headers) -> tuple[Seen, ...]:
    """Ask for everything once, without signing in; CannotTell where a declared answer is another than expected."""
    pages = [_declared(http, "page", Request(path=path)) for path in declared.pages]
    others = [_declared(http, "api", request) for request in declared.api]
    others += [_declared(http, "more", request) for request in declared.more]
    return (*pages, *others, *_errors(http, declared), *_files(http, pages))


def _declared(http: httpx.Client, kind: str, request: Request) -> Seen:
    answer = as_declared(request.send(http), request.expect, f"[security.headers] {TABLES.get(kind, kind)}")
    return Seen(place=request.path, kind=kind, answer=answer)


def _errors(http: httpx.Client, declared: Headers) -> Iterator[Seen]:
    """Answers that nobody wrote by hand, which often come from another layer than the good ones."""
    page = declared.pages[0] if declared.pages else "/"
    yield from _missing(http, "page that is not there", MADE_UP)
    yield Seen(place="page by a made-up method", kind="error", answer=http.request("VERIFY", page))
    yield Seen(place="path that is not UTF-8", kind="error", answer=http.get(f"{page.rstrip('/')}/%c0%af%ff"))
    for request in declared.api[:1]:
        folder = str(PurePosixPath(urlsplit(request.path).path).parent)
        yield from _missing(http, "API path that is not there", f"{folder}{MADE_UP}")
        yield Seen(place="API path by a made-up method", kind="error", answer=http.request("VERIFY", request.path))


def _missing(http: httpx.Client, place: str, path: str) -> Iterator[Seen]:
    """What is not there; where it is sent on, as by Django to the path with a slash behind it, what is said there."""
    answer = http.get(path)
    yield Seen(place=place, kind="error", answer=answer)
    asked, leads = answer.request.url, answer.next_request and answer.next_request.url
    if leads and (leads.scheme, leads.netloc) == (asked.scheme, asked.netloc):
        yield Seen(place=f"{place}, sent on", kind="error", answer=http.get(leads))


def _files(http: httpx.Client, pages: list[Seen]) -> Iterator[Seen]:
    """One file of each ending that the pages name. Their names hold hashes, so that places tell only the ending."""
    found: dict[str, str] = {}
    for seen in pages:
        for link in LINKED.findall(seen.answer.text):
            url = urljoin(str(seen.answer.url), html.unescape(link))
            ending = PurePosixPath(urlsplit(url).path).suffix
            if ending and urlsplit(url).netloc == seen.answer.url.netloc.decode():
                found.setdefault(ending, url)
    for ending, url in list(found.items())[:MOST_FILES]:
        yield Seen(place=f"file {ending}", kind="file", answer=http.get(url))
