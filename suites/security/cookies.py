"""Judge cookies by their Set-Cookie headers: a jar fills in what was not said, and drops what a browser refuses."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

Problem = tuple[str, str]
SHORTEST_ID = 16
"""Characters of a session's id: fewer than 64 random bits can be guessed (OWASP)."""
DAY_S = 86_400


@dataclass(frozen=True, kw_only=True)
class Cookie:
    """One Set-Cookie header, read as RFC 6265bis says; attributes in small letters, of two the last counts."""

    name: str
    value: str
    attributes: Mapping[str, str]

    @property
    def is_removal(self) -> bool:
        """Whether it only removes the cookie."""
        return self.attributes.get("max-age", "1").lstrip("-").strip("0") == "" or not self.value.strip('"')


def parse(header: str) -> Cookie:
    """Read one Set-Cookie header."""
    pair, *rest = header.split(";")
    name, _, value = pair.partition("=")
    told = (part.partition("=") for part in rest if part.strip())
    attributes = {key.strip().lower(): given.strip() for key, _, given in told}
    return Cookie(name=name.strip(), value=value.strip(), attributes=attributes)


def problems(cookie: Cookie) -> Iterator[Problem]:
    """What is wrong with any cookie: on its way it is read, or a browser refuses it."""
    told, same_site = cookie.attributes, cookie.attributes.get("samesite", "").lower()
    if "secure" not in told:
        yield "secure", "Secure is missing: the cookie goes over plain http, too, where anybody on the way reads it"
    if same_site not in {"", "lax", "strict", "none"}:
        yield "samesite-unknown", f"SameSite={told['samesite']} is known to no browser"
    if same_site == "none" and "secure" not in told:
        yield "samesite-none", "SameSite=None without Secure: browsers refuse the cookie"
    if cookie.name.lower().startswith("__host-") and ("domain" in told or told.get("path") != "/"):
        yield "host-prefix", "a __Host- cookie has a Domain, or no Path=/: browsers refuse it"


def session_problems(cookie: Cookie, longest_s: int) -> Iterator[Problem]:
    """What is wrong with a cookie that is somebody's session."""
    told = cookie.attributes
    if "httponly" not in told:
        yield "httponly", "HttpOnly is missing: an injected script reads the session and sends it away"
    if told.get("samesite", "").lower() not in {"lax", "strict"}:
        yield "samesite", f"SameSite is {told.get('samesite')!r}: other sites may act with the session"
    if "domain" in told:
        yield "domain", f"Domain={told['domain']}: every host below it is told the session"
    if len(cookie.value) < SHORTEST_ID:
        yield "short", f"the session's id has fewer than {SHORTEST_ID} characters: it can be guessed"
    age = told.get("max-age", "0")
    if age.isdecimal() and int(age) > longest_s:
        yield "lifetime", f"the session lasts {int(age) // DAY_S} days: a browser left open stays signed in"
