"""No text that somebody sends or stores runs as a script in the browser of somebody else."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from typing import Any

import httpx
import msgspec
import pytest
from playwright.sync_api import Browser, BrowserContext

from checks.claim import check
from checks.findings import Findings
from checks.permission import refusal
from evidence.errors import CannotTell
from evidence.release import Release, Undeclared
from evidence.variables import variable
from suites.api import Client, Request
from suites.security.contract import Injection, Stored
from suites.smoke import scripts
from suites.smoke.contract import Smoke
from suites.smoke.scripts import Probe

# Getting a browser for the first time takes minutes.
pytestmark = pytest.mark.timeout(1800)

WHAT = "the text runs as a script"
REFUSED = {400, 409, 413, 422}
"""Text that is not taken does no harm, as long as some is."""


@pytest.fixture
def unguarded(chromium: Browser) -> Iterator[BrowserContext]:
    """A context in which no content-security policy stops a script."""
    with contextlib.closing(chromium.new_context(bypass_csp=True)) as context:
        yield context


@check("SMOKE-013", needs="attack")
def check_text_in_addresses_never_runs(
    release: Release, smoke: Smoke, unguarded: BrowserContext, findings: Findings
) -> None:
    """Text in an address runs as a script on no page that shows it, even without a content-security policy."""
    declared = release.section("security.injection", Injection)
    if not declared.pages:
        message = f"{release.path}: [security.injection] pages declares no path with {{probe}}"
        raise Undeclared(message)
    looked_for = scripts.addresses(declared.pages, smoke.pages)
    _settle(list(scripts.running(unguarded, variable("TARGET_URL"), looked_for)), findings)


@check("SMOKE-014", needs="attack")
@pytest.mark.usefixtures("alone")
def check_stored_text_never_runs(release: Release, unguarded: BrowserContext, findings: Findings) -> None:
    """Text that somebody stored runs as a script on no page that shows it, even without a content-security policy."""
    declared = release.section("security.injection", Injection).stored
    if not declared:
        message = f"{release.path}: [[security.injection.stored]] does not say where text is stored, and shown again"
        raise Undeclared(message)
    if why := refusal(release, "write", variable("TARGET_URL")):
        pytest.skip(why)
    seen: list[tuple[Probe, str]] = []
    with Client() as http:
        for each in declared:
            with _stored(http, each) as looked_for:
                seen += scripts.running(unguarded, variable("TARGET_URL"), looked_for)
    _settle(seen, findings)


@contextlib.contextmanager
def _stored(http: httpx.Client, declared: Stored) -> Iterator[dict[str, Probe]]:
    """Store every probe; yield the pages that show them, and remove all again."""
    with contextlib.ExitStack() as stack:
        pages = {}
        for page, probe in scripts.probes(declared.page):
            answer = filled(declared.create, {"{probe}": probe.text, "{n}": probe.number}).send(http)
            if answer.status_code in REFUSED:
                continue
            if answer.status_code != declared.create.expect:
                message = f"{declared.create.path} answers {answer.status_code}, not {declared.create.expect}"
                raise CannotTell(message)
            name = {"{id}": str(answer.json()[declared.id_field])}
            stack.callback(filled(declared.remove, name).send, http)
            pages[page.replace("{id}", name["{id}"])] = probe
        if not pages:
            message = f"{declared.create.path} refuses every probe: declare a field that takes any text"
            raise CannotTell(message)
        yield pages


def filled(request: Request, values: Mapping[str, str]) -> Request:
    """Put each value in the place of its name, wherever in path and body it stands."""
    return msgspec.structs.replace(request, path=_filled(request.path, values), json=_filled(request.json, values))


def _filled(body: Any, values: Mapping[str, str]) -> Any:  # noqa: ANN401 - any JSON value
    if isinstance(body, dict):
        return {key: _filled(inner, values) for key, inner in body.items()}
    if isinstance(body, list):
        return [_filled(inner, values) for inner in body]
    if isinstance(body, str):
        for name, value in values.items():
            body = body.replace(name, value)
    return body


def _settle(seen: list[tuple[Probe, str]], findings: Findings) -> None:
    for probe, fault in seen:
        if not fault:
            findings.add(probe.place, WHAT)
    faults = "\n".join(f"{probe.place} {fault}" for probe, fault in seen if fault)
    found = "\n".join(f"{each.place}: {each.what}" for each in findings.found.values())

    # Where not everything was seen, nothing that was found can be accepted.
    if faults and found:
        raise AssertionError(f"{found}\n{faults}")  # noqa: EM102, TRY003 - an assert would repeat both
    if faults:
        raise CannotTell(faults)
