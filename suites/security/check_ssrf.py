"""What the release asks for others: it is not made to ask what only itself can reach."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

import httpx
import pytest

from checks.claim import check
from checks.findings import Findings
from checks.permission import is_loopback
from evidence.errors import CannotTell
from evidence.release import Release
from evidence.variables import resolve, variable
from suites.api import AGENT, TIMEOUT_S, as_declared
from suites.security.contract import Ssrf, UrlField
from suites.security.hostile import OUTSIDE
from suites.security.ssrf import ELSEWHERE, Listener, listening, ways, where

LATER_S = 0.3
"""A service that asks by the way does so soon."""


@dataclass(frozen=True, kw_only=True)
class Trap:
    """The declared fields, and somebody who notices when the release comes."""

    declared: Ssrf
    listener: Listener
    ways: dict[str, str]

    def ask(self, http: httpx.Client, field: UrlField, address: str) -> tuple[httpx.Response, bool]:
        """Send an address; the answer, and whether the release came to us."""
        before = len(self.listener.calls)
        answer = field.request.send(http, json={**resolve(field.request.json), field.field: address})
        if len(self.listener.calls) == before and answer.is_success:
            time.sleep(LATER_S)
        return answer, len(self.listener.calls) > before


@pytest.fixture
def trap(release: Release, http: httpx.Client) -> Iterator[Trap]:
    """A listener that the release could reach; CannotTell where it could not, or takes no address at all."""
    declared = release.section("security.ssrf", Ssrf)
    told = resolve(declared.listener)
    if not told and not is_loopback(variable("TARGET_URL")):
        message = "the target is not on loopback, and [security.ssrf] names no `listener` where it would reach us"
        raise CannotTell(message)
    for field in declared.fields:
        as_declared(field.request.send(http), field.request.expect, "[[security.ssrf.fields]] request")
    with listening(*where(told)) as listener:
        yield Trap(declared=declared, listener=listener, ways=ways(listener.port, told))


@check("SSRF-001", needs="attack")
def check_addresses_of_the_inside_are_not_asked(
    http: httpx.Client, trap: Trap, findings: Findings, measure: Callable[..., None]
) -> None:
    """No address that leads to the machine itself, its cloud or its files is asked, however it is written."""
    for field in trap.declared.fields:
        for name, address in {**trap.ways, **ELSEWHERE}.items():
            answer, came = trap.ask(http, field, address)
            place = f"{field.request.path} {field.field} {name}"
            if came:
                findings.add(place, "the release asks it: whoever sends an address reaches what only the release can")
            elif name in ELSEWHERE and (not 400 <= answer.status_code < 500 or OUTSIDE in answer.text):
                findings.add(place, f"it is answered {answer.status_code}, not refused")
    measure(addresses_total=len(trap.declared.fields) * (len(trap.ways) + len(ELSEWHERE)))


@check("SSRF-002", needs="attack")
def check_redirects_do_not_lead_inside(
    http: httpx.Client, trap: Trap, findings: Findings, measure: Callable[..., None]
) -> None:
    """An address that may be asked does not lead the release on to one that may not."""
    fields = [field for field in trap.declared.fields if field.redirect]
    if not fields:
        pytest.skip("[security.ssrf] declares no `redirect` of any field")
    first = next(iter(trap.ways.values()))
    for field in fields:
        address = resolve(field.redirect).replace("{url}", first)
        leads_on(address, first)
        _, came = trap.ask(http, field, address)
        if came:
            findings.add(
                f"{field.request.path} {field.field}", "the release follows a redirect to where it must not go"
            )
    measure(redirects_total=len(fields))


def leads_on(address: str, to: str) -> None:
    """Ask for the redirect ourselves: CannotTell where it leads nowhere, and so nobody would be led inside."""
    try:
        answer = httpx.get(address, headers={"User-Agent": AGENT}, timeout=TIMEOUT_S, trust_env=False)
        seen = f"answered {answer.status_code}, to {answer.headers.get('location', 'nowhere')}"
    except httpx.TransportError as error:
        answer, seen = None, f"not answered ({type(error).__name__})"
    if (
        answer is None
        or not answer.is_redirect
        or urlsplit(answer.headers.get("location")).netloc != urlsplit(to).netloc
    ):
        message = f"[[security.ssrf.fields]] redirect: {address} is {seen}: it does not lead to {to}; mend the address"
        raise CannotTell(message)
