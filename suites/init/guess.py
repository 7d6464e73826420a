"""What can be told of a release from outside. Each guess keeps what it rests on; what was not found is not guessed."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from http.cookies import CookieError, SimpleCookie
from typing import Any
from urllib.parse import urljoin, urlsplit

import msgspec

from suites.init.look import Answer, Form, Looker, Page

HEALTH = (
    "/health", "/healthz", "/api/health", "/health/live", "/health/ready", "/livez", "/readyz", "/-/healthy",
    "/actuator/health", "/api/healthz", "/status", "/api/status", "/ping", "/up", "/_health", "/heartbeat",
    "/__heartbeat__", "/__lbheartbeat__", "/api/health/db", "/api/health/cache",
)  # fmt: skip
OPENAPI = (
    "/openapi.json", "/api/openapi.json", "/v3/api-docs", "/swagger.json", "/api/swagger.json",
    "/swagger/v1/swagger.json", "/api/schema/?format=json", "/api-docs", "/api/v1/openapi.json",
)  # fmt: skip
SIGN_IN = (
    "/login",
    "/login/",
    "/signin",
    "/sign-in",
    "/accounts/login/",
    "/auth/login",
    "/users/sign_in",
    "/admin/login/",
)
ABSENT = "/release-verification-no-such-page"
LIMITS = ("ratelimit", "x-ratelimit", "retry-after")
MOST_PAGES = 5
MOST_EXAMPLES = 5
BUILDS = ("x-version", "x-app-version", "x-release", "x-commit", "x-revision")
FIELDS = ("version", "commit", "revision", "git_sha", "build")

Say = Callable[[str], None]


class Build(msgspec.Struct, frozen=True, kw_only=True):
    """Where the deployment seems to tell its build, and what it says."""

    path: str
    header: str = ""
    field: str = ""
    says: str


class Cookie(msgspec.Struct, frozen=True, kw_only=True):
    """A cookie that a page sets, with the flags that it lacks; its value is not kept."""

    name: str
    lacks: tuple[str, ...]


class Guesses(msgspec.Struct, kw_only=True):
    """Everything that was seen."""

    url: str
    root: Answer
    catches_all: bool = False
    title: str = ""
    health: list[Answer] = msgspec.field(default_factory=list)
    openapi: Answer | None = None
    document: dict[str, Any] = msgspec.field(default_factory=dict)
    pages: list[Answer] = msgspec.field(default_factory=list)
    sign_in: tuple[Answer, Form] | None = None
    cookies: list[Cookie] = msgspec.field(default_factory=list)
    limits: dict[str, str] = msgspec.field(default_factory=dict)
    build: Build | None = None
    foreign_origin: str = ""
    examples: list[Answer] = msgspec.field(default_factory=list)


def guess(looker: Looker, say: Say) -> Guesses:
    """Look from the root on; Unreachable where nothing answers."""
    say("the root")
    root = looker.get("/")
    absent = looker.get(ABSENT)
    if root is None:
        root = Answer(asked="/", path="/", status=0, headers=absent.headers if absent else _none(), text="", ms=0)
    found = Guesses(url=looker.url, root=root, catches_all=absent is not None and absent.status == 200)
    first = Page(root.text) if root.is_page else None
    found.title = " ".join(first.title.split()) if first else ""
    say("health paths")
    found.health = [answer for path in HEALTH if (answer := looker.get(path)) and _is_health(answer, found)]
    say("an OpenAPI document")
    for path in OPENAPI:
        if (answer := looker.get(path)) and (document := _openapi(answer)):
            found.openapi, found.document = answer, document
            break
    say("pages and a way to sign in")
    found.pages = _pages(looker, root, first)
    found.sign_in = _sign_in(looker, first)
    say("headers, cookies, and who may read from elsewhere")
    found.examples = _examples(looker, found.document)
    answers = [root, *found.pages, *found.health, *found.examples, *([found.sign_in[0]] if found.sign_in else [])]
    found.cookies = _cookies(answers)
    found.limits = {
        name: value for answer in answers for name, value in answer.headers.items() if name.startswith(LIMITS)
    }
    found.build = _build(answers, found)
    other = looker.get("/", Origin="https://elsewhere.example")
    found.foreign_origin = other.headers.get("access-control-allow-origin", "") if other else ""
    return found


def _none() -> Any:  # noqa: ANN401 - httpx's own type
    import httpx  # noqa: PLC0415 - only where not even an error page answered

    return httpx.Headers()


def _is_health(answer: Answer, found: Guesses) -> bool:
    """A page that answers everything with 200 has no health path in HTML."""
    return (
        answer.status == 200 and answer.path == answer.asked and not (found.catches_all and answer.kind == "text/html")
    )


def _openapi(answer: Answer) -> dict[str, Any]:
    if answer.status != 200:
        return {}
    try:
        document = json.loads(answer.text)
    except ValueError:
        return {}
    is_one = isinstance(document, dict) and ("openapi" in document or "swagger" in document)
    return document if is_one and isinstance(document.get("paths"), dict) else {}


def operations(document: dict[str, Any]) -> list[tuple[str, str, dict[str, Any]]]:
    """List method, path and description of each operation."""
    methods = {"get", "put", "post", "delete", "patch", "head", "options"}
    return [
        (method.upper(), str(path), operation)
        for path, item in document.get("paths", {}).items()
        if isinstance(item, dict)
        for method, operation in item.items()
        if method in methods and isinstance(operation, dict)
    ]


def _examples(looker: Looker, document: dict[str, Any]) -> list[Answer]:
    """Ask what can be asked without knowing anything: operations that read, without a parameter."""
    plain = [path for method, path, _ in operations(document) if method == "GET" and "{" not in path]
    found = [answer for path in plain[: 2 * MOST_EXAMPLES] if (answer := looker.get(path)) and answer.status < 500]
    return found[:MOST_EXAMPLES]


def _pages(looker: Looker, root: Answer, first: Page | None) -> list[Answer]:
    if first is None:
        return []
    pages = [root]
    for link in first.links:
        target = urlsplit(urljoin(f"{looker.url}{root.path}", link))
        same = target[:2] == urlsplit(looker.url)[:2]
        if not same or "logout" in target.path or "signout" in target.path:
            continue
        answer = looker.get(target.path or "/")
        if answer and answer.is_page and answer.path not in {page.path for page in pages}:
            pages.append(answer)
        if len(pages) == MOST_PAGES:
            break
    return pages


def _sign_in(looker: Looker, first: Page | None) -> tuple[Answer, Form] | None:
    """Find a form with a password field, on the root, where a link leads that says so, or on a usual path."""
    linked = [urlsplit(link).path for link in (first.links if first else ()) if "login" in link or "sign" in link]
    for path in dict.fromkeys(["/", *(path for path in linked if path.startswith("/")), *SIGN_IN]):
        answer = looker.get(path)
        if answer and answer.is_page:
            for form in Page(answer.text).forms:
                if any(field.kind == "password" for field in form.fields):
                    return answer, form
    return None


def _cookies(answers: Sequence[Answer]) -> list[Cookie]:
    found: dict[str, Cookie] = {}
    for answer in answers:
        for line in answer.headers.get_list("set-cookie"):
            try:
                parsed = SimpleCookie(line)
            except CookieError:
                continue
            for name, morsel in parsed.items():
                lacks = tuple(flag for flag in ("secure", "httponly", "samesite") if not morsel[flag])
                found[name] = Cookie(name=name, lacks=lacks)
    return list(found.values())


def _build(answers: Sequence[Answer], found: Guesses) -> Build | None:
    for answer in answers:
        for name in BUILDS:
            if says := answer.headers.get(name):
                return Build(path=answer.path, header=name, says=says)
    for answer in found.health:
        for field, says in _fields(answer):
            return Build(path=answer.path, field=field, says=says)
    version = found.document.get("info", {}).get("version") if isinstance(found.document.get("info"), dict) else None
    if found.openapi and isinstance(version, str) and version:
        return Build(path=found.openapi.path, field="info.version", says=version)
    return None


def _fields(answer: Answer) -> list[tuple[str, str]]:
    try:
        value = json.loads(answer.text)
    except ValueError:
        return []
    given = value if isinstance(value, dict) else {}
    return [(name, given[name]) for name in FIELDS if isinstance(given.get(name), str) and given[name]]
