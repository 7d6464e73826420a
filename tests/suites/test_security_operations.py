"""An OpenAPI document is read as what may be asked, by whom, without changing anything."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from suites.security.operations import Operation, cookie_schemes, operations

DOCUMENT: dict[str, Any] = {
    "security": [{"key": []}],
    "components": {
        "securitySchemes": {
            "key": {"type": "http", "scheme": "bearer"},
            "session": {"type": "apiKey", "in": "cookie", "name": "id"},
        }
    },
    "paths": {
        "/items": {
            "parameters": [],
            "get": {"security": [{"key": []}, {}]},
            "post": {"security": [{"session": []}, {"key": []}], "requestBody": {}},
        },
        "/items/{id}/lines/{line}": {"delete": {}, "get": {"security": []}},
    },
}


def test_every_operation_is_read_with_its_credentials() -> None:
    """What the document says of all operations counts where one says nothing; nothing asked for is anybody."""
    assert {
        "GET /items": {"key", ""},
        "POST /items": {"session", "key"},
        "DELETE /items/{id}/lines/{line}": {"key"},
        "GET /items/{id}/lines/{line}": {""},
    } == {each.name: set(each.schemes) for each in operations(DOCUMENT, "/openapi.json")}
    assert ["POST /items"] == [each.name for each in operations(DOCUMENT, "/openapi.json") if each.has_body]
    assert {"session"} == cookie_schemes(DOCUMENT)


def test_operations_of_version_2_are_below_its_base_path() -> None:
    """`basePath` is part of what is asked for, not of an operation's name; a parameter in the body is a body."""
    item = {"parameters": [{"$ref": "#/parameters/id"}, {"in": "body", "name": "item"}]}
    (read, put) = operations({"swagger": "2.0", "basePath": "/v1", "paths": {"/a": {"get": {}, "put": item}}}, "/api")
    with httpx.Client(
        transport=httpx.MockTransport(lambda _: httpx.Response(404)), base_url="http://a.example"
    ) as http:
        asked = put.send(http, {}).request.url.path

    assert ("PUT /a", True, False, "/v1/a") == (put.name, put.has_body, read.has_body, asked)


@pytest.mark.parametrize(
    ("method", "has_body", "body", "path", "sent"),
    [
        ("delete", False, None, "/items/7/lines/999999999", b""),
        ("put", True, None, "/items/7/lines/999999999", b"{}"),
        ("put", True, {"a": 1}, "/items/7/lines/999999999", json.dumps({"a": 1}, separators=(",", ":")).encode()),
    ],
)
def test_a_request_is_made_of_it(method: str, *, has_body: bool, body: object, path: str, sent: bytes) -> None:
    """An id that is given is used, and of any other there is nothing: what is let through changes nothing."""
    seen: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(404)

    operation = Operation(method=method, path="/items/{id}/lines/{line}", schemes=frozenset(), has_body=has_body)
    with httpx.Client(transport=httpx.MockTransport(answer), base_url="http://a.example") as http:
        operation.send(http, {"X-A": "b"}, {"id": 7}, body)

    assert [(path, sent, "b")] == [(each.url.path, each.content, each.headers["x-a"]) for each in seen]
