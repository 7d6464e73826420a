"""An HTTP client that sends every request exactly once."""

from __future__ import annotations

from typing import Any

from geventhttpclient.client import HTTPClient, HTTPClientPool
from geventhttpclient.url import URL

from load.config import Load


class OnceClient(HTTPClient):
    """A client whose connection resets are seen."""

    def __init__(self, *args: Any, **options: Any) -> None:  # noqa: ANN401 - HTTPClient's own options
        """Switch the silent repetition off.

        `HTTPClient.request` sends a GET, PUT or DELETE again on a connection that broke, up to the pool's size + 1
        times. The pool's bounds are made by now; the number is read for nothing else.
        """
        super().__init__(*args, **options)
        self._connection_pool.size = -1


def connections(url: str, load: Load) -> HTTPClientPool:
    """Return what all users share to reach the one target, as one client side does; last used is first used."""
    address = URL(url)
    options = {"connection_timeout": load.timeout_s, "network_timeout": load.timeout_s}
    pool = HTTPClientPool()
    pool.clients[address.host, address.port] = OnceClient.from_url(address, concurrency=load.in_flight, **options)
    return pool
