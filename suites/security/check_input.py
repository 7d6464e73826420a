"""Whatever is sent, a service refuses what it cannot read, tells nothing of its inside, and goes on."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator

import httpx
import pytest

from checks.claim import check
from checks.findings import Findings
from evidence.release import Release
from evidence.variables import resolve
from fixtures.target import Target
from suites.api import Client, as_declared, needed
from suites.security import hostile, leaks
from suites.security.answers import Seen
from suites.security.contract import Headers, Input

SLOW_S, LONG_BYTES = 5.0, 16 * 1024
Sent = tuple[str, bool, httpx.Response | None, float]
"""Where it went, whether it may be taken, what came back (None: nothing), and after how many seconds."""


@pytest.fixture(scope="module")
def bodies(release: Release) -> list[Sent]:
    """Every hostile body, sent to every declared request."""
    declared, sent = release.section("security.input", Input), []
    with Client(apart=True) as http:
        for request in needed(declared.requests, "[security.input] requests"):
            headers = resolve(request.headers)
            # Where nothing is there any body is refused.
            as_declared(request.send(http), request.expect, "[security.input] requests")
            for each in hostile.bodies(resolve(request.json) or {}, declared.oversized_kib * 1024):
                place = f"{request.method} {request.path}: a body {each.name}"
                wanted = {"Content-Type": hostile.JSON, **headers, **each.headers}
                built = http.build_request(request.method, resolve(request.path), content=each.content, headers=wanted)
                sent.append((place, each.may_be_taken, *_send(http, built)))
    return sent


@pytest.fixture(scope="module")
def paths(release: Release, answers: tuple[Seen, ...]) -> list[Sent]:
    """Every hostile address, at pages that are there."""
    assert answers
    pages = needed(release.section("security.headers", Headers).pages, "[security.headers] pages")
    with Client(apart=True) as http:
        return [(place, True, *_send(http, built)) for place, built in _addresses(http, pages)]


@check("INPUT-001", needs="attack")
def check_hostile_bodies_are_refused(
    http: httpx.Client, release: Release, bodies: list[Sent], findings: Findings, measure: Callable[..., None]
) -> None:
    """Every body that cannot be read is refused (4xx), soon, and the service is well afterwards."""
    measure(bodies_total=len(bodies), slowest_s=max(seconds for *_, seconds in bodies))
    for place, may_be_taken, answer, seconds in bodies:
        if answer is None or seconds > SLOW_S:
            findings.add(place, f"no answer within {SLOW_S:g} s: a few of these and nobody gets one")
        elif answer.status_code >= 500 or (answer.status_code < 400 and not may_be_taken):
            findings.add(place, f"it is answered {answer.status_code}, not refused")
    _well(http, release)


@check("INPUT-002", needs="attack")
def check_hostile_addresses_bring_nothing_out(
    http: httpx.Client, release: Release, paths: list[Sent], findings: Findings, measure: Callable[..., None]
) -> None:
    """No path climbs to files, becomes a header, leads elsewhere or breaks the service, however it is written."""
    measure(addresses_total=len(paths))
    for place, _, answer, seconds in paths:
        if answer is None or seconds > SLOW_S:
            findings.add(place, f"no answer within {SLOW_S:g} s")
        elif answer.status_code >= 500 and answer.status_code != 501:
            findings.add(place, f"it is answered {answer.status_code}")
        elif problem := hostile.path_problem(answer):
            findings.add(place, problem)
    _well(http, release)


@check("INPUT-003", needs="attack")
def check_the_host_is_not_taken_on_trust(
    http: httpx.Client, release: Release, answers: tuple[Seen, ...], findings: Findings, measure: Callable[..., None]
) -> None:
    """Neither links nor redirects lead to the host that a request's headers make up."""
    leading = [seen for seen in answers if seen.kind == "page" or seen.answer.is_redirect]
    measure(answers_total=len(leading))
    for seen, header in itertools.product(leading, ("Host", "X-Forwarded-Host", "Forwarded")):
        value = f"host={hostile.EVIL}" if header == "Forwarded" else hostile.EVIL
        sent = seen.answer.request
        answer = http.request(sent.method, sent.url.raw_path.decode("ascii"), headers={header: value})
        if problem := hostile.trusted_host(answer):
            findings.add(f"{seen.place} {header}", problem)
    _well(http, release)


@check("LEAK-001", needs="attack")
def check_errors_tell_nothing_of_the_inside(
    answers: tuple[Seen, ...], bodies: list[Sent], paths: list[Sent], findings: Findings, measure: Callable[..., None]
) -> None:
    """No answer, least of all an error, shows a trace, a statement, or a path of the machine."""
    told = [(seen.place, seen.answer) for seen in answers if seen.kind != "file"]
    told += [(place, answer) for place, _, answer, _ in (*bodies, *paths) if answer is not None]
    measure(answers_total=len(told))
    for place, answer in told:
        for rule, what in leaks.inside(answer.text):
            findings.add(f"{place} {rule}", what)


def _addresses(http: httpx.Client, pages: tuple[str, ...]) -> Iterator[tuple[str, httpx.Request]]:
    folders = dict.fromkeys(
        ("/", "/static/", "/assets/", "/media/", *(f"{page.rpartition('/')[0]}/" for page in pages))
    )
    for folder, climb in itertools.product(folders, hostile.CLIMBS):
        yield f"{folder}{climb[:9]}…", http.build_request("GET", f"{folder}{climb}etc/passwd")
    for page in pages:
        mark = "&" if "?" in page else "?"
        broken = f"{page}{mark}next=%0d%0a{hostile.MARKER}:%20yes&q=%0d%0a{hostile.MARKER}:%20yes"
        yield f"{page} with a line break", http.build_request("GET", broken)
        for target in (f"https://{hostile.EVIL}/", f"//{hostile.EVIL}/", f"/\\{hostile.EVIL}/"):
            yield f"{page} with next={target}", http.build_request("GET", f"{page}{mark}next={target}&url={target}")
        yield f"{page} with a long query", http.build_request("GET", f"{page}{mark}q={'a' * LONG_BYTES}")
    yield "a long header", http.build_request("GET", pages[0], headers={"X-Long": "a" * LONG_BYTES})
    yield "many headers", http.build_request("GET", pages[0], headers={f"X-{number}": "a" for number in range(150)})


def _send(http: httpx.Client, request: httpx.Request) -> tuple[httpx.Response | None, float]:
    """Send; a connection that the service closes without a word is no answer, though a short time."""
    started = time.monotonic()
    try:
        answer = http.send(request)
    except httpx.TransportError:
        return None, time.monotonic() - started
    return answer, time.monotonic() - started


def _well(http: httpx.Client, release: Release) -> None:
    health = release.section("target", Target).health

    assert 200 == http.get(health).status_code, f"{health} is not well afterwards"
