"""What a server does by TLS, seen by handshakes; what is to be said of it is pure."""

from __future__ import annotations

import contextlib
import socket
import ssl
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx

Problem = tuple[str, str]
OLD = {"TLS 1.0": ssl.TLSVersion.TLSv1, "TLS 1.1": ssl.TLSVersion.TLSv1_1}
"""Versions that no browser speaks any more (RFC 8996)."""
WITHIN_S, DAY_S, ONE_YEAR_S = 5.0, 86_400, 31_536_000
NO_SECURITY = "ALL:aNULL:@SECLEVEL=0"
"""Everything that our OpenSSL has, the oldest too: to see what a server takes, not to be safe."""


def handshake(url: str, context: ssl.SSLContext) -> dict[str, Any]:
    """Speak TLS with the server at `url`; its certificate, which is empty where the context does not verify."""
    where = urlsplit(url)
    address = (where.hostname or "", where.port or 443)
    with (
        socket.create_connection(address, WITHIN_S) as plain,
        context.wrap_socket(plain, server_hostname=where.hostname) as secure,
    ):
        return dict(secure.getpeercert() or {})


def trusting(authority: Path | None) -> ssl.SSLContext:
    """Trust what this machine trusts, or where an authority is given only that one."""
    return ssl.create_default_context(cafile=authority)


def anybody() -> ssl.SSLContext:
    """Speak what is spoken today, to whomever."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


def old(version: ssl.TLSVersion) -> ssl.SSLContext:
    """Speak this one version, to whomever."""
    return _only(version, ssl.PROTOCOL_TLS_CLIENT)


def speaks(url: str, version: ssl.TLSVersion) -> bool:
    """Say whether the server takes this version; TimeoutError where it says nothing."""
    try:
        handshake(url, old(version))
    except TimeoutError:
        raise
    except (ssl.SSLError, ConnectionResetError, BrokenPipeError):
        return False
    return True


def we_speak(version: ssl.TLSVersion) -> bool:
    """Say whether our own OpenSSL speaks this version at all: with itself, without a certificate, in memory."""
    try:
        pair = _only(version, ssl.PROTOCOL_TLS_CLIENT), _only(version, ssl.PROTOCOL_TLS_SERVER)
        there, back = ssl.MemoryBIO(), ssl.MemoryBIO()
        client = pair[0].wrap_bio(back, there)
        server = pair[1].wrap_bio(there, back, server_side=True)
        for side in (client, server) * 3:
            with contextlib.suppress(ssl.SSLWantReadError):
                side.do_handshake()
    except (ssl.SSLError, ValueError):
        return False
    return client.version() is not None


def days_left(certificate: Mapping[str, Any], now: float) -> float:
    """How many days the certificate is still valid."""
    return (ssl.cert_time_to_seconds(certificate["notAfter"]) - now) / DAY_S


def plain(answer: httpx.Response, host: str) -> Iterator[Problem]:
    """What is wrong with an answer by plain http: only to be sent on to the same host by TLS is right, or nothing."""
    location = urlsplit(answer.headers.get("location", ""))
    if answer.is_success:
        yield "plain-served", "it is served by plain http: whoever is on the way reads it, and changes it"
    elif answer.is_redirect and location.scheme != "https":
        yield "plain-stays", f"plain http leads to {answer.headers['location']!r}: the visitor stays without TLS"
    elif answer.is_redirect and location.hostname != host:
        yield (
            "plain-elsewhere",
            f"plain http leads to {location.hostname}, before a browser learns to use TLS for {host}",
        )
    for cookie in answer.headers.get_list("set-cookie"):
        yield (
            "plain-cookie",
            f"the answer by plain http sets {cookie.partition('=')[0]}: who is on the way may plant it",
        )


def preload(headers: httpx.Headers, *, wanted: bool) -> Iterator[Problem]:
    """What is wrong with asking for the browsers' preload list: it is for every subdomain, and takes months to undo."""
    sent = (headers.get_list("strict-transport-security") or [""])[0].lower()
    told = {name.strip(): value.strip('" ') for name, _, value in (part.partition("=") for part in sent.split(";"))}
    if "preload" in told and not wanted:
        yield "preload-undeclared", "strict-transport-security says preload, and [security.tls] does not: hard to undo"
    if wanted and "preload" not in told:
        yield "preload-missing", "strict-transport-security does not say preload: the list drops the host"
    age = told.get("max-age", "")
    if wanted and not (age.isdecimal() and int(age) >= ONE_YEAR_S and "includesubdomains" in told):
        yield (
            "preload-refused",
            f"strict-transport-security is {sent!r}: the list asks for a year and includeSubDomains",
        )


def _only(version: ssl.TLSVersion, protocol: int) -> ssl.SSLContext:
    context = ssl.SSLContext(protocol)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    with warnings.catch_warnings():
        # That it is old is why we ask.
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version = context.maximum_version = version
    context.set_ciphers(NO_SECURITY)
    return context
