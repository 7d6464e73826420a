"""Webhooks are taken once, in time, and only from who has the secret (Standard Webhooks 1.0)."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor

import httpx

from checks.claim import check
from checks.findings import Findings
from evidence.release import Release
from evidence.variables import resolve
from suites.api import Client, Request
from suites.security.contract import Webhook

ID, MOMENT, SIGNATURE = "webhook-id", "webhook-timestamp", "webhook-signature"
AT_ONCE = 4


@check("WEBHOOK-001", needs="attack")
def check_unsigned_webhooks_are_refused(http: httpx.Client, release: Release, findings: Findings) -> None:
    """A webhook is taken with its own signature and in time; unsigned, tampered, too old or too new it is refused."""
    hook = release.section("security.webhook", Webhook)
    now, late = int(time.time()), 2 * hook.tolerance_s
    good = signed(hook, now)
    wrong = {
        "unsigned": {},
        "of an empty signature": {**good, SIGNATURE: ""},
        "of a version without a signature": {**good, SIGNATURE: "v1,"},
        "of another id": {**good, ID: good[ID] + "x"},
        "of another time": {**good, MOMENT: str(now + 1)},
        "of another key": signed(hook, now, secret=secrets.token_urlsafe(32)),
        "of an empty key": signed(hook, now, secret=""),
        "too old": signed(hook, now - late),
        "too new": signed(hook, now + late),
        **{f"without {name}": {other: good[other] for other in good if other != name} for name in good},
    }
    statuses = {name: deliver(http, hook, headers) for name, headers in wrong.items()}
    statuses["tampered"] = deliver(http, hook, good, hook.body + " ")
    for name, status in statuses.items():
        if not 400 <= status < 500:
            findings.add(f"{hook.path} {name}", f"a delivery {name} is answered {status}, not refused")

    assert hook.accepted == deliver(http, hook, good), "the delivery with its own signature is not taken"


@check("WEBHOOK-002", needs="attack")
def check_webhooks_are_taken_once(http: httpx.Client, release: Release) -> None:
    """The same delivery is taken once, also where it comes several times at the same moment."""
    hook = release.section("security.webhook", Webhook)
    good = signed(hook, int(time.time()))

    def send(_number: int) -> int:
        with Client(apart=True) as another:
            return deliver(another, hook, good)

    with ThreadPoolExecutor(AT_ONCE) as several:
        statuses = sorted(several.map(send, range(AT_ONCE)))
    again = deliver(http, hook, good)

    assert hook.accepted == statuses[0], f"none of {AT_ONCE} deliveries is taken: {statuses}"
    assert all(400 <= status < 500 for status in (*statuses[1:], again)), f"taken several times: {statuses}, {again}"


def signed(hook: Webhook, moment: int, secret: str | None = None) -> dict[str, str]:
    """Sign a delivery of its own: base64 of HMAC-SHA-256 over `id.timestamp.body`."""
    key = (resolve(hook.secret) if secret is None else secret).encode()
    identifier = f"msg_{secrets.token_hex(8)}"
    digest = hmac.new(key, f"{identifier}.{moment}.{hook.body}".encode(), hashlib.sha256).digest()
    return {ID: identifier, MOMENT: str(moment), SIGNATURE: f"v1,{base64.b64encode(digest).decode()}"}


def deliver(http: httpx.Client, hook: Webhook, headers: Mapping[str, str], body: str | None = None) -> int:
    """Send it; the answer's status."""
    content = (hook.body if body is None else body).encode()
    told = {"Content-Type": "application/json", **headers}
    return Request(path=hook.path, method="POST").send(http, content=content, headers=told).status_code
