"""The certificate and the protocol that a client of ours gets."""

from __future__ import annotations

import datetime as dt
import socket
import ssl
from urllib.parse import urlsplit

from suites.init.text import clean

TIMEOUT_S = 5.0


def seen(url: str, context: ssl.SSLContext) -> list[str]:
    """Say what TLS was negotiated, with whose certificate, and for how many days it is still good."""
    parts = urlsplit(url)
    if parts.scheme != "https" or not parts.hostname:
        return ["no TLS: the address is plain http"]
    try:
        with (
            socket.create_connection((parts.hostname, parts.port or 443), TIMEOUT_S) as plain,
            context.wrap_socket(plain, server_hostname=parts.hostname) as tunnel,
        ):
            certificate, version = tunnel.getpeercert() or {}, tunnel.version()
    except (OSError, ValueError) as error:
        return [f"TLS: {clean(str(error))}"]
    until = str(certificate.get("notAfter", ""))
    days = (dt.datetime.fromtimestamp(ssl.cert_time_to_seconds(until), dt.UTC) - dt.datetime.now(dt.UTC)).days
    return [f"{version}, a trusted certificate for {parts.hostname} that ends in {days} days"]
