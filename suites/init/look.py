"""Look at a deployment, and note what was seen."""

from __future__ import annotations

import json
import re
import secrets
from typing import Any
from urllib.parse import urlsplit

import msgspec

from evidence.errors import InputError
from suites.init import document, places, tls
from suites.init.client import Answer, Looker
from suites.init.document import Document
from suites.init.page import FIELD_NAME, Form, Page
from suites.init.text import may_be_secret

MOST_PAGES, MOST_EXAMPLES = 10, 8
BUILD = re.compile(r"(?=.*\d)[0-9A-Za-z][0-9A-Za-z.+_-]{0,63}")
NUMBER = re.compile(r"\d+")
"""Of pages that differ by a number only, the first one is looked at."""
SMALL = 1_000
"""An HTML answer to a health path that is longer is a page."""
STRANGER = "https://release-verification.invalid"


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """One place that tells a build."""

    path: str
    build: str
    field: str | None = None
    header: str | None = None


class Login(msgspec.Struct, frozen=True, kw_only=True):
    """A page with a form that asks for one password."""

    page: Answer
    form: Form
    action: str | None
    """The path that the form goes to; None where that is elsewhere."""


class Seen(msgspec.Struct, kw_only=True):
    """Everything that was seen."""

    url: str
    root: Answer
    missing: Answer
    """The answer to a path that nobody has."""
    health: list[Answer] = msgspec.field(default_factory=list)
    unwell: list[Answer] = msgspec.field(default_factory=list)
    builds: list[Told] = msgspec.field(default_factory=list)
    document: Document | None = None
    examples: list[Answer] = msgspec.field(default_factory=list)
    pages: list[Answer] = msgspec.field(default_factory=list)
    searches: list[str] = msgspec.field(default_factory=list)
    login: Login | None = None
    file: Answer | None = None
    cors: Answer | None = None
    tls: list[str] = msgspec.field(default_factory=list)
    plain: Answer | None = None
    """The same address without TLS, where it has TLS."""
    answers: list[Answer] = msgspec.field(default_factory=list)
    left_out: int = 0


def look(looker: Looker) -> Seen:
    """Look at everything; InputError where the address does not answer at all."""
    root = looker.follow("/")
    if not root.status:
        msg = f"{looker.base}: {root.problem}; is the address right, and reached from here?"
        raise InputError(msg)
    missing = looker.ask(f"/no-such-page-{secrets.token_hex(6)}")
    seen = Seen(url=looker.base, root=root, missing=missing)
    below = root.path.rstrip("/") if root.path != "/" and root.path.count("/") <= 2 else ""
    _health(looker, seen, below)
    _document(looker, seen, below)
    _pages(looker, seen)
    _headers(looker, seen)
    seen.answers, seen.left_out = looker.sent, looker.left_out
    return seen


def _health(looker: Looker, seen: Seen, below: str) -> None:
    for path in _usual(places.HEALTH, below, "heartbeat"):
        answer = looker.ask(path)
        small = answer.kind != "text/html" or len(answer.body) < SMALL
        if answer.status == 200 and small and not answer.cut and not _is_anything(answer, seen):
            seen.health.append(answer)
        elif answer.status in {500, 503}:
            seen.unwell.append(answer)
    versions = [looker.ask(path) for path in _usual(places.VERSION, below, "version")]
    for answer in (*seen.health, *versions, seen.root):
        if answer.status == 200 and not _is_anything(answer, seen):
            seen.builds += _builds(answer)
    for header in places.BUILD_HEADERS:
        if BUILD.fullmatch(seen.root.headers.get(header, "")):
            seen.builds.append(Told(path=seen.root.path, header=header, build=seen.root.headers[header]))


def _document(looker: Looker, seen: Seen, below: str) -> None:
    for path in _usual(places.DOCUMENT, below, "api"):
        answer = looker.ask(path)
        found = document.read(answer, looker.prefix) if answer.status == 200 else None
        if found is None:
            continue
        seen.document = found
        seen.examples = [looker.ask(each) for each in found.readable[:MOST_EXAMPLES]]
        if BUILD.fullmatch(found.version):
            seen.builds.append(Told(path=found.path, field="info.version", build=found.version))
        return


