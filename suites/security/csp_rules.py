"""What an attacker does with the holes of a page's content-security policies: each a rule id and a sentence.

The rules are those of google/csp-evaluator (which allow-lists are bypassed, what is misspelt), of MDN's HTTP
Observatory (broad sources, policies that are only reported) and of OWASP ASVS 5.0, 3.4.3 (object-src, base-uri).
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Iterator, Sequence

import httpx

from suites.security import csp
from suites.security.csp import ATTRIBUTE, BASE, ELEMENT, OBJECT, STYLE, Policy

Problem = tuple[str, str]
"""A rule's id, the same in every run, and what an attacker does with the hole."""

SHORTEST_NONCE = 16
"""Characters: of base64 that is 96 bits. The recommendation is 128, csp-evaluator's limit 8 characters."""
EVIL = "https://evil.example"
"""A host that no policy names: what it may serve, anybody may."""
BYPASSES = {
    "ajax.googleapis.com": "/ajax/libs/angularjs/1.8.2/angular.min.js",
    "cdnjs.cloudflare.com": "/ajax/libs/angular.js/1.8.2/angular.min.js",
    "cdn.jsdelivr.net": "/npm/angular@1.8.2/angular.min.js",
    "unpkg.com": "/angular@1.8.2/angular.min.js",
    "raw.githubusercontent.com": "/angular/code.angularjs.org/master/1.0.7/angular-resource.js",
    "www.gstatic.com": "/fsn/angular_js-bundle1.js",
    "yastatic.net": "/angularjs/1.2.23/angular.min.js",
    "accounts.google.com": "/o/oauth2/revoke",
    "www.google.com": "/tools/feedback/escalation-options",
    "translate.googleapis.com": "/translate_a/l",
    "googleads.g.doubleclick.net": "/pagead/conversion/1036918760/wcm",
    "pagead2.googlesyndication.com": "/relatedsearch",
    "api.facebook.com": "/restserver.php",
    "syndication.twitter.com": "/widgets/timelines/765840589183213568",
    "www.youtube.com": "/profile_style",
    "vimeo.com": "/api/oembed.json/",
    "api.vk.com": "/method/wall.get",
    "mc.yandex.ru": "/watch/24306916/1",
}
"""Hosts that serve anybody's script, as csp-evaluator knows them (d5cddb9) with two CDNs of npm: JSONP, or Angular."""
FOREIGN = {
    f"{EVIL}/x.js": ("any-host", "scripts of any host run: an attacker's page loads its own"),
    "data:text/javascript,1": ("data", "a script in a data: address runs, which is as good as an inline one"),
    "blob:https://evil.example/1": ("blob", "a script in a blob: address runs: text that the page was made to build"),
}
DIRECTIVES = (
    "base-uri block-all-mixed-content child-src connect-src default-src fenced-frame-src font-src form-action "
    "frame-ancestors frame-src img-src manifest-src media-src navigate-to object-src plugin-types prefetch-src "
    "referrer reflected-xss report-to report-uri require-sri-for require-trusted-types-for sandbox script-src "
    "script-src-attr script-src-elem style-src style-src-attr style-src-elem trusted-types "
    "upgrade-insecure-requests webrtc worker-src"
)
QUOTED = (
    "'self' 'none' 'unsafe-inline' 'unsafe-eval' 'wasm-unsafe-eval' 'strict-dynamic' 'unsafe-hashes' 'report-sample' "
    "'inline-speculation-rules' 'script' 'allow-duplicates' 'allow' 'block' 'trusted-types-eval'"
)
KNOWN, KEYWORDS = frozenset(DIRECTIVES.split()), frozenset(QUOTED.split())


def problems(headers: httpx.Headers, page: str = "") -> list[Problem]:
    """What is wrong with the policies of an answer, taken together."""
    policies = csp.enforced(headers, page)
    if not policies:
        reported = "content-security-policy-report-only" in headers
        told = "only reported: nothing is kept from running" if reported else "missing: any injected script runs"
        return [("report-only" if reported else "missing", f"the content-security policy is {told}")]
    return [*_scripts(policies), *_others(policies), *_words(policies)]


