"""A release to look at, what every table of release.toml must fit, and a look at it."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import httpx
import msgspec

from evidence import release as releases
from evidence.release import Release
from fixtures.target import Target
from load.config import Load
from restore_drills.contract import Backup
from suites.init.client import Looker
from suites.init.look import Seen, look
from suites.init.tables import write
from suites.integration.contract import Api, Configuration, Database, Health
from suites.security.contract import (
    Access,
    Account,
    Audit,
    Cors,
    CrossSite,
    Csrf,
    Headers,
    Injection,
    Input,
    Keys,
    RateLimit,
    Session,
    Ssrf,
    Tls,
    Webhook,
)
from suites.smoke.contract import Smoke

TREE = Path(__file__).parents[2]
URL = "https://staging.shop.example"
CONTRACT: dict[str, type[msgspec.Struct]] = {
    "target": Target,
    "health": Health,
    "api": Api,
    "database": Database,
    "security.headers": Headers,
    "security.cors": Cors,
    "security.account": Account,
    "security.csrf": Csrf,
    "security.keys": Keys,
    "security.rate_limit": RateLimit,
    "security.injection": Injection,
    "security.access": Access,
    "security.cross_site": CrossSite,
    "security.session": Session,
    "security.tls": Tls,
    "security.input": Input,
    "security.ssrf": Ssrf,
    "security.webhook": Webhook,
    "security.audit": Audit,
    "security.configuration": Configuration,
    "smoke": Smoke,
    "load": Load,
    "backup": Backup,
}
KEYS = ("READ", "WRITE", "REVOKED", "USER", "OTHER", "ADMIN")
NAMES = ("USER", "PASSWORD", *(f"KEY_{name}" for name in KEYS), "WEBHOOK_SECRET")
Answer = Callable[[], httpx.Response]
PAGE = """<title>A shop</title><link rel=stylesheet href=/site.css><a href="/items/1">One</a><a href="/items/22">Two</a>
<a href="https://other.example/">Other</a><a href="/logout">x</a><a href="/price.pdf">Prices</a><a href=//evil.example>
<a href="/invite/9f86d081884c7d65">Mine</a><a href="/help?token=9f86d081">Help</a>
<form action="/search"><input name="q"></form>"""
LOGIN = """<form method="post" action="/session"><input type="hidden" name="csrf_token" value="hush">
<input type="hidden" name="next" value="hush"><input name="email"><input type="password" name="pw"></form>"""
DOCUMENT: dict[str, Any] = {
    "openapi": "3.1.0",
    "info": {"version": "2.14.0"},
    "servers": [{"url": "/api"}],
    "paths": {
        "/items": {
            "get": {"parameters": [{"name": "q", "in": "query", "schema": {"type": "string"}}]},
            "post": {},
        },
        "/orders": {"get": {}},
        "/broken": {"get": {}},
        "/items/{id}": {"get": {}},
        "/sums": {"get": {"parameters": [{"name": "of", "in": "query", "required": True}]}},
    },
    "components": {"securitySchemes": {"key": {"type": "apiKey", "in": "header", "name": "X-Key"}}},
}


SWAGGER = {"swagger": "2.0", "info": {"version": "1.23"}, "basePath": "/v1", "paths": {"/items": {"get": {}}}}


def html(text: str, **headers: str) -> httpx.Response:
    """Answer with a page."""
    return httpx.Response(200, html=text, headers=headers)


SHOP: dict[str, Answer] = {
    "/": lambda: html(
        PAGE,
        **{
            "content-security-policy": "default-src 'self'; script-src 'nonce-hush'",
            "set-cookie": "sid=hush; Secure; Path=/",
            "cache-control": "no-store",
        },
    ),
    "/items/1": lambda: html("<p>items"),
    "/help": lambda: html("<p>help"),
    "/login": lambda: html(LOGIN),
    "/healthz": lambda: httpx.Response(
        200,
        json={"status": "ok", "password": "hush", "app": {"version": "2.14.0"}},
        headers={"x-ratelimit-limit": "30"},
    ),
    "/api/health/db": lambda: httpx.Response(503, json={"database": "gone"}),
    "/site.css": lambda: httpx.Response(200, text="", headers={"cache-control": "max-age=60"}),
    "/openapi.json": lambda: httpx.Response(200, json=DOCUMENT),
    "/api/items": lambda: httpx.Response(200, json=[]),
    "/api/orders": lambda: httpx.Response(401, json={}),
    "/api/broken": lambda: httpx.Response(500, json={}),
}


def seen(answers: Mapping[str, Answer], url: str = URL) -> tuple[Seen, list[httpx.Request]]:
    """Look at a release that answers so, and with 404 otherwise; return what was seen, and what was asked."""
    asked: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return answers.get(request.url.path, lambda: httpx.Response(404, html="<p>gone"))()

    return look(Looker(url, lambda _: None, httpx.MockTransport(answer))), asked


def written(answers: Mapping[str, Answer]) -> str:
    """Write what is seen of a release that answers so."""
    return write(seen(answers)[0], has_sources=True)


def loaded(tmp_path: Path, text: str) -> Release:
    """Load what was written as the suite does, every table of it as its stage does."""
    (tmp_path / "release.toml").write_text(text, encoding="utf-8")
    release = releases.load(tmp_path / "release.toml")
    for name, shape in CONTRACT.items():
        if name in tables(text):
            release.section(name, shape)
    assert all(name.startswith((*CONTRACT, "source")) for name in tables(text))
    return release


def tables(text: str) -> set[str]:
    """The names of the tables of a file."""
    return set(re.findall(r"^\[+([^\]]+)\]+$", text, re.MULTILINE))


def rooms(text: str) -> set[str]:
    """The names of the tables, and of those that they are in."""
    return {".".join(name.split(".")[:depth]) for name in tables(text) for depth in range(1, name.count(".") + 2)}


def answered(text: str) -> str:
    """Take the tables beside the questions as they are proposed."""
    assigned = r"# (\[\[?[a-z_.]+\]\]?|[A-Za-z_-]+ = .*|    .*,|\])$"
    lines = itertools.takewhile(lambda line: not line.startswith("# [not_applicable] is yours"), text.splitlines())
    taken = [line[2:] if re.match(assigned, line) else line for line in lines]
    return "\n".join(line for line in taken if not line.startswith(("# seen: ", "#   "))) + "\n"
