"""A watched browser tells what no user should meet, each thing named alike in every run."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from playwright.sync_api import Browser, Route

from suites.smoke.check_journeys import place
from suites.smoke.seen import Problem
from suites.smoke.watch import Watcher

HTML = "text/html"


@pytest.mark.parametrize(
    ("part", "what"),
    [
        ("<script src=http://cdn.test/x.js></script>", "insecure script 'http://cdn.test/x.js'. This request has been"),
        ("<img src=http://cdn.test/x.png>", "insecure element 'http://cdn.test/x.png'. This request was automatically"),
        ("<iframe src=http://cdn.test/></iframe>", "insecure frame 'http://cdn.test/'. This request has been blocked"),
        ("<form action=http://cdn.test/ method=post><input></form>", "targets an insecure endpoint 'http://cdn.test/'"),
    ],
)
def test_mixed_content(chromium: Browser, part: str, what: str) -> None:
    """What a page by https asks for by http is a problem, also where the browser mends or blocks it."""

    def answer(route: Route) -> None:
        is_page = route.request.url == "https://shop.test/"
        route.fulfill(body=f"<!doctype html><link rel=icon href=data:,>{part}" if is_page else "", content_type=HTML)

    watcher = Watcher("/", "https://shop.test")
    with chromium.new_context() as context:
        watcher.context(context)
        context.route("**", answer)
        page = context.new_page()
        page.goto("https://shop.test/")
        page.wait_for_load_state("networkidle")

    (mixed,) = [str(problem) for problem in watcher.problems if "mixed content: " in problem.what]
    assert mixed.startswith("/: mixed content: The page at 'https://shop.test/' was loaded over")
    assert what in mixed


def test_the_log_is_of_what_is_looked_at(chromium: Browser) -> None:
    """Console and network are written down from each turn on, without what users typed into an address."""
    watcher = Watcher("/first", "http://shop.test")
    with chromium.new_context() as context:
        watcher.context(context)
        context.route(
            "**", lambda route: route.fulfill(body="<script>console.log('hello')</script>", content_type=HTML)
        )
        page = context.new_page()
        page.goto("http://shop.test/first")
        watcher.turn("/second")
        page.goto("http://shop.test/second?q=eve")
        assert [page] == watcher.open_pages

    lines = [line.partition(" s  ")[2] for line in watcher.log.splitlines()]
    assert ["200 GET /second", "console log: hello"] == lines[:2]
    assert [] == watcher.open_pages


@pytest.mark.parametrize(
    ("head", "leads", "problems"),
    [
        ("", "", []),
        ("", "/v1/favicon.ico", []),
        ("<link rel=icon href=/v1/icon.png>", "/v1/favicon.ico", ["404 GET /v1/icon.png"]),
        ("<link rel=icon href=/v1/icon.png>", "", ["404 GET /v1/icon.png"]),
    ],
)
def test_an_icon_that_no_page_names_is_missed_by_nobody(
    chromium: Browser, head: str, leads: str, problems: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not even where everything is sent on to below a path, as Kinto does; one that a page names is missed."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200 if self.path == "/" else 307 if leads and self.path == "/favicon.ico" else 404)
            self.send_header("Location", leads)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(f"<!doctype html>{head}<p>Shop".encode())

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server, chromium.new_context() as context:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        target = f"http://127.0.0.1:{server.server_port}"
        monkeypatch.setenv("TARGET_URL", target)
        watcher = Watcher("/", target)
        watcher.context(context)
        page = context.new_page()
        page.goto(f"{target}/")
        page.wait_for_timeout(500)
        watcher.icons(page)
        server.shutdown()

    assert problems == [problem.what.partition(": the server")[0] for problem in watcher.problems]


def test_an_icon_that_is_not_answered_is_the_releases_fault(chromium: Browser) -> None:
    """A server that hangs up on the icon of a page is a finding, and no accident of the browser."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path == "/":
                self.send_response(200)
                self.send_header("Content-Type", "text/html")
                self.end_headers()
                self.wfile.write(b"<!doctype html><link rel=icon href=/icon.png><p>Shop")

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server, chromium.new_context() as context:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        watcher = Watcher("/", f"http://127.0.0.1:{server.server_port}")
        page = context.new_page()
        page.goto(f"http://127.0.0.1:{server.server_port}/")
        watcher.icons(page)
        server.shutdown()

    assert ["GET /icon.png: is not answered"] == [problem.what for problem in watcher.problems]


@pytest.mark.parametrize(
    ("what", "expected"),
    [
        ("404 GET /gone.png", "404 GET /gone.png"),
        ("404 GET /assets/site.08f81e3c6739.css", "404 GET /assets/site.#.css"),
        ("500 POST /api/items/17/lines/4", "500 POST /api/items/#/lines/#"),
        ("console error: took 1795595282355", "console error: took #"),
        ("console error: 550e8400-e29b-41d4-a716-446655440000 is gone", "console error: # is gone"),
        ("console error: violates 'self' 'nonce-a+b/c=='", "console error: violates 'self' '#'"),
        ("exception: decade is not defined", "exception: decade is not defined"),
    ],
)
def test_places_stay_the_same(what: str, expected: str) -> None:
    """Ids, hashes, times and nonces, which the same fault has others of in the next run, are left out of its place."""
    assert f"/ {expected}" == place(Problem("/", what))
