"""Judge the headers of an answer: pure functions from headers to rules that are broken, each with its consequence.

The rules are those of OWASP ASVS 5.0 (3.4.1 to 3.4.6, 4.1.1, 13.4.6) and of MDN's HTTP Observatory. What a browser
ignores (a list of two HSTS values, a referrer policy that it does not know) counts as not there.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import httpx

from suites.security import csp

Problem = tuple[str, str]
ONE_YEAR_S = 31_536_000
REFERRER_POLICIES = {
    "no-referrer": True,
    "same-origin": True,
    "strict-origin": True,
    "strict-origin-when-cross-origin": True,
    "no-referrer-when-downgrade": False,
    "origin": False,
    "origin-when-cross-origin": False,
    "unsafe-url": False,
}
"""Every policy that browsers know, and whether it keeps paths and queries from other sites and from plain http."""
POWERFUL = ("camera", "display-capture", "geolocation", "microphone", "payment", "usb")
TELLING = ("x-powered-by", "x-aspnet-version", "x-aspnetmvc-version", "x-generator", "x-runtime-version")


def any_answer(headers: httpx.Headers) -> Iterator[Problem]:
    """What any answer lacks, or tells."""
    yield from _type(headers)
    for name in TELLING:
        if name in headers:
            yield name, f"{name} is {headers[name]!r}: attackers look for what is known of it"
    if re.search(r"\d", headers.get("server", "")):
        yield "server-version", f"server is {headers['server']!r}: attackers look for what is known of this version"
    if "set-cookie" in headers and "public" in _words(headers, "cache-control"):
        yield "cookie-is-cached", "caches may keep the answer with its Set-Cookie, and hand one's cookie to others"


def transport(headers: httpx.Headers) -> Iterator[Problem]:
    """What keeps a browser from coming back by TLS only (RFC 6797, and the rules of the preload list)."""
    # Of several headers a browser takes the first; a directive that is there twice makes it invalid.
    sent = (headers.get_list("strict-transport-security") or [""])[0]
    told = [part.strip().lower().partition("=")[::2] for part in sent.split(";") if part.strip()]
    names = [name.strip() for name, _ in told]
    age = dict(told).get("max-age", "").strip('" ')
    if not sent:
        yield "hsts-missing", "strict-transport-security is missing: who is on the way keeps a visitor on plain http"
    elif not age.isdecimal() or len(names) != len(set(names)):
        yield "hsts-invalid", f"strict-transport-security is {sent!r}, which browsers ignore"
    elif int(age) < ONE_YEAR_S:
        yield "hsts-short", f"strict-transport-security holds for {age} s, less than a year"
    elif "includesubdomains" not in names:
        listed = ", and the preload list refuses it" if "preload" in names else ""
        yield "hsts-subdomains", f"strict-transport-security has no includeSubDomains: they stay on plain http{listed}"


def page(headers: httpx.Headers, text: str) -> Iterator[Problem]:
    """What an HTML answer's headers lack."""
    sent = [part.strip().lower() for part in headers.get("referrer-policy", "").split(",")]
    known = [policy for policy in sent if policy in REFERRER_POLICIES]
    if not known:
        yield "referrer-policy-missing", f"{_told(headers, 'referrer-policy')}: other sites see addresses"
    elif not REFERRER_POLICIES[known[-1]]:
        yield "referrer-policy-weak", f"referrer-policy is {known[-1]!r}: other sites, or plain http, see addresses"
    yield from _permissions(headers)
    yield from _framing(csp.enforced(headers), headers)
    told = f"{headers.get('content-type', '')} {text[:1024]}".lower()
    if not re.search(r"charset\s*=", told):
        yield "charset-missing", "the page does not say its charset: a browser may guess one in which text is markup"


def isolation(headers: httpx.Headers) -> Iterator[Problem]:
    """What lets pages of others reach into a window, or load it into their process."""
    opener = headers.get("cross-origin-opener-policy", "").partition(";")[0].strip().lower()
    if opener not in {"same-origin", "same-origin-allow-popups", "noopener-allow-popups"}:
        yield (
            "opener-policy",
            f"{_told(headers, 'cross-origin-opener-policy')}: who opens the page keeps a handle on it",
        )
    if headers.get("cross-origin-resource-policy", "").strip().lower() == "cross-origin":
        yield "resource-policy", "cross-origin-resource-policy is 'cross-origin': pages of others may load the answer"


def private(headers: httpx.Headers) -> Iterator[Problem]:
    """What lets a cache, or the next person at a browser, keep an answer that is somebody's own."""
    sent = _words(headers, "cache-control")
    if "no-store" not in sent:
        yield "stored", f"{_told(headers, 'cache-control')}, not no-store: caches may keep the answer"


def personal(headers: httpx.Headers) -> Iterator[Problem]:
    """What lets a shared cache keep a page that is somebody's own; a browser may keep it for its back button."""
    sent = _words(headers, "cache-control")
    if not sent & {"no-store", "private"}:
        yield "shared", f"{_told(headers, 'cache-control')}: a shared cache may hand it to others"


def _type(headers: httpx.Headers) -> Iterator[Problem]:
    kind = headers.get("content-type", "").lower()
    has_body = headers.get("content-length", "1") != "0" and "location" not in headers
    if has_body and not kind:
        yield "type-missing", "content-type is missing: a browser guesses, and may guess HTML"
    if has_body and headers.get("x-content-type-options", "").strip().lower() != "nosniff":
        yield "sniffed", f"{_told(headers, 'x-content-type-options')}, not nosniff: text is run as a script"


def _permissions(headers: httpx.Headers) -> Iterator[Problem]:
    sent = headers.get("permissions-policy", "")
    if not sent:
        yield "permissions-policy-missing", "permissions-policy is missing: an injected script may ask for the camera"
        return
    told = dict(re.findall(r"([a-z-]+)\s*=\s*(\*|\([^)]*\)|[^,]+)", sent.lower()))
    if not told:
        yield "permissions-policy-invalid", f"permissions-policy is {sent!r}, which browsers ignore"
    for name in POWERFUL:
        if "*" in told.get(name, ""):
            yield f"permissions-policy {name}", f"permissions-policy gives {name} to every frame, advertisements too"


def _framing(policies: Sequence[csp.Policy], headers: httpx.Headers) -> Iterator[Problem]:
    """Where frame-ancestors is there, X-Frame-Options counts no more."""
    named = [policy["frame-ancestors"] for policy in policies if "frame-ancestors" in policy]
    evil = "https://evil.example/"
    if named and all(any(csp.matches(source, evil) for source in sources) for sources in named):
        yield "framed", "frame-ancestors lets any site frame the page, and steal clicks"
    if not named and headers.get("x-frame-options", "").strip().lower() not in {"deny", "sameorigin"}:
        yield (
            "framed",
            "neither frame-ancestors nor x-frame-options is there: any site frames the page and steals clicks",
        )


def _told(headers: httpx.Headers, name: str) -> str:
    """What an answer says by a header, or that it says nothing."""
    return f"{name} is {headers[name]!r}" if headers.get(name) else f"{name} is missing"


def _words(headers: httpx.Headers, name: str) -> set[str]:
    return {part.strip().lower().partition("=")[0] for part in headers.get(name, "").split(",")}
