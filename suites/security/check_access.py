"""Keys open what they may, hostile text opens nothing, and what was done is written down."""

from __future__ import annotations

import datetime as dt
import json
import secrets
from collections.abc import Callable

import httpx
import msgspec
import pytest

from checks.claim import check
from checks.findings import Findings
from evidence.errors import CannotTell
from evidence.release import Release
from evidence.variables import resolve
from suites.security.conftest import token_of
from suites.security.contract import Audit, Csrf, Injection, Keys

MARKER = "rv7q"
"""What the probes look for in answers: rare, and harmless where it stays."""
SQL_PROBES = ("'", "''", "' OR '1'='1", "'; SELECT pg_sleep(3) --", "\\", "%", "1) OR (1=1")
SQL_CONTEXTS = ("' OR '{m}' LIKE '{}", "' AND '{m}' LIKE '{}", "') OR ('{m}' LIKE '{}", "1 OR '{m}' LIKE '{}'")
SQL_PAIRS = tuple((context.format(MARKER, m=MARKER), context.format(MARKER[:-1], m=MARKER)) for context in SQL_CONTEXTS)
"""True and false where they are run: in a text, a pattern, brackets, a number; alike where they are searched for."""
SLOW_S = 2.5
XSS_PROBES = (
    f"<script>{MARKER}</script>",
    f'"><img src=x onerror={MARKER}>',
    f"'-{MARKER}-'",
    f"<svg/onload={MARKER}>",
)


@check("KEYS-001", needs="write")
def check_keys_open_what_their_scope_says(http: httpx.Client, release: Release) -> None:
    """A reading key reads and may not write (403), a writing key writes, no key at all is 401."""
    keys = release.section("security.keys", Keys)
    read, write = ({keys.header: resolve(value)} for value in (keys.read, keys.write))
    seen = {
        "reading with the reading key": keys.reading.send(http, headers=read).status_code,
        "writing with the reading key": keys.writing.send(http, headers=read).status_code,
        "writing with no key": keys.writing.send(http).status_code,
        "writing with the writing key": keys.writing.send(http, headers=write).status_code,
    }

    assert [keys.reading.expect, 403, 401, keys.writing.expect] == list(seen.values()), seen


@check("KEYS-002", needs="write")
def check_dead_keys_open_nothing(http: httpx.Client, release: Release) -> None:
    """Expired, revoked and made-up keys are answered 401, for reading too."""
    keys = release.section("security.keys", Keys)
    assert keys.refused, "[security.keys] declares no `refused` key"
    made_up = keys.read.split("$", maxsplit=1)[0] + secrets.token_urlsafe(32)
    values = (*map(resolve, keys.refused), made_up)

    assert {401} == {keys.reading.send(http, headers={keys.header: value}).status_code for value in values}


@check("KEYS-003", needs="write")
def check_revoked_keys_die_at_once(
    http: httpx.Client, release: Release, csrf: Csrf, signed_in: Callable[[], httpx.Client]
) -> None:
    """A key that is made opens what it may, and nothing any more as soon as it is revoked."""
    keys = release.section("security.keys", Keys)
    if keys.made is None:
        pytest.skip("[security.keys.made] is not declared")
    holder = signed_in()
    token = {csrf.header: token_of(holder, csrf)}
    answer = keys.made.create.send(holder, headers=token)
    assert keys.made.create.expect == answer.status_code, "no key is made"
    made = answer.json()
    sent = {keys.header: keys.made.value.replace("{key}", made[keys.made.key_field])}
    before = keys.reading.send(http, headers=sent).status_code
    path = keys.made.revoke.path.replace("{id}", str(made[keys.made.id_field]))
    revoked = msgspec.structs.replace(keys.made.revoke, path=path).send(holder, headers=token).status_code
    after = keys.reading.send(http, headers=sent).status_code

    assert (keys.reading.expect, keys.made.revoke.expect, 401) == (before, revoked, after)


@check("INJECT-001", needs="attack")
def check_sql_in_parameters_is_text(http: httpx.Client, release: Release, findings: Findings) -> None:
    """SQL in a parameter is searched for, not run: no server error, no delay, no answer that tells true from false."""
    declared = release.section("security.injection", Injection)
    assert declared.api, "[security.injection] declares no `api` path"
    for path in declared.api:
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


@check("XSS-001", needs="attack")
def check_markup_in_parameters_is_text(http: httpx.Client, release: Release) -> None:
    """Markup in a parameter comes back as text, or not at all."""
    declared = release.section("security.injection", Injection)
    assert declared.pages, "[security.injection] declares no page"
    problems, crashed = [], []
    for path in declared.pages:
        for probe in XSS_PROBES:
            answer = http.get(path.replace("{probe}", str(httpx.QueryParams(q=probe))[2:]))
            if answer.status_code >= 500:
                crashed.append(f"{path} with {probe!r}: {answer.status_code}")
            elif probe in answer.text and set(probe) & set('<>"'):
                problems.append(f"{path} with {probe!r}: the probe comes back as it was sent")

    assert [] == problems
    if crashed:
        message = f"no page came back to look at: {'; '.join(crashed)}"
        raise CannotTell(message)


@check("AUDIT-001", needs="write")
def check_mutations_are_written_down(http: httpx.Client, release: Release) -> None:
    """A mutation leaves an entry in the audit log that says who, what and when."""
    audit = release.section("security.audit", Audit)
    done = audit.mutation.send(http)
    assert audit.mutation.expect == done.status_code, done.text[:500]
    shown = audit.log.send(http)
    assert audit.log.expect == shown.status_code, shown.text[:500]
    body = shown.json()
    entries = body[audit.entries] if audit.entries else body
    newest = json.dumps(entries[0])

    assert {} == {name: newest for name in map(resolve, audit.names) if name not in newest}
    assert dt.datetime.now(dt.UTC).strftime("%Y-%m-%dT") in newest


def _probe(http: httpx.Client, declared: Injection, path: str, probe: str) -> httpx.Response:
    asked = path.replace("{probe}", str(httpx.QueryParams(q=probe))[2:])
    return http.get(asked, headers=resolve(declared.headers))


def _bare(answer: httpx.Response) -> tuple[int, str]:
    """The answer without what tells the probes apart where they are shown."""
    return answer.status_code, answer.text.replace(MARKER, MARKER[:-1])
