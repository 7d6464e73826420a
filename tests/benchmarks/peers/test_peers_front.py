"""TLS in front of a release changes nothing of what it answers."""

from __future__ import annotations

import http.client
import http.server
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.peers.front import certificate, front


class Release(http.server.BaseHTTPRequestHandler):
    """Answers with two cookies, and with what it was asked."""

    def answer(self) -> None:
        """Answer."""
        self.send_response(404)
        self.send_header("Set-Cookie", "a=1")
        self.send_header("Set-Cookie", "b=2")
        self.end_headers()
        self.wfile.write(f"{self.command} {self.path} {self.headers['Origin']}".encode())

    do_GET = do_OPTIONS = answer  # noqa: N815 - http.server looks for these names

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def url() -> Iterator[str]:
    """A release that speaks http."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Release) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.mark.parametrize("method", ["GET", "OPTIONS"])
def test_answers_come_through_as_they_are(url: str, tmp_path: Path, method: str) -> None:
    """By https, under a certificate that holds for localhost, status, every header and body are the release's."""
    pem = certificate(tmp_path)
    with front(url, pem) as host:
        connection = http.client.HTTPSConnection(host, context=ssl.create_default_context(cafile=str(pem)), timeout=10)
        connection.request(method, "/x?y", headers={"Origin": "https://else.test"})
        answer = connection.getresponse()

        assert 404 == answer.status
        assert ["a=1", "b=2"] == answer.headers.get_all("Set-Cookie")
        assert f"{method} /x?y https://else.test" == answer.read().decode()


def test_plain_http_is_sent_to_https(url: str, tmp_path: Path) -> None:
    """By http, the same port redirects to itself by https."""
    with front(url, certificate(tmp_path)) as host:
        connection = http.client.HTTPConnection(host, timeout=10)
        connection.request("GET", "/x?y")
        answer = connection.getresponse()

        assert (301, f"https://{host}/x?y") == (answer.status, answer.headers["Location"])
