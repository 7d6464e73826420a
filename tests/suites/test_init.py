"""A first release.toml says what was seen, asks what was not, and believes nothing that the release says of itself."""

from __future__ import annotations

import json
import re
from pathlib import Path

import httpx
import pytest

from fixtures.target import Target
from suites.init import client
from suites.integration.contract import Api, Health
from suites.security.contract import (
    Account,
    Cors,
    Headers,
    Injection,
    RateLimit,
)
from suites.smoke.contract import Smoke
from tests.reports.test_hostile import TEXTS
from tests.suites.init_shop import (
    CONTRACT,
    DOCUMENT,
    LOGIN,
    NAMES,
    SHOP,
    SWAGGER,
    TREE,
    URL,
    Answer,
    answered,
    html,
    loaded,
    rooms,
    seen,
    tables,
    written,
)


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "GAP_S", 0)
    monkeypatch.setattr("suites.init.tls.seen", lambda *_: ["TLSv1.3"])


def test_what_was_seen_is_declared_and_can_be_read_by_every_stage(tmp_path: Path) -> None:
    """Health, document, examples, pages, headers and build stand in tables that the stages take as they are."""
    release = loaded(tmp_path, written(SHOP))
    api = release.section("api", Api)
    headers = release.section("security.headers", Headers)

    assert ("shop", "2.14.0", ("src",)) == (release.name, release.version, release.source.paths)
    assert ("/healthz",) == release.section("health", Health).paths
    assert [("/api/items", 200), ("/api/orders", 401)] == [(one.path, one.expect) for one in api.examples]
    assert ("/", "/items/1", "/help", "/login") == release.section("smoke", Smoke).pages == headers.pages
    assert ["/healthz", "/api/items"] == [request.path for request in headers.api]
    assert {"path": "/healthz", "field": "app.version"} == release.target["build"]
    assert Injection(api=("/api/items?q={probe}",), pages=("/search?q={probe}",)) == release.section(
        "security.injection", Injection
    )
    assert () == release.section("security.cors", Cors).allowed


def test_every_guess_says_what_it_rests_on() -> None:
    """The comments name answers, headers, cookies with flags, fields and limits, and no value that may be secret."""
    text = written(SHOP).replace("\n# ", " ")

    for says in (
        "seen: GET /healthz answered 200 in ",
        "seen: GET /api/health/db answered 503",
        "seen: /openapi.json: openapi 3.1.0, 6 operations, 1 of them change something",
        "seen: /: content-security-policy: default-src 'self'; script-src 'nonce-…'",
        "seen: /: strict-transport-security: none",
        "seen: /: cache-control: no-store",
        "seen: /site.css: cache-control: max-age=60",
        "seen: / sets the cookie sid: secure, path=/",
        "seen: /healthz: x-ratelimit-limit: 30",
        "seen: /login: a form that goes to /session, which `page` is not: the form is sent to `page`",
        "seen: /login: a hidden field csrf_token",
        "seen: /login: other hidden fields: next",
        "the origin https://release-verification.invalid is answered nothing",
        "seen: TLSv1.3",
        "seen: the OpenAPI document says that keys go in X-Key",
    ):
        assert says in text
    assert "hush" not in text
    assert "9f86d081" not in text


def test_the_tables_beside_the_questions_fit_their_contract_too(tmp_path: Path) -> None:
    """Who takes every proposal as it stands, has a file that every stage can read."""
    text = answered(written(SHOP))
    release = loaded(tmp_path, text)
    account = release.section("security.account", Account)

    assert set(CONTRACT) <= rooms(text)
    assert ("/login", "csrf_token", "sid") == (account.page, account.csrf_field, account.session_cookie)
    assert {"email": "${SHOP_USER}", "pw": "${SHOP_PASSWORD}"} == account.form
    assert 30 == release.section("security.rate_limit", RateLimit).per_minute
    assert ("write", "attack", "load") == release.section("target", Target).allow


def listed(*names: str) -> dict[str, object]:
    """An operation that takes these texts in its query."""
    return {"get": {"parameters": [{"name": name, "in": "query", "type": "string"} for name in names]}}


