"""Addresses that a service must not be made to ask, and somebody who notices when it does."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator
from dataclasses import dataclass, field
from socketserver import BaseRequestHandler, ThreadingTCPServer
from threading import Thread
from urllib.parse import urlsplit

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok"
HERE = {
    "by its address": "http://127.0.0.1:{port}/",
    "by its name": "http://localhost:{port}/",
    "in decimal": "http://2130706433:{port}/",
    "in hex": "http://0x7f000001:{port}/",
    "in octal": "http://0177.0.0.1:{port}/",
    "shortened": "http://127.1:{port}/",
    "as any address": "http://0.0.0.0:{port}/",
    "in IPv6": "http://[::1]:{port}/",
    "as IPv4 in IPv6": "http://[::ffff:127.0.0.1]:{port}/",
    "behind another host": "http://www.example.com@127.0.0.1:{port}/",
    "by gopher": "gopher://127.0.0.1:{port}/_GET%20/",
}
"""How the machine of the service itself is written."""
ELSEWHERE = {
    "the cloud's metadata": "http://169.254.169.254/latest/meta-data/",
    "the cloud's metadata in decimal": "http://2852039166/latest/meta-data/",
    "a file": "file:///etc/passwd",
}
"""What only the service itself can reach. Nobody notices there: refused it must be."""


@dataclass
class Listener:
    """Somebody who counts who comes."""

    port: int
    calls: list[str] = field(default_factory=list)


@contextlib.contextmanager
def listening(host: str = "127.0.0.1", port: int = 0) -> Iterator[Listener]:
    """Listen, on loopback by IPv6 too, and answer everybody."""
    listener = Listener(port=port)

    class Noting(BaseRequestHandler):
        """Notes that somebody came, whatever is said."""

        def handle(self) -> None:
            """Note, then answer."""
            listener.calls.append(str(self.client_address[0]))
            with contextlib.suppress(OSError):
                self.request.settimeout(1)
                self.request.recv(65536)
                self.request.sendall(ANSWER)

    class Six(ThreadingTCPServer):
        """The same by IPv6."""

        address_family = socket.AF_INET6

    with contextlib.ExitStack() as stack:
        first = stack.enter_context(ThreadingTCPServer((host, port), Noting))
        listener.port = first.server_address[1]
        servers = [first]
        if host == "127.0.0.1":
            # A machine without IPv6 has nothing there to be reached.
            with contextlib.suppress(OSError):
                servers.append(stack.enter_context(Six(("::1", listener.port), Noting)))
        for server in servers:
            Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
            stack.callback(server.shutdown)
        yield listener


def ways(port: int, told: str) -> dict[str, str]:
    """How the listener is asked for: by every spelling of loopback, or as `told` where it is not there."""
    if told:
        return {"as it was declared": told, "behind another host": told.replace("://", "://www.example.com@", 1)}
    return {name: address.replace("{port}", str(port)) for name, address in HERE.items()}


def where(told: str) -> tuple[str, int]:
    """Where to listen, for a declared address: on every interface, at its port."""
    return ("0.0.0.0", urlsplit(told).port or 80) if told else ("127.0.0.1", 0)  # noqa: S104 - the target must reach us
