"""The audit log has every change, and only grows: nobody changes it by the API, the service's own role cannot."""

from __future__ import annotations

from collections.abc import Callable

import httpx
import pytest

from checks.claim import check
from checks.findings import Findings
from evidence.errors import CannotTell
from evidence.release import Release
from evidence.variables import resolve
from suites.api import Client, needed
from suites.security.audit import CLAIMED, Change, Sender, entries, is_address, made, not_made
from suites.security.conftest import document_of, token_of
from suites.security.contract import Audit, Csrf
from suites.security.operations import operations
from suites.statements import address, connect

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


@pytest.fixture(scope="module")
def changes(release: Release, request: pytest.FixtureRequest) -> list[Change]:
    """The declared changes, made once, and what each left in the log."""
    audit, person = release.section("security.audit", Audit), None
    if any(mutation.signed_in for mutation in audit.mutations):
        member, csrf = request.getfixturevalue("member"), release.section("security.csrf", Csrf)
        person = Sender(http=member, headers={csrf.header: token_of(member, csrf)})
    with Client(apart=True) as http:
        return made(http, audit, person)


@pytest.fixture
def unmade(release: Release, http: httpx.Client) -> list[str]:
    """The operations of the OpenAPI document, where there is one, that change something and are not declared."""
    if not release.api.get("openapi"):
        return []
    return not_made(release.section("security.audit", Audit), operations(*document_of(release, http)))


@check("AUDIT-001", needs="write")
def check_mutations_are_written_down(
    changes: list[Change], unmade: list[str], findings: Findings, measure: Callable[..., None]
) -> None:
    """Each mutation leaves an entry of its own in the audit log that says who, what and when."""
    measure(mutations_total=len(changes))
    for change in changes:
        if not change.new:
            findings.add(change.place, "it leaves no entry in the audit log")
        elif not change.entry:
            lacking = min((change.lacks(entry) for entry in change.new), key=len)
            findings.add(change.place, f"its entry in the audit log does not name {', '.join(lacking)}")
    if unmade and not findings.found:
        message = (
            f"nobody has looked whether {', '.join(unmade)} is written down: declare it among"
            " [[security.audit.mutations]], or say why not under [security.audit.not_made]"
        )
        raise CannotTell(message)


@check("AUDIT-004", needs="write")
def check_entries_say_from_where(
    changes: list[Change], release: Release, findings: Findings, measure: Callable[..., None]
) -> None:
    """The entry of a mutation says from which address it came, whatever its headers claim."""
    field = needed(release.section("security.audit", Audit).address_field, "[security.audit] address_field")
    written = [(change, change.entry) for change in changes if change.entry]
    measure(entries_total=len(written))
    if not written:
        message = "no mutation left an entry that could say from where it came"
        raise CannotTell(message)
    for change, entry in written:
        said = entry.get(field)
        if is_address(said, CLAIMED):
            findings.add(change.place, f"{field} of its entry is what a header claims, which anybody can write")
        elif not is_address(said, change.came_from):
            findings.add(change.place, f"{field} of its entry is {said!r}, not the address that it came from")


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
    if missing := {audit.id_field, *audit.forged} - set(newest):
        message = f"[security.audit] id_field and forged: an entry has no {', '.join(sorted(missing))}; mend the name"
        raise CannotTell(message)
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
    with connect(address()) as connection:
        held = connection.execute(HELD, [list(REWRITES), resolve(audit.role), audit.table]).fetchall()

    assert [] == [row[0] for row in held], "whoever takes the service over covers the tracks"
