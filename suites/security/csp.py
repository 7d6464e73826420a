"""A content-security policy as a browser enforces it: parsed, and asked what it lets through.

Pure functions after CSP Level 3 (https://www.w3.org/TR/CSP3/). A page may have several policies, in headers and in
`<meta>`: a browser does only what every one of them allows, so questions are put to each (`all` over policies).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from html.parser import HTMLParser
from typing import TypeAlias
from urllib.parse import urlsplit

import httpx

Policy: TypeAlias = Mapping[str, tuple[str, ...]]
"""Directives by name, in small letters, with their sources."""

NETWORK_SCHEMES = ("http", "https", "ws", "wss")
NONCE_OR_HASH = re.compile(r"'(nonce|sha256|sha384|sha512)-[^']+'", re.IGNORECASE)
ELEMENT, ATTRIBUTE = ("script-src-elem", "script-src", "default-src"), ("script-src-attr", "script-src", "default-src")
EVAL, OBJECT, STYLE = ("script-src", "default-src"), ("object-src", "default-src"), ("style-src", "default-src")
BASE = ("base-uri",)
"""Where the sources of a kind are looked up: the first directive that is there counts."""


def enforced(headers: httpx.Headers, page: str = "") -> tuple[Policy, ...]:
    """Every policy that a browser enforces on an answer: of headers, commas included, and of `<meta>` in its head."""
    sent = [
        policy for value in headers.get_list("content-security-policy") for policy in value.split(",") if policy.strip()
    ]
    # In a page these mean nothing (CSP 3, 3.3).
    dropped = {"frame-ancestors", "report-uri", "sandbox"}
    told = [{name: sources for name, sources in parse(text).items() if name not in dropped} for text in metas(page)]
    return (*map(parse, sent), *told)


def parse(policy: str) -> Policy:
    """Parse one policy; of a directive that is there twice the first counts (CSP 3, 2.2.1)."""
    parsed: dict[str, tuple[str, ...]] = {}
    for part in policy.split(";"):
        name, *sources = part.split() or [""]
        if name:
            parsed.setdefault(name.lower(), tuple(sources))
    return parsed


def metas(page: str) -> list[str]:
    """The policies that a page itself has in its head."""
    found = _Head()
    found.feed(page)
    return found.policies


def sources_of(policy: Policy, names: Sequence[str]) -> tuple[str, ...] | None:
    """The sources that count for a kind; None where the policy does not restrict it."""
    return next((policy[name] for name in names if name in policy), None)


def allows_inline(policy: Policy, names: Sequence[str]) -> bool:
    """Say whether an inline script (or style) that has no nonce and no known hash takes effect."""
    sources = sources_of(policy, names)
    if sources is None:
        return True
    lowered = {source.lower() for source in sources}
    # 'unsafe-inline' beside a nonce or a hash is for old browsers only; newer ones ignore it.
    strict = any(map(NONCE_OR_HASH.fullmatch, sources)) or ("'strict-dynamic'" in lowered and names[0] != "style-src")
    return "'unsafe-inline'" in lowered and not strict


def allows_eval(policy: Policy) -> bool:
    """Say whether text can be run as a script."""
    sources = sources_of(policy, EVAL)
    return sources is None or "'unsafe-eval'" in {source.lower() for source in sources}


def allows_url(policy: Policy, names: Sequence[str], url: str) -> bool:
    """Say whether what a foreign URL names is loaded, without a nonce."""
    sources = sources_of(policy, names)
    if sources is None:
        return True
    if names[0].startswith("script-src") and "'strict-dynamic'" in {source.lower() for source in sources}:
        return False
    return any(matches(source, url) for source in sources)


def matches(source: str, url: str) -> bool:
    """Say whether one source expression covers a URL; keywords, nonces and hashes cover none (CSP 3, 6.7.2.8)."""
    source, parts = source.lower(), urlsplit(url.lower())
    if source.startswith("'"):
        return False
    if source == "*":
        return parts.scheme in NETWORK_SCHEMES
    if re.fullmatch(r"[a-z][a-z0-9+.-]*:", source):
        return parts.scheme in _upgrades(source[:-1])
    scheme, separator, rest = source.rpartition("://")
    host, _, path = rest.partition("/")
    host, _, port = host.partition(":")
    if parts.scheme not in (_upgrades(scheme) if separator else NETWORK_SCHEMES):
        return False
    if port not in {"", "*", str(parts.port or (80 if parts.scheme == "http" else 443))}:
        return False
    return _host_matches(host, parts.hostname or "") and _path_matches(f"/{path}" if path else "", parts.path)


def nonces(policies: Sequence[Policy]) -> set[str]:
    """The nonces that policies name."""
    found = (re.fullmatch(r"'nonce-([^']*)'", source, re.IGNORECASE) for each in policies for source in _all(each))
    return {match[1] for match in found if match}


def _all(policy: Policy) -> list[str]:
    return [source for sources in policy.values() for source in sources]


def _upgrades(scheme: str) -> tuple[str, ...]:
    """The schemes that an expression's scheme covers: a safer one is covered, too (CSP 3, 6.7.2.9)."""
    return {"http": ("http", "https"), "ws": ("ws", "wss", "http", "https"), "wss": ("wss", "https")}.get(
        scheme, (scheme,)
    )


def _host_matches(pattern: str, host: str) -> bool:
    return pattern in {"*", host} or (pattern.startswith("*.") and host.endswith(pattern[1:]))


def _path_matches(pattern: str, path: str) -> bool:
    return not pattern or (path.startswith(pattern) if pattern.endswith("/") else path == pattern)


class _Head(HTMLParser):
    """Reads `<meta http-equiv="Content-Security-Policy">` until the body begins, where it no longer counts."""

    def __init__(self) -> None:
        super().__init__()
        self.policies: list[str] = []
        self._over = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self._over = self._over or tag == "body"
        if tag == "meta" and not self._over and (given.get("http-equiv") or "").lower() == "content-security-policy":
            self.policies.append(given.get("content") or "")
