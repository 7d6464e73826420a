"""Who may do what: every operation of the OpenAPI document by every role, and the objects of somebody else."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping

import httpx
import pytest

from checks.claim import check
from checks.findings import Findings
from evidence.errors import CannotTell, InputError
from evidence.release import Release
from evidence.variables import resolve
from suites.api import Client, needed
from suites.security.conftest import document_of, token_of
from suites.security.contract import Access, Csrf
from suites.security.operations import Operation, operations

REFUSED = {401, 403}
HIDDEN = {*REFUSED, 404}
"""What a foreign object may be answered with: 404 does not even tell that it is there."""
Asker = tuple[httpx.Client, Mapping[str, str]]


@pytest.fixture
def access(release: Release) -> Access:
    """`[security.access]` of release.toml."""
    return release.section("security.access", Access)


@pytest.fixture
def document(release: Release, http: httpx.Client) -> list[Operation]:
    """The operations of the OpenAPI document."""
    return operations(*document_of(release, http))


@pytest.fixture
def askers(release: Release, access: Access, signed_in: Callable[[], httpx.Client]) -> Iterator[dict[str, Asker]]:
    """A client for each role; the one that signs in brings its token, so that only its rights are asked about."""
    with contextlib.ExitStack() as stack:
        found: dict[str, Asker] = {
            role: (stack.enter_context(Client(apart=True)), resolve(headers)) for role, headers in access.roles.items()
        }
        if access.session:
            http, csrf = signed_in(), release.section("security.csrf", Csrf)
            found[access.session] = (http, {csrf.header: token_of(http, csrf)})
        if unknown := {role for rule in access.rules for role in rule.roles} - {*found, "*"}:
            msg = f"{release.path}: [security.access] rules name no such role: {', '.join(sorted(unknown))}"
            raise InputError(msg)
        yield found


@check("ACCESS-001", needs="attack")
def check_every_operation_is_for_its_roles(
    access: Access,
    document: list[Operation],
    askers: dict[str, Asker],
    findings: Findings,
    measure: Callable[..., None],
) -> None:
    """Every operation is refused (401, 403) to every role that release.toml does not name for it, and to no other."""
    for operation in document:
        may = access.roles_of(operation.name)
        if may is None:
            findings.add(operation.name, "[security.access] does not say who may do this")
            continue
        for role, (http, headers) in askers.items():
            status = operation.send(http, headers).status_code
            if (status in REFUSED) is (role in may):
                wrong = "though it may do this" if role in may else "though it may not do this"
                findings.add(f"{operation.name} {role}", f"{role} is answered {status}, {wrong}")
    measure(operations_total=len(document), roles_total=len(askers))


@check("ACCESS-002", needs="attack")
def check_objects_of_others_are_out_of_reach(
    access: Access,
    document: list[Operation],
    askers: dict[str, Asker],
    findings: Findings,
    measure: Callable[..., None],
) -> None:
    """Who knows the id of somebody else's object can neither read nor change it, nor add to it (IDOR)."""
    (owner, owns), (thief, steals) = askers[access.owner], askers[access.thief]
    undecided, tried, foreign = [], 0, needed(access.foreign, "[security.access] foreign")
    refuse_unknown(access, document)
    somebody(access, document, askers[access.thief])
    # What removes the object comes last.
    for operation in sorted(document, key=lambda each: each.method == "delete"):
        body = access.bodies.get(operation.name)
        if not {*operation.parameters, *placeholders(body)} & set(foreign):
            continue
        tried += 1
        if operation.method == "get" and operation.send(owner, owns, foreign).status_code >= 400:
            undecided.append(f"{operation.name}: its owner does not get it either")
            continue
        status = operation.send(thief, steals, foreign, filled(body, foreign)).status_code
        if status in {400, 422}:
            undecided.append(f"{operation.name}: {status}; declare its body in [security.access.bodies]")
        elif status not in HIDDEN:
            findings.add(operation.name, f"with the id of somebody else's object it is answered {status}")
    measure(operations_total=tried)
    if undecided:
        raise CannotTell("; ".join(undecided))


def refuse_unknown(access: Access, document: list[Operation]) -> None:
    """InputError where `foreign` names an id that no operation has: nothing would be tried with it."""
    known = {name for operation in document for name in operation.parameters}
    known |= {name for body in access.bodies.values() for name in placeholders(body)}
    if unknown := ", ".join(sorted(set(access.foreign) - known)):
        msg = f"[security.access] foreign: no operation has {unknown}; known are {', '.join(sorted(known))}"
        raise InputError(msg)


def somebody(access: Access, document: list[Operation], thief: Asker) -> None:
    """CannotTell where the thief is refused whatever is not for everybody: a key that is dead steals nothing."""
    (http, headers), everybody = thief, {*access.roles, access.session}
    readable = [operation for operation in document if operation.method == "get" and not operation.parameters]
    roles = {operation: access.roles_of(operation.name) or set() for operation in readable}
    own = [operation for operation, may in roles.items() if access.thief in may and not may >= everybody]
    if own and all(operation.send(http, headers).status_code in REFUSED for operation in own):
        names = ", ".join(operation.name for operation in own)
        message = f"[security.access] thief: {access.thief} is refused {names}: nobody reaches nothing of others"
        raise CannotTell(message)


def placeholders(body: Mapping[str, object] | None) -> list[str]:
    """The ids that a declared body names: `{ project_id = "{project_id}" }`."""
    values = (body or {}).values()
    return [value[1:-1] for value in values if isinstance(value, str) and value.startswith("{") and value.endswith("}")]


def filled(body: Mapping[str, object] | None, ids: Mapping[str, int]) -> dict[str, object] | None:
    """The body with the ids in their places."""
    if body is None:
        return None
    named = {f"{{{name}}}": number for name, number in ids.items()}
    return {key: named.get(value, value) if isinstance(value, str) else value for key, value in body.items()}
