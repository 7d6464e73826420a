"""TLS in front of a release, as its proxy has it: http-observatory's rules are about a site that speaks https."""

from __future__ import annotations

import http.client
import http.server
import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

TLS_HANDSHAKE = b"\x16"
OF_THE_CONNECTION = {"connection", "transfer-encoding", "keep-alive"}


def certificate(folder: Path) -> Path:
    """Make a certificate of localhost; one file with its key."""
    path, key = folder / "localhost.pem", folder / "localhost.key"
    subject = ("-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-days", "2")
    made = ("openssl", "req", "-x509", "-newkey", "rsa:2048", "-noenc", *subject, "-keyout", key, "-out", path)
    subprocess.run(made, check=True, capture_output=True)
    path.write_text(path.read_text(encoding="ascii") + key.read_text(encoding="ascii"), encoding="ascii")
    return path


@contextmanager
def front(url: str, pem: Path) -> Iterator[str]:
    """Yield host and port where `url` answers by https; by http, on the same port, it redirects there."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    behind = url.removeprefix("http://")

    class Handler(http.server.BaseHTTPRequestHandler):
        secure = False

        def setup(self) -> None:
            connection: socket.socket = self.request
            self.secure = connection.recv(1, socket.MSG_PEEK) == TLS_HANDSHAKE
            if self.secure:
                self.request = context.wrap_socket(connection, server_side=True)
            super().setup()

        def pass_on(self) -> None:
            if not self.secure:
                self.send_response_only(301)
                self.send_header("Location", f"https://{self.headers['Host']}{self.path}")
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            inner = http.client.HTTPConnection(behind, timeout=10)
            inner.request(self.command, self.path, headers=dict(self.headers.items()))
            answer = inner.getresponse()
            body = answer.read()
            self.send_response_only(answer.status)
            for name, value in answer.getheaders():
                if name.lower() not in OF_THE_CONNECTION:
                    self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_OPTIONS = pass_on  # noqa: N815 - http.server looks for these names

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"localhost:{server.server_port}"
        server.shutdown()
