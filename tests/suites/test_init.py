"""A first release.toml says what was seen, asks what was not, and believes nothing that the release says of itself."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest

from evidence import release as releases
from evidence.release import Release
from fixtures.target import Target
from load.config import Load
from restore_drills.contract import Backup
from suites.init import client
from suites.init.__main__ import main
from suites.init.client import MOST_REQUESTS, Looker
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
from tests.reports.test_hostile import TEXTS

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


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "GAP_S", 0)
    monkeypatch.setattr("suites.init.tls.seen", lambda *_: ["TLSv1.3"])


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
    assert set() == {name for name in declared if name.startswith("security.")} - asked


def test_it_only_reads_from_one_origin_and_little() -> None:
    """Nothing but GET and HEAD, nobody else, no way out of a session, no cookie, no more requests than promised."""
    links = "".join(f'<a href="/{"x" * number}">' for number in range(1, 300))
    everywhere: dict[str, Answer] = {f"/{'x' * number}": (lambda: html(PAGE)) for number in range(300)}
    _, many = seen({"/": lambda: html(links), **everywhere})
    _, shop = seen(SHOP)
    asked = [*many, *shop]

    assert {"GET", "HEAD"} == {request.method for request in asked}
    assert {"staging.shop.example"} == {request.url.host for request in asked}
    assert {"/logout", "/price.pdf", "/items/22"}.isdisjoint(request.url.path for request in shop)
    assert max(len(many), len(shop)) <= MOST_REQUESTS
    assert all(request.headers["user-agent"].startswith("release-verification") for request in asked)
    assert not any("cookie" in request.headers for request in asked)


def test_it_asks_slowly_but_on_loopback(monkeypatch: pytest.MonkeyPatch) -> None:
    """Between two requests to somebody else's deployment there is a pause."""
    waited: list[float] = []
    monkeypatch.setattr(client, "GAP_S", 60)
    monkeypatch.setattr("suites.init.client.time.sleep", waited.append)
    for url in (URL, "http://127.0.0.1:1"):
        looker = Looker(url, lambda _: None, httpx.MockTransport(lambda _: httpx.Response(200)))
        looker.ask("/")
        looker.ask("/")

    assert [True, True, False, False] == [wait > 50 for wait in waited]


def test_it_stops_asking_when_it_asked_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was not asked any more is said, and is no absence."""
    monkeypatch.setattr(client, "MOST_REQUESTS", 10)
    found, asked = seen(SHOP)

    assert 10 == len(asked)
    assert found.left_out > 40
    assert f"{found.left_out} requests were not sent" in write(found, has_sources=False)


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


def test_redirects_are_followed_within_reason() -> None:
    """A loop ends, another origin is not gone to, and the page that the root leads to is the start page."""
    answers: dict[str, Answer] = {
        "/": lambda: httpx.Response(302, headers={"location": "/home"}),
        "/home": lambda: html(PAGE),
        "/login": lambda: httpx.Response(302, headers={"location": "/login"}),
        "/login/": lambda: httpx.Response(302, headers={"location": "https://evil.example/"}),
        "/signin": lambda: httpx.Response(302, headers={"location": "http://[evil"}),
    }
    found, asked = seen(answers)

    assert ("/home", None) == (found.root.path, found.login)
    assert {"staging.shop.example"} == {request.url.host for request in asked}
    assert 1 == sum(request.url.path == "/login" for request in asked)


def test_where_the_root_leads_into_a_folder_it_is_looked_for_there_too() -> None:
    """A service whose root leads to /v1/ has its heartbeat, version and document below it."""
    answers: dict[str, Answer] = {
        "/": lambda: httpx.Response(307, headers={"location": "/v1/"}),
        "/v1/": lambda: httpx.Response(200, json={"project_version": "26.5.0"}),
        "/v1/__heartbeat__": lambda: httpx.Response(200, json={"storage": True}),
        "/v1/__version__": lambda: httpx.Response(200, json={"version": "26.5.0"}),
        "/v1/__api__": lambda: httpx.Response(200, json=SWAGGER),
    }
    found, _ = seen(answers)

    assert ["/v1/__heartbeat__"] == [answer.path for answer in found.health]
    assert ["/v1/__version__", "/v1/", "/v1/__api__"] == [build.path for build in found.builds]
    assert found.document
    assert ("swagger 2.0", ("/v1/items",)) == (found.document.flavour, found.document.readable)


def test_the_written_file_is_there_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The command says each request and what is open, writes the file, and a second time leaves it alone."""
    transport = httpx.MockTransport(lambda request: SHOP.get(request.url.path, lambda: httpx.Response(404))())
    monkeypatch.setattr("suites.init.__main__.Looker", lambda url, say: Looker(url, say, transport))
    path = tmp_path / "release.toml"
    first = main([URL, "--to", str(path)])
    before = path.read_text()
    said = capsys.readouterr().err
    second = main([URL, "--to", str(path)])

    assert (0, 2, before) == (first, second, path.read_text())
    assert f"init:   1/{MOST_REQUESTS} GET / answered 200" in said
    assert re.search(
        r"release.toml: \d\d guesses to check, \d\d questions to answer; what stays open is not verified", said
    )
    assert f"{path}: is there already, and is not overwritten; name another with --to" in capsys.readouterr().err


def test_nobody_there_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A dead address writes no file."""
    path = tmp_path / "release.toml"

    assert 2 == main(["http://127.0.0.1:1", "--to", str(path)])
    assert "is the address right, and reached from here?" in capsys.readouterr().err
    assert not path.exists()


@pytest.mark.parametrize(
    ("url", "mend"),
    [
        ("shop.example", "is no address of a deployment"),
        ("ftp://shop.example", "is no address of a deployment"),
        ("https://me:hush@shop.example", "no secret may stand in release.toml"),
        ("https://shop.example/?key=hush", "is no address of a deployment"),
        ("https://shop.example:x", "is no address of a deployment"),
    ],
)
def test_only_an_address_is_looked_at(url: str, mend: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A password in the address, a query and another scheme are refused with the mend."""
    assert 2 == main([url, "--to", str(tmp_path / "release.toml")])
    assert mend in capsys.readouterr().err
