"""A small shop whose pages have one flaw each, and what its tests run against it."""

from __future__ import annotations

from collections.abc import Callable
from http.server import BaseHTTPRequestHandler

from evidence.model import Evidence
from suites.smoke.journeys import Ran

HEAD = (
    "<!doctype html><html lang=en><meta name=viewport content='width=device-width'><link rel=icon href=data:,>"
    "<title>Shop</title><main>"
)
GOOD = f"{HEAD}<h1>Shop</h1>"
PAGES = {
    "/": GOOD,
    "/broken": f"{GOOD}<img src=/gone.png?user=eve>"
    "<script>console.warn('mind'); console.error('boom'); undefined_name()</script>",
    "/headless": f"{HEAD}<p>Welcome</p>",
    "/untitled": "<!doctype html><h1>Shop</h1>",
    "/faint": f"{GOOD}<p style='color: #eee'>Faint",
    "/wide": f"{GOOD}<p style='width: 900px'>Wide",
    "/dumb": f"{GOOD}<p><button tabindex=-1>Buy</button>",
    "/jumpy": f"{GOOD}<p>Read<script>setTimeout(() => document.body.style.paddingTop = '300px', 200)</script>",
    "/busy": f"{GOOD}<script>setTimeout(() => {{ for (const at = Date.now(); Date.now() < at + 700;); }}, 99)</script>",
    "/heavy": f"{GOOD}<!--{'x' * 300_000}-->",
}
JOURNEY = 'def test_buys(page):\n    page.goto("/")\n    assert page.title() == "Shop"\n'

ONCE = (
    "import pathlib, pytest\n"
    "def test_good(page): page.goto('/')\n"
    "def test_once(page):\n"
    "    page.goto('/')\n"
    "    mark = pathlib.Path(__file__).with_name('tried')\n"
    "    tried = mark.exists()\n"
    "    mark.touch()\n"
    "    assert tried\n"
)
"""Journeys of which one passes the second time."""

RunFolder = Callable[[str], Ran]
RunStage = Callable[..., dict[str, Evidence]]


class Shop(BaseHTTPRequestHandler):
    """Serves PAGES, sends `/cart` to the start page, refuses `/members`, and has nothing else."""

    def do_GET(self) -> None:
        """Answer."""
        body = PAGES.get(self.path)
        self.send_response({"/cart": 303, "/members": 401}.get(self.path, 200 if body else 404))
        self.send_header("Content-Type", "text/html")
        if self.path == "/cart":
            self.send_header("Location", "/")
        self.end_headers()
        self.wfile.write((body or GOOD).encode())

    def log_message(self, *_arguments: object) -> None:
        """Keep quiet."""
