"""Text that runs as a script is found in a real browser, wherever it is shown; text that is shown as text is not."""

from __future__ import annotations

import contextlib
import html
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Browser

from suites.api import Request
from suites.smoke import scripts
from suites.smoke.check_scripts import filled

PLACES: dict[str, Callable[[str], str]] = {
    "text": lambda q: f"<p>{q}</p>",
    "attribute": lambda q: f'<input value="{q}">',
    "textarea": lambda q: f"<textarea>{q}</textarea>",
    "string": lambda q: f"<script>const q = '{q}';</script>",
    "link": lambda q: f'<a href="{html.escape(q)}">back</a>',
    "escaped": lambda q: f'<p>{html.escape(q)}</p><input value="{html.escape(q)}">',
    "error": lambda _: "",
    "endless": lambda _: "<script>onload = () => setTimeout(() => { for (;;); }, 0)</script>",
    "fragment": lambda _: "<script>document.write(decodeURIComponent(location.hash))</script>",
}
POLICY = "default-src 'none'"


@pytest.fixture
def shop() -> Iterator[str]:
    """A server that shows what it is asked for, in the place that the path names, under a strict policy."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked = urlsplit(self.path)
            place = PLACES.get(asked.path.strip("/"))
            status = 500 if asked.path == "/error" else 200 if place else 404
            body = place(parse_qs(asked.query).get("q", [""])[0]) if place else ""
            self.send_response(status)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.send_header("Content-Security-Policy", POLICY)
            self.end_headers()
            self.wfile.write(f"<!doctype html><body>{body}".encode())

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def run(browser: Browser, shop: str, looked_for: dict[str, scripts.Probe]) -> list[tuple[str, str]]:
    """Open the addresses; give the places, and what is wrong there."""
    with contextlib.closing(browser.new_context(bypass_csp=True)) as context:
        return [(probe.place, fault) for probe, fault in scripts.running(context, shop, looked_for)]


@pytest.mark.parametrize("place", ["text", "attribute", "textarea", "string", "link"])
def test_a_script_that_would_run_is_found(chromium: Browser, shop: str, place: str) -> None:
    """Each place of a page has a probe that runs there, policy or none, and it is named by path and probe."""
    found = run(chromium, shop, scripts.addresses([f"/{place}?q={{probe}}"], []))

    assert found
    assert {""} == {fault for _, fault in found}
    assert all(where.startswith(f"/{place}?q={{probe}} ") and "…" in where for where, _ in found)


def test_what_is_shown_as_text_is_left_alone(chromium: Browser, shop: str) -> None:
    """No probe runs where each is escaped as its place asks for."""
    assert [] == run(chromium, shop, scripts.addresses(["/escaped?q={probe}"], ["/escaped"]))


def test_what_stands_behind_the_hash_is_tried(chromium: Browser, shop: str) -> None:
    """A page whose own script writes the fragment down is found without a declaration."""
    assert ['/fragment#{probe} "><img src=x onerror=alert(…)>'] == [
        where for where, _ in run(chromium, shop, scripts.addresses([], ["/fragment", "/escaped"]))
    ]


def test_a_page_that_does_not_come_is_not_harmless(chromium: Browser, shop: str) -> None:
    """A server error is said for every probe: nothing was seen."""
    found = run(chromium, shop, scripts.addresses(["/error?q={probe}"], []))

    assert ["answers 500"] * len(scripts.PROBES) == [fault for _, fault in found]


def test_a_page_that_is_not_there_is_not_harmless(chromium: Browser, shop: str) -> None:
    """A path with a typo in it was not looked at."""
    found = run(chromium, shop, scripts.addresses(["/nowhere?q={probe}"], []))

    assert ["answers 404"] * len(scripts.PROBES) == [fault for _, fault in found]


def test_a_page_that_never_answers_is_not_harmless(
    chromium: Browser, shop: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A page whose own script does not end is given up, and so said; the next one is looked at."""
    monkeypatch.setattr(scripts, "WITHIN_MS", 2_000)
    endless, text = (list(scripts.addresses([f"/{name}?q={{probe}}"], []).items())[:1] for name in ("endless", "text"))
    (_, fault), found = run(chromium, shop, dict(endless + text))

    assert fault.startswith("does not load: Page.wait_for_function: Timeout")
    assert "" == found[1]


def test_every_fragment_is_loaded_anew(chromium: Browser, shop: str) -> None:
    """Declared behind the hash, probes of one page differ in nothing else: each is run by the page's script."""
    found = run(chromium, shop, scripts.addresses(["/fragment#{probe}"], []))

    assert 3 == len([fault for _, fault in found if not fault]), "an image, a drawing and a script; no string, no link"


def test_a_probe_goes_wherever_its_name_stands() -> None:
    """Names in the path and deep in the body are replaced, others stay."""
    request = Request(path="/items/{n}", method="POST", json={"name": "{probe}", "tags": ["a {probe}"], "size": 3})
    expected = Request(path="/items/7", method="POST", json={"name": "<b>", "tags": ["a <b>"], "size": 3})

    assert expected == filled(request, {"{probe}": "<b>", "{n}": "7"})
