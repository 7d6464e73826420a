"""An answer is held against its OpenAPI document in the document's own version."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from suites.integration.documented import mismatches, operation
from suites.openapi import base_path

JSON = "application/json"
ITEM = {"type": "object", "required": ["id"], "properties": {"id": {"type": "integer"}}}


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        ({"swagger": "2.0", "basePath": "/v1"}, "/v1"),
        ({"swagger": "2.0", "basePath": "v1/"}, "/v1"),
        ({"swagger": "2.0", "basePath": "/"}, ""),
        ({"swagger": "2.0"}, ""),
        ({"openapi": "3.0.3"}, ""),
        ({"openapi": "3.0.3", "servers": []}, ""),
        ({"openapi": "3.0.3", "servers": [{"url": "/v1/"}, {"url": "/v2"}]}, "/v1"),
        ({"openapi": "3.0.3", "servers": [{"url": "https://elsewhere.example/v1"}]}, "/v1"),
        ({"openapi": "3.0.3", "servers": [{"url": "https://elsewhere.example"}]}, ""),
        ({"openapi": "3.0.3", "servers": [{"url": "../v1"}]}, "/v1"),
        ({"openapi": "3.0.3", "servers": [{"url": "/{at}", "variables": {"at": {"default": "v1"}}}]}, "/v1"),
    ],
)
def test_paths_are_below_what_the_document_says(document: dict[str, Any], expected: str) -> None:
    """Both versions' ways to say where the paths are lead to one path, without a slash at its end."""
    assert expected == base_path(document, "/docs/openapi.json")


def test_a_path_finds_its_operation() -> None:
    """A path without parameters goes before a template; a method that is not there is no operation."""
    document = {"paths": {"/a/{id}": {"get": {"x": 1}}, "/a/b": {"get": {"x": 2}}, "/{a.b}": {"get": {"x": 3}}}}

    assert [{"x": 1}, {"x": 2}, {"x": 3}, None, None] == [
        operation(document, *asked)
        for asked in (("GET", "/a/7"), ("GET", "/a/b"), ("GET", "/c"), ("POST", "/a/7"), ("GET", "/a/7/8"))
    ]


def swagger(**response: Any) -> dict[str, Any]:  # noqa: ANN401 - any response
    """A document of version 2.0, and in it the answer to 200."""
    found = {"swagger": "2.0", "produces": [JSON], "definitions": {"Item": ITEM}, "responses": {"Shared": response}}
    return {**found, "operation": {"responses": {"200": {"$ref": "#/responses/Shared"}}}}


def openapi(version: str = "3.1.0", status: str = "200", **content: Any) -> dict[str, Any]:  # noqa: ANN401 - any schema
    """A document of version 3, and in it one answer."""
    kinds = {kind.replace("_", "/").replace("any", "*"): {"schema": schema} for kind, schema in content.items()}
    return {
        "openapi": version,
        "components": {"schemas": {"Item": ITEM}},
        "operation": {"responses": {status: {"content": kinds}}},
    }


def answer(content: str = '{"id": 1}', kind: str = f"{JSON}; charset=utf-8", status: int = 200) -> httpx.Response:
    """An answer."""
    return httpx.Response(status, content=content, headers={"Content-Type": kind})


IN_2, IN_3 = {"$ref": "#/definitions/Item"}, {"$ref": "#/components/schemas/Item"}
NOTHING = {"type": "string", "nullable": True}
WRONG = "$.id: 'a' is not of type 'integer'"


@pytest.mark.parametrize(
    ("document", "answered", "expected"),
    [
        (swagger(schema=IN_2), answer(), []),
        (swagger(schema=IN_2), answer('{"id": "a"}'), [WRONG]),
        (swagger(schema=IN_2), answer(kind="text/html"), ["text/html is not documented"]),
        (swagger(), answer("<p>", "text/html"), []),
        (swagger(), answer(status=404), ["the status 404 is not documented"]),
        (openapi(application_json=IN_3), answer(), []),
        (openapi(application_json=IN_3), answer('{"id": "a"}'), [WRONG]),
        (openapi(application_json=IN_3), answer(kind="text/html"), ["text/html is not documented"]),
        (openapi(any_any=IN_3), answer('{"id": "a"}'), [WRONG]),
        (openapi(text_any=IN_3), answer(kind="text/csv"), []),
        (openapi(status="4XX", application_json=IN_3), answer(status=404), []),
        (openapi(status="default", application_json=IN_3), answer(status=500), []),
        (openapi(), answer(), [f"{JSON}; charset=utf-8 is not documented"]),
        (openapi(status="204"), httpx.Response(204), []),
        (openapi("3.0.3", application_json=NOTHING), answer("null"), []),
        (openapi("3.1.0", application_json=NOTHING), answer("null"), ["$: None is not of type 'string'"]),
        (openapi("3.1.0", application_json={"type": ["string", "null"]}), answer("null"), []),
    ],
)
def test_an_answer_is_what_is_documented(
    document: dict[str, Any], answered: httpx.Response, expected: list[str]
) -> None:
    """Status, type and body are held against the document, as its version writes them."""
    assert expected == list(mismatches(document, document["operation"], answered))
