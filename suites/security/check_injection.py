"""Hostile text opens nothing: it is not run, and comes back as text."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence

import httpx

from checks.claim import check
from checks.findings import Findings
from evidence.errors import CannotTell
from evidence.release import Release
from evidence.variables import resolve
from suites.api import needed
from suites.security.contract import Injection
from suites.security.uniform import bare

MARKER, OTHER = "rv7q", "rv7z"
"""What the probes look for in answers: rare, and harmless where it stays. Neither begins as the other is."""
SQL_PROBES = ("'", "''", "' OR '1'='1", "'; SELECT pg_sleep(3) --", "\\", "%", "1) OR (1=1")
SQL_CONTEXTS = ("' OR '{m}' LIKE '{}", "' AND '{m}' LIKE '{}", "') OR ('{m}' LIKE '{}", "1 OR '{m}' LIKE '{}'")
SQL_PAIRS = tuple((context.format(MARKER, m=MARKER), context.format(OTHER, m=MARKER)) for context in SQL_CONTEXTS)
"""True and false where they are run: in a text, a pattern, brackets, a number; alike where they are searched for."""
HARMLESS, NOTHING = "a", f"{OTHER}{MARKER}"
"""What most can be asked for, and what nobody has ever sent and nothing has in it."""
SLOW_S = 2.5
TEMPLATE_PROBES = ("{{1337*7331}}", "${1337*7331}", "#{1337*7331}", "<%= 1337*7331 %>", "{1337*7331}", "@(1337*7331)")
"""Alike where they are text; where a template engine runs one (Jinja, Freemarker, ERB, Razor, …) it is PRODUCT."""
PRODUCT = re.compile(r"\b9[,.\s]?801[,.\s]?547\b")
XSS_PROBES = (
    f"<script>{MARKER}</script>",
    f'"><img src=x onerror={MARKER}>',
    f"'-{MARKER}-'",
    f"<svg/onload={MARKER}>",
)


@check("INJECT-001", needs="attack")
def check_sql_in_parameters_is_text(http: httpx.Client, release: Release, findings: Findings) -> None:
    """SQL in a parameter is searched for, not run: no server error, no delay, no answer that tells true from false."""
    declared = release.section("security.injection", Injection)
    unseen: list[str] = []
    for path in _read(http, declared, needed(declared.api, "[security.injection] api"), findings, unseen):
        for probe in SQL_PROBES:
            answer = _probe(http, declared, path, probe)
            if answer.status_code >= 500 or answer.elapsed.total_seconds() > SLOW_S:
                took = "no sooner than it asks for" if answer.status_code < 500 else f"with {answer.status_code}"
                findings.add(f"{path} {probe}", f"{probe!r} is answered {took}: it is run as SQL")
        for true, false in SQL_PAIRS:
            # Asked twice: an answer that differs by itself tells nothing.
            seen = [_bare(_probe(http, declared, path, probe)) for probe in (true, true, false)]
            if seen[0] == seen[1] != seen[2]:
                findings.add(
                    f"{path} {true}", f"{true!r} and {false!r} find something else: the database compares them"
                )
    _settle(unseen, findings)


@check("INJECT-002", needs="attack")
def check_templates_in_parameters_are_text(
    http: httpx.Client, release: Release, findings: Findings, measure: Callable[..., None]
) -> None:
    """A template in a parameter is not run: no answer has the product of the two numbers that it multiplies."""
    declared = release.section("security.injection", Injection)
    paths = needed((*declared.pages, *declared.api), "[security.injection] pages and api")
    measure(paths_total=len(paths))
    unseen: list[str] = []
    for path in _read(http, declared, paths, findings, unseen):
        for probe in TEMPLATE_PROBES:
            answer = _probe(http, declared, path, probe)
            if answer.status_code >= 500:
                unseen.append(f"{path} with {probe!r} is answered {answer.status_code}: no page came back")
            elif PRODUCT.search(answer.text):
                findings.add(f"{path} {probe}", f"{probe!r} comes back multiplied: whoever sends a template runs code")
    _settle(unseen, findings)


@check("XSS-001", needs="attack")
def check_markup_in_parameters_is_text(http: httpx.Client, release: Release, findings: Findings) -> None:
    """Markup in a parameter comes back as text, or not at all."""
    declared = release.section("security.injection", Injection)
    unseen: list[str] = []
    for path in _read(http, declared, needed(declared.pages, "[security.injection] pages"), findings, unseen):
        for probe in XSS_PROBES:
            answer = _probe(http, declared, path, probe)
            if answer.status_code >= 500:
                unseen.append(f"{path} with {probe!r} is answered {answer.status_code}: no page came back")
            elif probe in answer.text and set(probe) & set('<>"'):
                findings.add(f"{path} {probe}", f"{probe!r} comes back as it was sent: it is run in whose page this is")
    _settle(unseen, findings)


def _probe(http: httpx.Client, declared: Injection, path: str, probe: str) -> httpx.Response:
    asked = path.replace("{probe}", str(httpx.QueryParams(q=probe))[2:])
    # A page is asked for as anybody would: its headers are the API's.
    return http.get(asked, headers={} if path in declared.pages else resolve(declared.headers))


def _read(
    http: httpx.Client, declared: Injection, paths: Sequence[str], findings: Findings, unseen: list[str]
) -> Iterator[str]:
    """Yield the paths to look at; one where harmless text does nothing is looked at all the same, and passes nothing.

    What is found there has been seen to be read. What only takes any text has not.
    """
    for path in paths:
        told = declared.harmless if isinstance(declared.harmless, str) else declared.harmless.get(path, HARMLESS)
        harmless, other = (_probe(http, declared, path, text) for text in (told, NOTHING))
        if harmless.status_code >= 300:
            what = f"harmless text is answered {harmless.status_code}, so that nothing was looked at; mend the path"
            unseen.append(f"[security.injection] {path}: {what}, or say under `harmless` what it takes")
            continue
        before = len(findings.found)
        yield path
        alike = (harmless.status_code, bare(harmless.text)) == (other.status_code, bare(other.text))
        if alike and len(findings.found) == before:
            what = f"{told!r} is answered as {NOTHING!r} is: nobody reads the parameter; mend its name"
            unseen.append(f"[security.injection] {path}: {what}, or say under `harmless` a text that finds something")


def _settle(unseen: Sequence[str], findings: Findings) -> None:
    """Where not all was looked at there is no pass, and of what was found nothing that can be accepted."""
    message, found = "\n".join(unseen), "\n".join(f"{each.place}: {each.what}" for each in findings.found.values())
    if message and found:
        raise AssertionError(f"{found}\n{message}")  # noqa: EM102, TRY003 - an assert would repeat both
    if message:
        raise CannotTell(message)


def _bare(answer: httpx.Response) -> tuple[int, str]:
    """The answer without what tells the probes apart where they are shown."""
    return answer.status_code, answer.text.replace(OTHER, MARKER)
