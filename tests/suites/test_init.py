"""A first release.toml says what was seen, asks what was not, and believes nothing that the release says of itself."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable, Mapping
from pathlib import Path

import httpx
import pytest

from evidence import release as releases
from evidence.release import Release
from load.config import Load
from suites.init import look
from suites.init.__main__ import main
from suites.init.guess import Guesses, guess
from suites.init.look import MOST_REQUESTS, Looker, Unreachable
from suites.init.write import render
from suites.integration.contract import Api, Health
from suites.security.contract import Headers
from suites.smoke.contract import Smoke
from tests.reports.test_hostile import TEXTS

URL = "https://shop.example"
WHEN = dt.datetime(2026, 3, 1, tzinfo=dt.UTC)
Answers = Mapping[str, httpx.Response]
PAGE = (
    '<title>A shop</title><a href="/items">Items</a><a href="https://other.example/">Other</a><a href="/logout">x</a>'
)
LOGIN = (
    '<form method="post"><input type="hidden" name="csrf"><input name="email"><input type="password" name="pw"></form>'
)
DOCUMENT = {
    "openapi": "3.1.0",
    "info": {"version": "2.14.0"},
    "paths": {"/api/items": {"get": {}, "post": {}}, "/api/items/{id}": {"get": {}}},
}


def html(text: str, **headers: str) -> httpx.Response:
    """Answer with a page."""
    return httpx.Response(200, html=text, headers=headers)


SHOP: dict[str, Callable[[], httpx.Response]] = {
    "/": lambda: html(PAGE, **{"content-security-policy": "default-src 'self'", "set-cookie": "sid=secret; Secure"}),
    "/items": lambda: html("<p>items"),
    "/login": lambda: html(LOGIN),
    "/healthz": lambda: httpx.Response(200, json={"status": "ok"}, headers={"x-ratelimit-limit": "60"}),
    "/openapi.json": lambda: httpx.Response(200, json=DOCUMENT),
    "/api/items": lambda: httpx.Response(401, json={}),
}


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(look, "PAUSE_S", 0)


def seen(answers: Mapping[str, Callable[[], httpx.Response]]) -> tuple[Guesses, list[httpx.Request]]:
    """Look at a release that answers so, and with 404 otherwise; return what was guessed, and what was asked."""
    asked: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return answers.get(request.url.path, lambda: httpx.Response(404, html="<p>gone"))()

    return guess(Looker(URL, httpx.MockTransport(answer)), lambda _: None), asked


def loaded(tmp_path: Path, text: str) -> Release:
    """Load what was written as the suite does."""
    (tmp_path / "release.toml").write_text(text, encoding="utf-8")
    return releases.load(tmp_path / "release.toml")


def test_what_was_seen_is_declared_and_can_be_read_by_every_stage(tmp_path: Path) -> None:
    """Health, document, examples, pages, build and load stand in tables that the stages take as they are."""
    release = loaded(tmp_path, render(seen(SHOP)[0], WHEN))
    api = release.section("api", Api)

    assert ("shop-example", "2.14.0") == (release.name, release.version)
    assert ("/healthz",) == release.section("health", Health).paths
    assert ("/openapi.json", [("/api/items", 401)]) == (api.openapi, [(one.path, one.expect) for one in api.examples])
    assert (
        ("/", "/items") == release.section("smoke", Smoke).pages == release.section("security.headers", Headers).pages
    )
    assert {"path": "/openapi.json", "field": "info.version"} == release.target["build"]
    assert ["/", "/items"] == [request.path for request in release.section("load", Load).requests]


def test_every_guess_says_what_it_rests_on() -> None:
    """The comments name the answer, the header, the cookie and its missing flags, and no value of a cookie."""
    text = render(seen(SHOP)[0], WHEN)

    for says in (
        "# seen: GET /healthz answered 200",
        "# seen: GET /openapi.json answered 200",
        "with 3 operations",
        "# seen: the root's content-security-policy is default-src 'self'",
        "# seen: the root's strict-transport-security is not there",
        "# seen: the cookie sid without httponly, samesite",
        "# seen: x-ratelimit-limit: 60",
        "with a form of csrf (hidden), email (text), pw (password)",
        '# form = { email = "${SHOP_USER_NAME}", pw = "${SHOP_USER_PASSWORD}" }',
    ):
        assert says in text
    assert "secret" not in text.replace("No secret", "")


def test_what_was_not_found_is_a_question_and_nothing_is_allowed(tmp_path: Path) -> None:
    """A release of which nothing is known has a question for each gap, and no word that lets anything pass."""
    text = render(seen({"/": lambda: httpx.Response(200, text="hello")})[0], WHEN)
    release = loaded(tmp_path, text)

    assert 12 <= text.count("# QUESTION:")
    assert ({}, {}, {}, {}) == (release.not_applicable, release.health, release.api, release.smoke)
    assert "allow" not in release.target
    assert "build" not in release.target


def test_it_only_reads_from_one_origin_and_little() -> None:
    """Nothing but GET, nobody else, no way out of a session, and no more requests than promised."""
    everywhere = {f"/{number}": (lambda: html(PAGE)) for number in range(500)}
    links = "".join(f'<a href="/{number}">' for number in range(500))
    _, asked = seen({"/": lambda: html(links), **everywhere})
    _, shop = seen(SHOP)

    assert {"GET"} == {request.method for request in (*asked, *shop)}
    assert {"shop.example"} == {request.url.host for request in (*asked, *shop)}
    assert "/logout" not in {request.url.path for request in shop}
    assert max(len(asked), len(shop)) <= MOST_REQUESTS
    assert all(request.headers["user-agent"].startswith("release-verification") for request in shop)


def test_an_application_that_answers_everything_has_no_health_path() -> None:
    """A page that comes for every path is not taken for a sign of health."""

    class Everything(dict[str, Callable[[], httpx.Response]]):
        def get(self, _key: str, _default: object = None) -> Callable[[], httpx.Response]:
            return lambda: html(PAGE)

    found, _ = seen(Everything())

    assert (True, []) == (found.catches_all, found.health)


@pytest.mark.parametrize("text", TEXTS)
def test_a_hostile_release_writes_no_line_of_the_file(text: str, tmp_path: Path) -> None:
    """Whatever titles, headers, fields and documents say, it stays within comments and strings."""
    document = {**DOCUMENT, "info": {"version": text}, "paths": {f"/api/{text}": {"get": {}, "post": {}}}}
    field = text.replace('"', "").replace("<", "").replace(">", "")
    hostile = {
        "/": lambda: html(
            f"<title>{text}</title>", **{"x-ratelimit-x": "".join(filter(str.isascii, text)).strip()[:50]}
        ),
        "/healthz": lambda: httpx.Response(200, text=json.dumps({"version": text})),
        "/openapi.json": lambda: httpx.Response(200, text=json.dumps(document)),
        "/login": lambda: html(LOGIN.replace("email", field)),
    }
    wrote = render(seen(hostile)[0], WHEN)
    release = loaded(tmp_path, wrote)
    tables = {line for line in wrote.splitlines() if line.startswith("[")}

    assert release.version in {text, "0"}
    assert tables <= {
        "[source]", "[target]", "[target.build]", "[health]", "[api]", "[[api.examples]]", "[security.headers]",
        "[smoke]", "[load]", "[[load.requests]]",
    }  # fmt: skip
    assert {} == release.not_applicable


def test_redirects_are_followed_within_reason() -> None:
    """A loop ends, another origin is not gone to, and what a redirect leads to is named."""
    answers = {
        "/": lambda: httpx.Response(302, headers={"location": "/home"}),
        "/home": lambda: html(PAGE),
        "/healthz": lambda: httpx.Response(302, headers={"location": "/healthz"}),
        "/health": lambda: httpx.Response(302, headers={"location": "https://evil.example/"}),
    }
    found, asked = seen(answers)

    assert (("/", "/home"), []) == ((found.root.asked, found.root.path), found.health)
    assert {"shop.example"} == {request.url.host for request in asked}
    assert 4 == sum(request.url.path == "/healthz" for request in asked)


def test_a_flood_is_cut(tmp_path: Path) -> None:
    """A page without end costs no more than its first megabytes."""
    text = render(seen({"/": lambda: html("<title>" + "x" * 5_000_000)})[0], WHEN)

    assert len(text) < 20_000
    loaded(tmp_path, text)


def test_nobody_there_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A dead address writes no file."""
    path = tmp_path / "release.toml"

    assert 2 == main(["http://127.0.0.1:1", "--to", str(path)])
    assert "init: http://127.0.0.1:1 does not answer" in capsys.readouterr().err
    assert not path.exists()
    with pytest.raises(Unreachable):
        Looker("http://127.0.0.1:1").get("/")


@pytest.mark.parametrize("url", ["shop.example", "ftp://shop.example", "https://me:hush@shop.example", f"{URL}/a"])
def test_only_an_origin_is_looked_at(url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A password in the address, a path and another scheme are refused with the mend."""
    assert 2 == main([url, "--to", str(tmp_path / "release.toml")])
    assert "write the origin alone" in capsys.readouterr().err


def test_a_file_that_is_there_is_left_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Nobody's contract is overwritten."""
    path = tmp_path / "release.toml"
    path.write_text("mine")

    assert (2, "mine") == (main([URL, "--to", str(path)]), path.read_text())
    assert "is there already" in capsys.readouterr().err
