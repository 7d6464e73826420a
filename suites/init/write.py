"""Write what was guessed as release.toml: each guess with what was seen, each gap with a question."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import tomli_w

from suites.init.guess import Guesses, operations
from suites.init.look import Answer

LONGEST = 160
HEADERS = (
    "content-security-policy",
    "strict-transport-security",
    "x-content-type-options",
    "referrer-policy",
    "permissions-policy",
    "cache-control",
)


def render(found: Guesses, when: dt.datetime) -> str:
    """Write the whole file."""
    blocks = (_top, _target, _health, _api, _security, _account, _smoke, _load, _rest)
    head = (
        f"# Written by `nox -s init` after a look at {_plain(found.url)} on {when:%Y-%m-%d}.\n"
        "# Each guess says what was seen. A QUESTION is for you: until it is answered, its checks are not verified,\n"
        "# which holds the release. What your release does not have belongs under [not_applicable], with a reason.\n"
        "# No secret belongs here: write ${NAME}, and set the variable NAME.\n"
    )
    return "\n".join([head, *("\n".join(block(found)) + "\n" for block in blocks)])


def _top(found: Guesses) -> Iterator[str]:
    host = urlsplit(found.url).hostname or "release"
    if found.title:
        yield _seen(f"the root's title is {found.title}")
    yield _pair("name", re.sub(r"[^a-z0-9]+", "-", host.lower()).strip("-") or "release")
    if found.build:
        yield _seen(f"{_where(found)} says {found.build.says}")
        yield "# QUESTION: is this the version, or the commit, that you are about to promote?"
    else:
        yield "# QUESTION: which version are you about to promote?"
    yield _pair("version", found.build.says if found.build else "0")
    yield ""
    yield "[source]"
    yield "# QUESTION: which paths, relative to this file, is it built from, and what checks them? Any language."
    yield 'paths = ["src"]'
    yield '# lint = [["npm", "run", "lint"]]'
    yield '# types = [["npx", "tsc", "--noEmit"]]'
    yield '# unit = ["npm", "test", "--", "--reporter=junit", "--output={junit}"]'
    yield '# requirements = ["requirements.txt"]'


def _target(found: Guesses) -> Iterator[str]:
    yield "[target]"
    yield _pair("url", found.url)
    if found.health:
        yield _seen(str(found.health[0]))
        yield _pair("health", found.health[0].path)
    else:
        yield "# QUESTION: which path answers 200 once the release serves?"
        yield _pair("health", found.root.path)
    yield "# QUESTION: may this deployment be written to, attacked, put under load? Never production."
    yield '# allow = ["write", "attack", "load"]'
    yield "# QUESTION: which variable holds the address of its database, as a superuser?"
    yield '# database_env = "SHOP_DATABASE_URL"'
    if found.build:
        yield ""
        yield _seen(f"{_where(found)} says {found.build.says}")
        yield "[target.build]"
        for name in ("path", "header", "field"):
            if value := getattr(found.build, name):
                yield _pair(name, value)
    else:
        yield "# QUESTION: where does the deployment tell its version or commit? Without that nothing counts."
        yield '# build = { path = "/version", field = "commit" }'


def _health(found: Guesses) -> Iterator[str]:
    if found.health:
        yield from map(_seen, map(str, found.health))
        yield "[health]"
        yield _pair("paths", [answer.path for answer in found.health])
        yield "# QUESTION: which of them follow a database, a cache, a queue, and how is each taken away for a moment?"
    else:
        yield "# QUESTION: no usual health path answers. Which does?"
        yield "# [health]"
        yield '# paths = ["/health"]'
    yield "# [health.dependencies]"
    yield '# database = "/health/db"        # with `database_down` and `database_up` under [target.hooks]'


def _api(found: Guesses) -> Iterator[str]:
    if not found.openapi:
        yield "# QUESTION: no usual path has an OpenAPI document. Where is it?"
        yield "# [api]"
        yield '# openapi = "/openapi.json"'
        return
    listed = operations(found.document)
    yield _seen(f"{found.openapi}, with {len(listed)} operations")
    yield "[api]"
    yield _pair("openapi", found.openapi.path)
    for answer in found.examples:
        yield ""
        yield _seen(str(answer))
        yield "[[api.examples]]"
        yield _pair("path", answer.path)
        if answer.status != 200:
            yield f"expect = {answer.status}"
    writes = [f"{method} {path}" for method, path, _ in listed if method in {"POST", "PUT", "PATCH", "DELETE"}]
    if writes:
        yield ""
        yield f"# QUESTION: what is made and removed by these ([[api.resources]])? {_plain(', '.join(writes[:8]))}"


def _security(found: Guesses) -> Iterator[str]:
    for name in HEADERS:
        yield _seen(f"the root's {name} is {found.root.headers.get(name, 'not there')}")
    if urlsplit(found.url).scheme != "https":
        yield _seen("plain http, so that TLS could not be looked at")
    if found.pages:
        yield "[security.headers]"
        yield _pair("pages", [page.path for page in found.pages])
        if api := [answer.path for answer in found.examples if answer.kind == "application/json"]:
            yield _pair("api", [{"path": path} for path in api])
    else:
        yield "# QUESTION: the root is no page. Which pages have people, if any?"
        yield "# [security.headers]"
        yield '# pages = ["/"]'
    yield ""
    yield _seen(f"asked from another origin, the root allows {found.foreign_origin or 'none'}")
    yield "# QUESTION: which origins may read the API from a browser?"
    yield "# [security.cors]"
    yield '# path = "/api/orders"'
    yield '# allowed = ["https://app.example"]'
    yield ""
    if found.limits:
        yield _seen("; ".join(f"{name}: {value}" for name, value in found.limits.items()))
    yield "# QUESTION: how many requests may one client send, and how many at once?"
    yield "# [security.rate_limit]"
    yield "# per_minute = 60"
    yield "# burst = 100"
    yield '# request = { path = "/api/orders" }'


def _account(found: Guesses) -> Iterator[str]:
    for cookie in found.cookies:
        lacks = f" without {', '.join(cookie.lacks)}" if cookie.lacks else " with all its flags"
        yield _seen(f"the cookie {cookie.name}{lacks}")
    if not found.sign_in:
        yield "# QUESTION: no form with a password was found. How does somebody sign in?"
        yield "# [security.account]"
        return
    page, form = found.sign_in
    hidden = [field.name for field in form.fields if field.kind == "hidden"]
    yield _seen(f"{page}, with a form of {', '.join(f'{field.name} ({field.kind})' for field in form.fields)}")
    yield "# QUESTION: who may sign in here, which cookie is the session, and what is only for who is signed in?"
    yield "# [security.account]"
    yield f"# {_pair('page', page.path)}"
    if hidden:
        yield f"# {_pair('csrf_field', hidden[0])}"
    values = {
        field.name: "${SHOP_USER_PASSWORD}" if field.kind == "password" else "${SHOP_USER_NAME}"
        for field in form.fields
        if field.kind in {"text", "email", "password"}
    }
    inside = ", ".join(_pair(name, value) for name, value in values.items())
    yield f"# form = {{ {inside} }}"
    yield f"# {_pair('session_cookie', found.cookies[0].name if found.cookies else 'session')}"
    yield '# signed_in = { path = "/account" }'


def _smoke(found: Guesses) -> Iterator[str]:
    if found.pages:
        yield from (_seen(str(page)) for page in found.pages)
        yield "[smoke]"
        yield _pair("pages", [page.path for page in found.pages])
        yield "# QUESTION: where are your own browser tests (pytest-playwright)?"
        yield '# journeys = ["tests/journeys"]'
    else:
        yield "# QUESTION: no page was found. Which ones matter?"
        yield "# [smoke]"
        yield '# pages = ["/"]'


def _load(found: Guesses) -> Iterator[str]:
    reading: list[Answer] = [answer for answer in found.examples if answer.status == 200] or found.pages
    yield "# QUESTION: how many requests a second must it bear? 10 is only a beginning."
    if not reading:
        yield "# [load]"
        return
    yield "[load]"
    yield "rate_per_s = 10"
    yield "duration_s = 30"
    for answer in reading[:3]:
        yield "[[load.requests]]"
        yield _pair("name", answer.path[:100])
        yield _pair("path", answer.path)


def _rest(_: Guesses) -> Iterator[str]:
    yield "# QUESTION: what writes a backup of the database?"
    yield "# [backup]"
    yield '# dump = ["pg_dump", "--format=directory", "--snapshot={snapshot}", "--file={file}"]'
    yield '# globals = ["pg_dumpall", "--globals-only", "--file={file}"]'


def _where(found: Guesses) -> str:
    build = found.build
    if build is None:
        return ""
    what = f"header {build.header} of " if build.header else f"{build.field} of " if build.field else ""
    return f"{what}GET {build.path}"


def _pair(name: str, value: Any) -> str:  # noqa: ANN401 - what TOML can hold
    """Write one key and its value on one line."""
    return f"{tomli_w.dumps({name: 0}).rpartition(' = ')[0]} = {_value(value)}"


def _value(value: Any) -> str:  # noqa: ANN401 - what TOML can hold
    if isinstance(value, list):
        return f"[{', '.join(map(_value, value))}]"
    if isinstance(value, dict):
        return f"{{ {', '.join(_pair(name, inner) for name, inner in value.items())} }}"
    return tomli_w.dumps({"a": value}).strip().removeprefix("a = ")


def _seen(text: str) -> str:
    return f"# seen: {_plain(text)}"


def _plain(text: str) -> str:
    """Make a text of the release harmless in a comment: one line, visible, short."""
    line = " ".join("".join(character if character.isprintable() else " " for character in text).split())
    return line if len(line) <= LONGEST else f"{line[:LONGEST]}…"