def _scripts(policies: Sequence[Policy]) -> Iterator[Problem]:
    if _every(policies, lambda each: csp.sources_of(each, ELEMENT) is None):
        yield "script-src-missing", "neither script-src nor default-src is there: any script runs"
        return
    if _every(policies, lambda each: csp.allows_inline(each, ELEMENT)):
        yield "script-src-unsafe-inline", "script-src has 'unsafe-inline' and no nonce: any injected script runs"
    elif _every(policies, lambda each: csp.allows_inline(each, ATTRIBUTE)):
        yield "script-src-attr-unsafe-inline", "handlers in attributes run: injected markup such as onerror= is enough"
    if _every(policies, csp.allows_eval):
        yield "script-src-unsafe-eval", "'unsafe-eval': text that reaches eval or a template runs as a script"
    open_to = [rule for url, rule in FOREIGN.items() if _loads(policies, ELEMENT, url)]
    yield from ((f"script-src-{rule}", what) for rule, what in open_to)
    if FOREIGN[f"{EVIL}/x.js"] not in open_to:
        yield from _hosts(policies)
    if any(len(nonce) < SHORTEST_NONCE for nonce in csp.nonces(policies)):
        yield "nonce-short", f"a nonce has fewer than {SHORTEST_NONCE} characters: it can be guessed"


def _hosts(policies: Sequence[Policy]) -> Iterator[Problem]:
    """Hosts by name: those that serve anybody's script, whole domains, and addresses that are somebody else's."""
    for host, path in BYPASSES.items():
        if _loads(policies, ELEMENT, f"https://{host}{path}"):
            yield (
                f"script-src-bypass {host}",
                f"{host} serves anybody's script (JSONP, or Angular): nothing is held back",
            )
    for source in _named(policies):
        # A port or path may be part of the name.
        host = source.rpartition("://")[2].split("/")[0].rsplit(":", 1)[0]
        if host.startswith("*.") and _loads(policies, ELEMENT, f"https://evil{host[1:]}/x.js"):
            yield f"script-src-wildcard {host}", f"any host of {host} may serve scripts, a forgotten or user's one, too"
        if _is_local(host):
            yield f"script-src-address {host}", f"{host} is another machine for everybody who opens the page"


def _others(policies: Sequence[Policy]) -> Iterator[Problem]:
    if _loads(policies, OBJECT, f"{EVIL}/x"):
        yield "object-src-any-host", "object-src does not keep <object> and <embed> from foreign content"
    if _loads(policies, BASE, f"{EVIL}/"):
        yield "base-uri-any-host", "base-uri is missing: an injected <base> sends scripts, links and forms elsewhere"
    if _every(policies, lambda each: csp.allows_inline(each, STYLE)):
        yield "style-src-unsafe-inline", "inline styles run: injected ones cover the page, or read it by selectors"


def _words(policies: Sequence[Policy]) -> Iterator[Problem]:
    """What a browser does not understand, it ignores: looking protected is not being protected."""
    for name in sorted({name for policy in policies for name in policy} - KNOWN):
        yield f"unknown {name}", f"no browser knows the directive {name!r}: what it was to forbid is allowed"
    for source in sorted({source for policy in policies for sources in policy.values() for source in sources}):
        # Never a nonce: the place is the same in every run.
        word = re.sub(r"((nonce|sha\d+)-).*", r"\1…", source)
        if source.startswith("'") and source.lower() not in KEYWORDS and not csp.NONCE_OR_HASH.fullmatch(source):
            yield (
                f"unknown {word}",
                f"no browser knows the source {word}: it allows nothing, or was to forbid something",
            )
        elif re.fullmatch(
            r"self|none|unsafe-inline|unsafe-eval|strict-dynamic|(nonce|sha256|sha384|sha512)-.+", source
        ):
            yield f"unquoted {word}", f"{word} stands without its quotes, and is a host of that name"
        elif source.endswith("-src") or source in {"base-uri", "form-action", "frame-ancestors"}:
            yield f"semicolon {source}", f"a semicolon is missing before {source}: the directive is not there"


def _loads(policies: Sequence[Policy], names: Sequence[str], url: str) -> bool:
    return _every(policies, lambda each: csp.allows_url(each, names, url))


def _every(policies: Sequence[Policy], asked: Callable[[Policy], bool]) -> bool:
    return all(asked(policy) for policy in policies)


def _named(policies: Sequence[Policy]) -> list[str]:
    """The hosts that any policy names for scripts, each once."""
    named = [source for policy in policies for source in csp.sources_of(policy, ELEMENT) or ()]
    return list(dict.fromkeys(source for source in named if "." in source or "localhost" in source))


def _is_local(host: str) -> bool:
    try:
        return bool(ipaddress.ip_address(host))
    except ValueError:
        return host == "localhost"
