"""A look asks little, slowly, of one origin, and ends in one file or in one line."""

from __future__ import annotations

import re
from pathlib import Path

import httpx
import pytest

from suites.init import client
from suites.init.__main__ import main
from suites.init.client import MOST_REQUESTS, Looker
from suites.init.tables import write
from tests.suites.init_shop import PAGE, SHOP, SWAGGER, URL, Answer, html, seen


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "GAP_S", 0)
    monkeypatch.setattr("suites.init.tls.seen", lambda *_: ["TLSv1.3"])


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
