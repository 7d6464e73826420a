"""The API is what its OpenAPI document says."""

from __future__ import annotations

import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import httpx
import pytest
from openapi_spec_validator.shortcuts import get_validator_cls

from checks.claim import check
from checks.findings import Findings
from evidence.errors import InputError
from evidence.release import Release
from evidence.variables import resolve
from suites.api import Request
from suites.integration import documented
from suites.integration.compatible import broken
from suites.integration.contract import Api, Resource
from suites.openapi import base_path


@pytest.fixture
def document(http: httpx.Client, api: Api) -> dict[str, Any]:
    """The OpenAPI document that the release serves."""
    answer = http.get(api.openapi)
    answer.raise_for_status()
    document: dict[str, Any] = answer.json()
    return document


@check("API-001")
def check_openapi_document_is_served_and_valid(
    http: httpx.Client, api: Api, measure: Callable[..., None], attach: Callable[[str, bytes], None]
) -> None:
    """The OpenAPI document is served, and is a valid one with operations in it."""
    answer = http.get(api.openapi)
    assert 200 == answer.status_code
    # Kept beside the evidence: it is what the next release's `openapi_before` is made from.
    attach("openapi.json", answer.content)
    document = answer.json()
    assert isinstance(document, dict)
    errors = [error.message for error in get_validator_cls(document)(document).iter_errors()]
    operations = sum(len(item) for item in document.get("paths", {}).values())
    measure(operations_total=operations)

    assert [] == errors
    assert operations > 0


@check("API-005")
def check_clients_of_the_last_release_can_go_on(
    release: Release, api: Api, document: dict[str, Any], findings: Findings
) -> None:
    """Nothing that the OpenAPI document of the last release grants to its clients is gone or narrowed."""
    if not api.openapi_before:
        pytest.skip("[api] declares no `openapi_before`, the document of the last promoted release")
    path = release.root / api.openapi_before
    try:
        before = json.loads(path.read_text(encoding="utf-8"))
        operations = before["paths"].items()
    except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
        msg = f"{release.path}: [api] openapi_before: {path} is no OpenAPI document in JSON: {error}"
        raise InputError(msg) from None
    if not operations:
        msg = f"{release.path}: [api] openapi_before: {path} has no operation to compare with"
        raise InputError(msg)
    for place, what in broken(before, document):
        findings.add(place=place, what=what)


@check("API-002")
def check_examples_answer_as_documented(
    http: httpx.Client, api: Api, document: dict[str, Any], measure: Callable[..., None]
) -> None:
    """Each declared example request answers with its status and a body of the documented schema."""
    measure(examples_total=len(api.examples))
    if not api.examples:
        pytest.skip("[[api.examples]] declares no request")
    base = base_path(document, api.openapi)
    problems = [problem for request in api.examples for problem in _mismatches(http, request, document, base)]

    assert [] == problems


@check("API-003", needs="write")
def check_objects_live_their_life(http: httpx.Client, api: Api, measure: Callable[..., None]) -> None:
    """What is created can be read, changed and removed, and is then gone with 404."""
    measure(resources_total=len(api.resources))
    if not api.resources:
        pytest.skip("[[api.resources]] declares no object")
    for resource in api.resources:
        _live_its_life(http, resource)


@check("API-004", needs="write")
def check_totals_are_the_sum_of_their_lines(http: httpx.Client, api: Api) -> None:
    """A computed total equals quantity times the sum of its parts, over every line, to the last digit."""
    totals = api.totals
    if totals is None:
        pytest.skip("[api.totals] is not declared")
    identifier = _created(http, totals.create, totals.id_field)
    try:
        for _ in range(2):
            assert totals.add_line.expect == _with_id(totals.add_line, identifier).send(http).status_code
        body = _exactly(_with_id(totals.read, identifier).send(http))
        lines = body[totals.lines]
        expected = sum(
            (_decimal(line[totals.quantity]) * sum(_decimal(line[part]) for part in totals.parts) for line in lines),
            Decimal(0),
        )

        assert lines, "the object has no line: nothing was added up"
        assert expected > 0
        assert expected.quantize(Decimal("0.01")) == _decimal(body[totals.total]).quantize(Decimal("0.01"))
    finally:
        if totals.delete:
            _with_id(totals.delete, identifier).send(http)


def _mismatches(http: httpx.Client, request: Request, document: dict[str, Any], base: str) -> list[str]:
    answer = request.send(http)
    name = f"{request.method} {request.path}"
    if answer.status_code != request.expect:
        return [f"{name}: {answer.status_code}, not {request.expect}"]
    path = str(resolve(request.path)).split("?", maxsplit=1)[0]
    operation = (
        documented.operation(document, request.method, path.removeprefix(base)) if path.startswith(base) else None
    )
    if operation is None:
        return [f"{name}: not in the OpenAPI document"]
    return [f"{name}: {what}" for what in documented.mismatches(document, operation, answer)]


def _live_its_life(http: httpx.Client, resource: Resource) -> None:
    identifier = _created(http, resource.create, resource.id_field)
    try:
        _read_and_changed(http, resource, identifier)
    finally:
        # Whatever befell it, it is not left behind.
        removed = _with_id(resource.delete, identifier).send(http)
    assert resource.delete.expect == removed.status_code, f"{resource.name}: delete: {removed.text[:500]}"
    gone = _with_id(resource.read, identifier).send(http).status_code
    assert 404 == gone, f"{resource.name}: after its removal it answers {gone}"


def _read_and_changed(http: httpx.Client, resource: Resource, identifier: str) -> None:
    for name, request in (("read", resource.read), ("update", resource.update)):
        answer = _with_id(request, identifier).send(http)
        assert request.expect == answer.status_code, f"{resource.name}: {name}: {answer.text[:500]}"
    changed = resolve(resource.update.json) or {}
    body = _with_id(resource.read, identifier).send(http).json()
    assert changed == {key: body.get(key) for key in changed}, f"{resource.name}: the change did not stay"


def _created(http: httpx.Client, request: Request, id_field: str) -> str:
    answer = request.send(http)
    assert request.expect == answer.status_code, answer.text[:500]
    return str(answer.json()[id_field])


def _with_id(request: Request, identifier: str) -> Request:
    return Request(
        path=request.path.replace("{id}", identifier),
        method=request.method,
        json=request.json,
        form=request.form,
        headers=request.headers,
        expect=request.expect,
    )


def _exactly(answer: httpx.Response) -> dict[str, Any]:
    """Decode JSON without turning its decimals into binary fractions."""
    body: dict[str, Any] = answer.json(parse_float=Decimal)
    return body


def _decimal(value: object) -> Decimal:
    return Decimal(str(value))
