"""A server that says the same to whatever it is asked has proven nothing: the checks that pass there are named here.

Its headers are the best there are, and its page has every field that a check may look for, so that nothing but the
status and the sameness can tell.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from evidence import run as runs
from evidence.model import Outcome
from evidence.variables import VARIABLE

TREE = Path(__file__).parents[2]
RELEASE_FILE = TREE / "release.toml"
ORIGIN = "https://app.example.com"
WITHIN_S = 300
ASKS_NOBODY = {"DB-005": "it reads the release's own SQL files"}
RIGHT = {
    "CORS-001": "what is asked for is answered, and only to the origin that may read it",
    "CORS-002": "the same for its preflight",
    "CSP-002": "its policy has no nonce that could be used again",
}
"""What a server that says 200 to everything keeps, if its headers are right."""
EACH = """
import os, pytest, sys
for url, folder in zip(sys.argv[1::2], sys.argv[2::2]):
    os.environ |= {"TARGET_URL": url, "REFERENCE_PLAIN_URL": url, "RELEASE_RUN": folder}
    os.environ["REFERENCE_TLS_URL"] = url.replace("http:", "https:")
    options = ["-p", "checks.plugin", "-p", "pytest_timeout", "-p", "no:cacheprovider", "--tb=no"]
    if pytest.main([*options, "suites/security", "suites/integration"]) not in {0, 1}:
        sys.exit(f"{url}: the suites did not run")
"""
"""In one process: the libraries are loaded once."""
PAGE = b"""<!doctype html><html><head><meta charset="utf-8"><title>Shop</title>
<meta name="csrf-token" content="0123456789abcdef0123456789abcdef"></head><body><form method="post">
<input type="hidden" name="csrf" value="0123456789abcdef0123456789abcdef"></form></body></html>"""
BEST = {
    "Content-Type": "text/html; charset=utf-8",
    "Cache-Control": "no-store",
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'none'; object-src 'none'; base-uri 'none'; form-action 'self';"
        " frame-ancestors 'none'; require-trusted-types-for 'script'"
    ),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=()",
    "Referrer-Policy": "no-referrer",
    "Strict-Transport-Security": "max-age=63072000; includeSubDomains",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Set-Cookie": "__Host-session=0123456789abcdef0123456789abcdef; Path=/; Secure; HttpOnly; SameSite=Lax",
}
"""What a good proxy adds to every answer of whatever is behind it."""
GRANT = {"Access-Control-Allow-Origin": ORIGIN, "Vary": "Origin"}


@dataclass(frozen=True, kw_only=True)
class Dumb:
    """The one answer."""

    status: int
    body: bytes = PAGE
    location: str = ""


DUMB = {
    "nothing is there": Dumb(status=404),
    "a page for everything": Dumb(status=200),
    "a sign-in for everything": Dumb(status=303, body=b"", location="/login"),
    "nobody is let in": Dumb(status=401),
    "everybody is forbidden": Dumb(status=403),
    "too many requests": Dumb(status=429),
    "it is broken": Dumb(status=500),
}


@contextmanager
def serving(dumb: Dumb) -> Iterator[str]:
    """Serve the one answer on loopback; its address."""

    class Handler(BaseHTTPRequestHandler):
        """Reads what comes, and says what it always says."""

        protocol_version = "HTTP/1.1"

        def answer(self) -> None:
            """Say it."""
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            headers = {**BEST, "Content-Length": str(len(dumb.body))}
            headers |= {"Location": dumb.location} if dumb.location else {}
            headers |= GRANT if self.headers.get("Origin") == ORIGIN else {}
            self.send_response_only(dumb.status)
            for name, value in headers.items():
                self.send_header(name, value)
            # In one piece: two would wait for each other.
            self._headers_buffer.extend([b"\r\n", dumb.body])
            self.flush_headers()

        def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - any method of HTTP
            if name.startswith("do_"):
                return self.answer
            raise AttributeError(name)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()


@pytest.fixture(scope="module")
def passed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, set[str]]:
    """Run the live suites against each server; the checks that pass there."""
    folders = {name: tmp_path_factory.mktemp("run") for name in DUMB}
    with ExitStack() as stack:
        urls = {name: stack.enter_context(serving(dumb)) for name, dumb in DUMB.items()}
        told = {name: f"{name.lower()}-0123456789abcdef" for name in VARIABLE.findall(RELEASE_FILE.read_text("utf-8"))}
        told |= {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "RELEASE_FILE": str(RELEASE_FILE), "RELEASE_STAGE": "live"}
        runs_of = [text for name, folder in folders.items() for text in (urls[name], str(folder))]
        done = subprocess.run(
            [sys.executable, "-c", EACH, *runs_of], cwd=TREE, env={**os.environ, **told},
            capture_output=True, text=True, timeout=WITHIN_S, check=False,
        )  # fmt: skip
    assert 0 == done.returncode, done.stdout[-3000:] + done.stderr[-3000:]
    seen = {name: runs.read_stage(folder / "evidence" / "live.jsonl").evidence for name, folder in folders.items()}
    return {name: {each.check for each in of if each.outcome is Outcome.PASSED} for name, of in seen.items()}


@pytest.mark.timeout(WITHIN_S)
@pytest.mark.parametrize("name", DUMB)
def test_who_says_the_same_to_everything_passes_nothing(name: str, passed: dict[str, set[str]]) -> None:
    """Whatever its one answer is, no check passes but those that are named, each with its reason."""
    assert ({*ASKS_NOBODY, *RIGHT} if DUMB[name].status == 200 else {*ASKS_NOBODY}) == passed[name]
