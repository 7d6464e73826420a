"""The way to the release is by TLS: trusted, of today, and the only way there is."""

from __future__ import annotations

import ssl
import time
from collections.abc import Callable
from urllib.parse import urlsplit

import httpx

from checks.claim import check
from checks.findings import Findings
from checks.permission import is_loopback
from evidence.errors import CannotTell, NotApplicable
from evidence.release import Release
from evidence.variables import resolve, variable
from suites.api import AGENT
from suites.security import tls
from suites.security.answers import Seen
from suites.security.contract import Tls


@check("TLS-001")
def check_certificate_is_trusted(release: Release, findings: Findings, measure: Callable[..., None]) -> None:
    """The certificate is of a trusted authority, for this name, and valid for some time to come."""
    url, declared = _secure(release), _declared(release)
    authority = release.root / resolve(declared.ca) if declared.ca else None
    try:
        certificate = tls.handshake(url, tls.trusting(authority))
    except ssl.SSLCertVerificationError as error:
        findings.add("certificate", f"no browser goes on: {error.verify_message}")
    except ssl.SSLError as error:
        findings.add("handshake", f"no handshake as browsers make it: {error.reason}")
    else:
        measure(expires_in_days=tls.days_left(certificate, time.time()))


@check("TLS-002")
def check_old_versions_are_refused(release: Release, findings: Findings, measure: Callable[..., None]) -> None:
    """Versions of TLS that are broken (1.0 and 1.1) are refused."""
    url, unknown = _secure(release), []
    for name, version in tls.OLD.items():
        if not tls.we_speak(version):
            unknown.append(name)
        elif tls.speaks(url, version):
            findings.add(name, f"{name} is spoken: who is on the way makes browsers fall back to it")
    measure(versions_total=len(tls.OLD) - len(unknown))
    if not findings.found:
        speaks_today(url)
    if unknown and not findings.found:
        message = f"the OpenSSL of this machine ({ssl.OPENSSL_VERSION}) does not speak {', '.join(unknown)} itself"
        raise CannotTell(message)


@check("TLS-003")
def check_plain_http_only_leads_to_tls(release: Release, findings: Findings) -> None:
    """By plain http nothing is served: it leads to the same host by TLS, or nobody listens."""
    host, declared = urlsplit(_secure(release)).hostname or "", _declared(release)
    shown = f"[{host}]" if ":" in host else host
    url = resolve(declared.plain) or f"http://{shown}"
    # Of a service without a page at its root, the health path is what is there.
    for path in dict.fromkeys(("/", str(release.target.get("health", "/")))):
        answer = _by_plain_http(f"{url.rstrip('/')}{path}", declared)
        if answer is None:
            return
        if answer.is_server_error:
            message = f"{answer.url} answers {answer.status_code}: what it serves by plain http cannot be told"
            raise CannotTell(message)
        for rule, what in tls.plain(answer, host):
            findings.add(rule, what)


def _by_plain_http(url: str, declared: Tls) -> httpx.Response | None:
    """What is answered by plain http; None where nobody listens, as is right where nothing else is declared."""
    try:
        return httpx.get(url, headers={"User-Agent": AGENT}, timeout=tls.WITHIN_S, trust_env=False)
    except httpx.ConnectError as error:
        if declared.plain:
            message = f"[security.tls] plain: nobody listens at {url} ({error}); mend it, or leave it out"
            raise CannotTell(message) from None
        return None


@check("TLS-004")
def check_preload_list_is_asked_for_on_purpose(answers: tuple[Seen, ...], release: Release, findings: Findings) -> None:
    """Browsers are asked to list the host as by TLS only where release.toml says so, and then by the list's rules."""
    wanted = _declared(release).preload
    for seen in answers:
        for rule, what in tls.preload(seen.answer.headers, wanted=wanted):
            findings.add(f"{seen.place} {rule}", what)


def speaks_today(url: str) -> None:
    """What does not speak TLS at all refuses what is old, too."""
    try:
        tls.handshake(url, tls.anybody())
    except OSError as error:
        message = f"{url} does not speak TLS as browsers do ({error}): whether it refuses what is old cannot be told"
        raise CannotTell(message) from None


def _declared(release: Release) -> Tls:
    return release.section("security.tls", Tls) if release.security.get("tls") else Tls()


def _secure(release: Release) -> str:
    """The address that is judged; NotApplicable where the target is plain http on loopback, and nothing is in front."""
    url: str = resolve(_declared(release).url) or variable("TARGET_URL")
    if urlsplit(url).scheme != "https" and is_loopback(url):
        message = f"the target is plain http on loopback, and {release.path} names no [security.tls] url in front of it"
        raise NotApplicable(message)
    assert urlsplit(url).scheme == "https", f"{url} is reached by plain http: whoever is on the way reads everything"
    return url
