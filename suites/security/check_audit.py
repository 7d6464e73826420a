"""The audit log only grows: nobody changes it by the API, and the service's own role cannot."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import httpx
import psycopg
import pytest

from checks.claim import check
from checks.findings import Findings
from evidence.errors import CannotTell
from evidence.release import Release
from evidence.variables import resolve
from suites.security.contract import Audit

ATTEMPTS = (
    ("POST", ""),
    ("PUT", ""),
    ("PATCH", ""),
    ("DELETE", ""),
    ("PUT", "/{id}"),
    ("PATCH", "/{id}"),
    ("DELETE", "/{id}"),
)
"""By method, and where below the log."""
REWRITES = ("UPDATE", "DELETE", "TRUNCATE")
HELD = "SELECT p FROM unnest(%s::text[]) AS p WHERE has_table_privilege(%s, %s, p)"


@check("AUDIT-002", needs="attack")
def check_entries_cannot_be_changed_by_the_api(
    http: httpx.Client, release: Release, findings: Findings, measure: Callable[..., None]
) -> None:
    """Whoever may read the audit log can neither add to it, nor change it, nor remove from it."""
    audit = release.section("security.audit", Audit)
    before = entries(http, audit)
    if not before:
        message = f"{audit.log.path} shows no entry that could be changed"
        raise CannotTell(message)
    newest, forged = before[0], {**before[0], **dict.fromkeys(audit.forged, "forged by the release verification")}
    for method, below in ATTEMPTS:
        path = audit.log.path.partition("?")[0] + below.replace("{id}", str(newest.get(audit.id_field, "")))
        answer = http.request(method, path, headers=resolve(audit.log.headers), json=forged)
        if not 400 <= answer.status_code < 500:
            findings.add(f"{method} {audit.log.path}{below}", f"it is answered {answer.status_code}, not refused")
    measure(attempts_total=len(ATTEMPTS))
    after = entries(http, audit)

    assert newest in after, "the newest entry is gone, or is another one, after attempts to change it"


@check("AUDIT-003")
def check_service_cannot_rewrite_its_log(release: Release) -> None:
    """The role that the service connects as may add to the audit log, and neither change nor remove what is there."""
    audit = release.section("security.audit", Audit)
    if not (audit.table and audit.role):
        pytest.skip("[security.audit] declares no `table`, or no `role`")
    address = os.environ.get("TARGET_DATABASE")
    if not address:
        message = "the target's database is not given: its start command, or [target] database_env, tells its address"
        raise CannotTell(message)
    with psycopg.connect(address) as connection:
        held = connection.execute(HELD, [list(REWRITES), resolve(audit.role), audit.table]).fetchall()

    assert [] == [row[0] for row in held], "whoever takes the service over covers the tracks"


def entries(http: httpx.Client, audit: Audit) -> list[dict[str, Any]]:
    """What the log shows, the newest first."""
    shown = audit.log.send(http)
    assert audit.log.expect == shown.status_code, shown.text[:500]
    body = shown.json()
    found: list[dict[str, Any]] = body[audit.entries] if audit.entries else body
    return found
