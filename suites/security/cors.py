"""Origins that a careless comparison takes for a declared one, and what a browser makes of the answer."""

from __future__ import annotations

from collections.abc import Collection, Iterator

import httpx

Problem = tuple[str, str]
GRANT, CREDENTIALS = "access-control-allow-origin", "access-control-allow-credentials"
EVIL = "evil.example"


def tricks(allowed: Collection[str]) -> dict[str, str]:
    """Origins that are not declared, by the mistake that lets them in."""
    found = {"any": f"https://{EVIL}", "null": "null"}
    for origin in allowed:
        scheme, separator, host = origin.partition("://")
        if not separator:
            continue
        found |= {
            "ending": f"{origin}.{EVIL}",
            "beginning": f"{scheme}://evil{host}",
            "subdomain": f"{scheme}://evil.{host}",
            # A dot in a pattern is any character.
            "dot": f"{scheme}://{host.replace('.', 'x', 1)}",
            "port": f"{origin}:8443",
        }
        if scheme == "https":
            found["downgrade"] = f"http://{host}"
    return {name: origin for name, origin in found.items() if origin not in allowed}


def problems(trick: str, origin: str, headers: httpx.Headers, allowed: Collection[str]) -> Iterator[Problem]:
    """What the answer to an undeclared origin gives away."""
    granted, credentials = headers.get(GRANT), headers.get(CREDENTIALS, "").lower() == "true"
    if granted == "*" and "*" in allowed and not credentials:
        return
    if granted in {"*", origin}:
        means = ", with the visitor's cookies" if credentials else ""
        yield trick, f"scripts of {origin} may read the answer{means}"


def refusals(origin: str, headers: httpx.Headers) -> Iterator[Problem]:
    """What keeps a declared origin from reading, or its answer from being told apart by caches."""
    granted = headers.get(GRANT)
    if granted not in {origin, "*"}:
        yield f"refused {origin}", f"{origin} is declared, and is granted {granted!r}"
    elif granted == origin and "origin" not in headers.get("vary", "").lower():
        yield f"vary {origin}", "the answer names the origin without Vary: Origin, and a cache hands it to another one"
