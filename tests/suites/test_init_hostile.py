"""A look at a server that means harm ends soon, and in a file that can be read."""

from __future__ import annotations

import gzip
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from evidence import release as releases
from suites.init import client
from suites.init.__main__ import main
from suites.init.client import LARGEST, Looker
from suites.init.page import Page

BOMB = gzip.compress(b"\0" * 20_000_000)


class Hostile(BaseHTTPRequestHandler):
    """Every path is another trap."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """Spring it."""
        traps = {
            "/": self.endless_page,
            "/health": self.redirect_on,
            "/healthz": self.bomb,
            "/api/health": self.drip,
            "/livez": self.nonsense,
            "/openapi.json": self.deep_json,
        }
        if self.path.startswith("/on/"):
            self.redirect_on()
        else:
            traps.get(self.path, self.binary)()
        self.close_connection = True

    do_HEAD = do_GET  # noqa: N815 - the name that the library calls

    def begin(self, status: int, **headers: str) -> None:
        """Send a head."""
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()

    def endless_page(self) -> None:
        """Send ten megabytes of markup that is never closed."""
        self.begin(200, Content_Type="text/html", Set_Cookie="a=\x01\x02; Secure")
        self.wfile.write(b"<title><script>alert(1)</script>\x1b[31m" + b"<a href='/x'><form><![if <!--" * 350_000)

    def redirect_on(self) -> None:
        """Lead on and on."""
        self.begin(302, Location=f"/on/{time.monotonic_ns()}", Content_Length="0")

    def bomb(self) -> None:
        """Send little that becomes much, though nobody said that it may be compressed."""
        self.begin(200, Content_Type="application/json", Content_Encoding="gzip", Content_Length=str(len(BOMB)))
        self.wfile.write(BOMB)

    def drip(self) -> None:
        """Send a byte now and then, for ever."""
        self.begin(200, Content_Type="text/plain")
        for _ in range(600):
            self.wfile.write(b".")
            time.sleep(0.1)

    def nonsense(self) -> None:
        """Answer in no protocol at all."""
        self.wfile.write(b"\xff\x00 what?\r\n\r\n")

    def deep_json(self) -> None:
        """Send JSON deeper than anybody's stack."""
        self.begin(200, Content_Type="application/json")
        self.wfile.write(b'{"openapi":"3.1.0","paths":' + b"[" * 100_000)

    def binary(self) -> None:
        """Send bytes, and call them a page."""
        self.begin(200, Content_Type="text/html", Content_Length="256")
        self.wfile.write(bytes(range(256)))

    def log_message(self, *_arguments: object) -> None:
        """Keep quiet."""


@pytest.fixture
def url() -> Iterator[str]:
    """Where the hostile server is."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Hostile) as server:
        server.daemon_threads, server.block_on_close = True, False
        server.handle_error = lambda *_: None  # type: ignore[method-assign] # we hang up on it, and are meant to
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_a_hostile_server_costs_little_and_writes_a_file_that_loads(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Endless pages, redirects, drips, bombs, binary, no HTTP at all: every request is bounded, and so is the file."""
    monkeypatch.setattr(client, "ANSWER_WITHIN_S", 1.0)
    path = tmp_path / "release.toml"

    assert 0 == main([url, "--to", str(path)])
    release = releases.load(path)
    said = capsys.readouterr().err
    assert ({}, {}, {}) == (release.health, release.api, release.not_applicable)
    assert f"GET / answered 200 in {said.split('GET / answered 200 in ')[1].split(' ')[0]} ms, text/html, cut" in said
    assert "GET /livez: no answer (RemoteProtocolError" in said
    assert said.isascii()
    assert all(each.isprintable() or each == "\n" for each in said)
    assert path.stat().st_size < 20_000


def test_what_is_compressed_unasked_is_not_opened(url: str) -> None:
    """A bomb stays closed, a flood is cut, and a drip is not waited for."""
    looker = Looker(url, lambda _: None)
    bomb, flood = looker.ask("/healthz"), looker.ask("/")
    looker.close()

    assert (b"", True) == (bomb.body, bomb.cut)
    assert (LARGEST, True) == (len(flood.body), flood.cut)


@pytest.mark.parametrize("piece", ["<!--", "<![if ", "<a href='", "&#", "<form><input name=x>", "<!DOCTYPE [", "</"])
def test_no_markup_takes_long(piece: str) -> None:
    """Markup that is never finished is read in time that grows with its length."""
    started = time.process_time()
    page = Page.read(piece * (1_000_000 // len(piece)))

    assert time.process_time() - started < 10
    assert len(page.forms) <= 300


def test_a_page_is_read_up_to_where_it_breaks() -> None:
    """Links and forms before broken markup are kept."""
    page = Page.read("<a href=/one><form method=POST action=/in><input name=a type=PASSWORD></form><input name=b><![x")

    assert ["/one"] == page.links
    assert [("post", "/in", "a")] == [(form.method, form.action, form.password) for form in page.forms]
