"""Keys open what they may, hostile text opens nothing, and what was done is written down."""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import hmac
import json
import secrets
import time
from collections.abc import Callable

import httpx

from evidence.check import check
from evidence.errors import CannotTell
from evidence.release import Release
from evidence.variables import resolve
from suites.api import Client, Request
from suites.security.contract import Audit, Injection, Keys, RateLimit, Webhook

MARKER = "rv7q"
"""What the probes look for in answers: rare, and harmless where it stays."""
SQL_PROBES = ("'", "''", "' OR '1'='1", "'; SELECT pg_sleep(3) --", "\\", "%", "1) OR (1=1")
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


@check("RATE-001", needs="attack")
def check_rate_limit_holds(release: Release, measure: Callable[..., None]) -> None:
    """The declared burst is let through, no more than it is, and who is refused is told when to come back."""
    limit = release.section("security.rate_limit", RateLimit)
    started = time.monotonic()
    with Client(patient=False) as http:
        answers = [limit.request.send(http) for _ in range(limit.burst + 20)]
    elapsed = time.monotonic() - started
    let_through = sum(answer.status_code == limit.request.expect for answer in answers)
    refused = [answer for answer in answers if answer.status_code == 429]
    measure(let_through_total=let_through, refused_total=len(refused))
    refilled = elapsed * limit.per_minute / 60 + 1

    assert len(answers) == let_through + len(refused), {answer.status_code for answer in answers}
    assert limit.burst <= let_through <= limit.burst + refilled
    assert all(answer.headers.get("retry-after", "").isdigit() for answer in refused)


@check("INJECT-001", needs="attack")
def check_sql_in_parameters_is_text(http: httpx.Client, release: Release) -> None:
    """SQL in a parameter is searched for, not run: no server error, no other result, no delay."""
    declared = release.section("security.injection", Injection)
    problems = []
    for path in declared.api:
        for probe in SQL_PROBES:
            answer = http.get(
                path.replace("{probe}", str(httpx.QueryParams(q=probe))[2:]), headers=resolve(declared.headers)
            )
            if answer.status_code >= 500 or answer.elapsed.total_seconds() > SLOW_S:
                problems.append(
                    f"{path} with {probe!r}: {answer.status_code} in {answer.elapsed.total_seconds():.1f} s"
                )

    assert declared.api, "[security.injection] declares no `api` path"
    assert [] == problems


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


@check("WEBHOOK-001", needs="attack")
def check_unsigned_webhooks_are_refused(http: httpx.Client, release: Release) -> None:
    """A webhook is taken once, with its own signature and in time; unsigned, tampered, old or again it is refused."""
    hook = release.section("security.webhook", Webhook)
    now, identifier = int(time.time()), f"msg_{secrets.token_hex(8)}"
    good = _signed(hook, identifier, now)
    seen = {
        "unsigned": _deliver(http, hook, {}),
        "tampered": _deliver(http, hook, good, body=hook.body + " "),
        "old": _deliver(http, hook, _signed(hook, f"{identifier}-old", now - 2 * hook.tolerance_s)),
        "wrong key": _deliver(http, hook, _signed(hook, f"{identifier}-key", now, secret=secrets.token_urlsafe(32))),
        "good": _deliver(http, hook, good),
        "again": _deliver(http, hook, good),
    }

    assert hook.accepted == seen.pop("good"), seen
    assert all(400 <= status < 500 for status in seen.values()), seen


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


def _signed(hook: Webhook, identifier: str, moment: int, secret: str | None = None) -> dict[str, str]:
    """Sign as Standard Webhooks 1.0 says: base64 of HMAC-SHA-256 over `id.timestamp.body`."""
    key = (secret or resolve(hook.secret)).encode()
    digest = hmac.new(key, f"{identifier}.{moment}.{hook.body}".encode(), hashlib.sha256).digest()
    return {
        "webhook-id": identifier,
        "webhook-timestamp": str(moment),
        "webhook-signature": f"v1,{base64.b64encode(digest).decode()}",
    }


def _deliver(http: httpx.Client, hook: Webhook, headers: dict[str, str], body: str | None = None) -> int:
    content = (hook.body if body is None else body).encode()
    sent = Request(path=hook.path, method="POST").send(
        http, content=content, headers={"Content-Type": "application/json", **headers}
    )
    return sent.status_code