def _pages(looker: Looker, seen: Seen) -> None:
    """The start page, what it links to, and the first page with a form to sign in."""
    queue, been = [seen.root.path], {seen.root.path}
    while queue and len(seen.pages) < MOST_PAGES:
        path = queue.pop(0)
        answer = seen.root if path == seen.root.path else looker.ask(path)
        if not answer.is_page:
            continue
        page = Page.read(answer.text)
        seen.pages.append(answer)
        _forms(looker, seen, answer, page)
        if answer is seen.root:
            shapes = {NUMBER.sub("0", link): link for link in reversed(_links(looker, page))}
            queue = [link for link in reversed(shapes.values()) if link not in been]
            been |= set(queue)
        files = [file for name in page.files if (file := looker.here(name, answer.path))]
        if files and not seen.file:
            head = looker.ask(files[0], "HEAD")
            seen.file = looker.ask(files[0]) if head.status in {405, 501} else head
    for path in places.LOGIN:
        if seen.login:
            break
        answer = looker.follow(path) if path not in been else seen.missing
        if answer.is_page and not _is_anything(answer, seen):
            _forms(looker, seen, answer, Page.read(answer.text))
            if seen.login and answer.path not in [page.path for page in seen.pages]:
                seen.pages.append(answer)


def _forms(looker: Looker, seen: Seen, answer: Answer, page: Page) -> None:
    for form in page.forms:
        action = looker.here(form.action, answer.path) if form.action else answer.path
        if form.method == "post" and form.password and form.user and not seen.login:
            seen.login = Login(page=answer, form=form, action=action)
        if form.method == "get" and form.user and action and not form.password:
            search = f"{action}?{form.user}={{probe}}"
            seen.searches += [search] if search not in seen.searches and FIELD_NAME.fullmatch(form.user) else []


def _links(looker: Looker, page: Page) -> list[str]:
    here = [path for link in page.links if (path := looker.here(link, "/"))]
    return [
        path
        for path in here
        if not any(word in path.lower() for word in places.LEAVES)
        and not path.lower().endswith(places.FILES)
        and not may_be_secret(path)
    ]


def _headers(looker: Looker, seen: Seen) -> None:
    api = [answer for answer in (*seen.examples, *seen.health) if answer.kind == "application/json"]
    # What anybody may read, and data sooner than health.
    health = {answer.path for answer in seen.health}
    where = min(api, key=lambda answer: (answer.status != 200, answer.path in health), default=seen.root).path
    seen.cors = looker.ask(where, headers={"Origin": STRANGER})
    seen.tls = tls.seen(looker.base, looker.trust)
    parts = urlsplit(looker.base)
    if parts.scheme == "https" and parts.port is None:
        seen.plain = looker.without_tls()


def _is_anything(answer: Answer, seen: Seen) -> bool:
    """The release answers every path alike (as single-page applications do), and this was such an answer."""
    alike = answer.kind == seen.missing.kind and abs(len(answer.body) - len(seen.missing.body)) < SMALL // 10
    return seen.missing.status == 200 and (alike or answer.kind == "text/html")


def _builds(answer: Answer) -> list[Told]:
    """What an answer says of its build: a field of its JSON, at the top or one level below, or its only word."""
    if answer.kind == "text/plain" and BUILD.fullmatch(word := answer.text.strip()) and "." in word:
        return [Told(path=answer.path, build=word)]
    try:
        told: Any = json.loads(answer.body)
    except (ValueError, RecursionError):
        return []
    tops = told if isinstance(told, dict) else {}
    levels = [("", tops), *((f"{name}.", inner) for name, inner in tops.items() if isinstance(inner, dict))]
    return [
        Told(path=answer.path, field=f"{level}{name}", build=inner[name])
        for level, inner in levels
        for name in places.BUILD_FIELDS
        if isinstance(inner.get(name), str) and BUILD.fullmatch(inner[name]) and re.fullmatch(r"[\w-]*\.?", level)
    ]


def _usual(paths: tuple[str, ...], below: str, word: str) -> list[str]:
    """The usual paths, and where the start page leads to some folder, those of its word in there too."""
    return [*(f"{below}{path}" for path in places.BELOW if below and word in path), *paths]