def test_a_guess_is_of_what_answers(tmp_path: Path) -> None:
    """Origins where somebody may read, or by the status that all get; a text that is typed; a cookie of a session."""
    paths = {"/__heartbeat__": listed(), "/accounts": listed("_token", "id"), "/items": listed("page_token")}
    shop: dict[str, Answer] = {
        "/": lambda: httpx.Response(307, headers={"location": "/v1/"}),
        "/v1/": lambda: html(LOGIN, **{"set-cookie": "csrftoken=hush"}),
        "/swagger.json": lambda: httpx.Response(200, json={**SWAGGER, "paths": paths}),
        "/v1/__heartbeat__": lambda: httpx.Response(200, json={}),
        "/v1/accounts": lambda: httpx.Response(401, json={}),
        "/v1/items": lambda: httpx.Response(200, json=[]),
    }
    released = loaded(tmp_path, answered(written(shop)))
    gone = dict.fromkeys(("/v1/items", "/v1/__heartbeat__"), shop["/v1/accounts"])
    closed = loaded(tmp_path, written({**shop, **gone}))
    cors = [release.section("security.cors", Cors) for release in (released, closed)]
    injection = released.section("security.injection", Injection)

    assert [("/v1/items", 200), ("/v1/__heartbeat__", 401)] == [(each.path, each.expect) for each in cors]
    assert ("/v1/accounts?id={probe}", "/v1/items?page_token={probe}") == injection.api
    assert ("wall", {"Authorization": "Bearer ${SHOP_KEY_READ}"}) == (injection.harmless, injection.headers)
    assert "session" == released.section("security.account", Account).session_cookie


def test_what_was_not_found_is_a_question_and_nothing_is_allowed(tmp_path: Path) -> None:
    """A release of which nothing is known has a question for each gap, and no word that lets anything pass."""
    text = written({"/": lambda: httpx.Response(200, text="hello")})
    release = loaded(tmp_path, text)

    assert {"source", "target", "security.cors"} == tables(text)
    assert 18 <= text.count("# QUESTION:")
    assert set(CONTRACT) <= rooms(answered(text))
    assert {} == release.not_applicable
    assert {"url", "health"} == set(release.target)


def test_every_table_of_the_reference_release_is_asked_for() -> None:
    """What the reference release declares, another one is asked for: a table that is new here is new there."""
    declared = {".".join(name.split(".")[:2]) for name in tables((TREE / "release.toml").read_text())}
    asked = rooms(answered(written({"/": lambda: httpx.Response(200, text="hello")})))

    assert {"security.injection.stored", "security.ssrf.fields", "security.access.rules"} <= asked
    assert set() == {name for name in declared if name.startswith(("security.", "backup.", "load."))} - asked


def test_an_application_that_answers_everything_has_no_health_path() -> None:
    """A page that comes for every path is not taken for a sign of health, a form, or a document."""

    class Everything(dict[str, Answer]):
        def get(self, _key: str, _default: object = None) -> Answer:
            return lambda: html(LOGIN)

    found, _ = seen(Everything())

    assert ([], None, 1) == (found.health, found.document, len(found.pages))


def test_a_release_below_a_path_is_looked_at_there() -> None:
    """The address's own path stands before every path that is asked, and is not written twice."""
    below: dict[str, Answer] = {
        "/shop/": lambda: html('<a href="/shop/cart">Cart</a><a href="/admin">Other</a>'),
        "/shop/cart": lambda: html("<p>cart"),
    }
    found, asked = seen(below, f"{URL}/shop")

    assert ["/", "/cart"] == [page.path for page in found.pages]
    assert all(request.url.path.startswith("/shop/") for request in asked if request.url.scheme == "https")


@pytest.mark.parametrize("text", [*TEXTS, '"]\n[not_applicable]\nX-001 = "no', "${HOME}", "'''", '"""'])
def test_a_hostile_release_writes_no_line_of_the_file(text: str, tmp_path: Path) -> None:
    """Whatever links, headers, fields and documents say stays within comments and strings, and names no variable."""
    document = {
        **DOCUMENT,
        "info": {"version": text, "title": text},
        "servers": [{"url": f"/{text}"}],
        "paths": {
            f"/api/{text}": {"get": {"parameters": [{"name": text, "in": "query", "type": "string"}]}, "post": {}}
        },
        "components": {"securitySchemes": {"key": {"type": "apiKey", "in": "header", "name": text}}},
    }
    header = "".join(each for each in text if each.isascii() and each.isprintable()).strip()
    hostile: dict[str, Answer] = {
        "/": lambda: html(
            f'<title>{text}</title><a href="/{text}">x</a><form action="/{text}"><input name="{text}"></form>',
            **{"x-ratelimit-limit": header, "cache-control": header, "x-version": header, "set-cookie": f"{header}=1"},
        ),
        "/healthz": lambda: httpx.Response(200, text=json.dumps({"version": text, text: {"version": "1.0"}})),
        "/openapi.json": lambda: httpx.Response(200, text=json.dumps(document)),
        "/login": lambda: html(LOGIN.replace("email", text.replace('"', ""))),
    }
    wrote = written(hostile)
    release = loaded(tmp_path, wrote)

    assert {"target", "security.cors", "api"} <= tables(wrote)
    assert {} == release.not_applicable
    assert all(each.isprintable() or each == "\n" for each in wrote)
    assert set(re.findall(r"\$\{(\w+)", answered(wrote))) <= {"NAME", *(f"SHOP_{name}" for name in NAMES)}
