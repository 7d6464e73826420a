"""An OpenAPI document is compared with an earlier one as its clients would feel it."""

from __future__ import annotations

from typing import Any

import pytest

from suites.integration.compatible import broken

ITEM = {"type": "object", "properties": {"id": {"type": "integer"}, "name": {"type": "string"}}, "required": ["id"]}


def document(operation: dict[str, Any], path: str = "/items", **components: Any) -> dict[str, Any]:  # noqa: ANN401
    """A document with one operation."""
    return {"openapi": "3.1.0", "paths": {path: {"post": operation}}, "components": {"schemas": components}}


def takes(schema: Any) -> dict[str, Any]:  # noqa: ANN401 - any schema
    """An operation that takes a body, and answers nothing."""
    return {"requestBody": {"content": {"application/json": {"schema": schema}}}, "responses": {"204": {}}}


def gives(schema: Any, status: str = "200") -> dict[str, Any]:  # noqa: ANN401 - any schema
    """An operation that answers with a body."""
    return {"responses": {status: {"content": {"application/json": {"schema": schema}}}}}


def asks(*parameters: dict[str, Any]) -> dict[str, Any]:
    """An operation with parameters in its query."""
    return {"parameters": [{"in": "query", **one} for one in parameters], "responses": {"204": {}}}


def string(**limits: Any) -> dict[str, Any]:  # noqa: ANN401 - any limit
    """A string."""
    return {"type": "string", **limits}


NARROWED = [
    (asks({"name": "q"}), asks(), [("param q", "it is no longer taken")]),
    (asks(), asks({"name": "q", "required": True}), [("param q", "it is required now")]),
    (asks({"name": "q"}), asks({"name": "q", "required": True}), [("param q", "it is required now")]),
    (
        asks({"name": "q", "schema": {"type": "integer", "maximum": 100}}),
        asks({"name": "q", "schema": {"type": "integer", "maximum": 50}}),
        [("param q", "maximum is now 50, and was 100")],
    ),
    (
        asks({"name": "q", "schema": string()}),
        asks({"name": "q", "schema": string(minLength=3, pattern="^a")}),
        [
            ("param q", "minLength is now 3, and was not given"),
            ("param q", "pattern is now ^a, and was not given"),
        ],
    ),
    (takes(string(enum=["a", "b"])), takes(string(enum=["a"])), [("body", "the value 'b' is gone")]),
    (takes(string()), takes(string(enum=["a"])), [("body", "only these values are taken now: a")]),
    (takes({"type": "number"}), takes({"type": "integer"}), [("body", "the type was number, and is integer")]),
    (takes({"type": ["string", "null"]}), takes(string()), [("body", "null is no longer taken")]),
    (takes(string(nullable=True)), takes(string()), [("body", "null is no longer taken")]),
    (takes(ITEM), takes({**ITEM, "required": ["id", "name"]}), [("body.name", "the field is required now")]),
    (
        takes(ITEM),
        takes({**ITEM, "properties": {"id": {"type": "integer"}}}),
        [("body.name", "the field is no longer taken")],
    ),
    (takes(string()), {"responses": {"204": {}}}, [("body", "application/json is gone")]),
    (
        {"responses": {"204": {}}},
        {**takes(string()), "requestBody": {"required": True}},
        [("body", "it is required now")],
    ),
    (gives(string()), gives(string(), "201"), [("200", "this answer is gone")]),
    (gives(ITEM), gives({**ITEM, "properties": {"id": {"type": "integer"}}}), [("200.name", "the field is gone")]),
    (gives(ITEM), gives({**ITEM, "required": []}), [("200.id", "the field may be missing now")]),
    (gives({"type": "integer"}), gives({"type": "number"}), [("200", "the type was integer, and is number")]),
    (
        gives(string(format="date")),
        gives(string(format="date-time")),
        [("200", "the format was date, and is date-time")],
    ),
    (gives(string()), gives({"anyOf": [string(), {"type": "null"}]}), [("200", "it can now be null")]),
    (gives(string(const="ok")), gives(string(const="fine")), [("200", "the value 'ok' is gone")]),
    (
        gives({"type": "array", "items": ITEM}),
        gives({"type": "array", "items": {**ITEM, "properties": {"id": string(), "name": string()}}}),
        [("200[].id", "the type was integer, and is string")],
    ),
    (
        gives({"allOf": [ITEM, {"properties": {"unit": string()}}]}),
        gives(ITEM),
        [("200.unit", "the field is gone")],
    ),
]
KEPT = [
    (asks(), asks({"name": "q"})),
    (asks({"name": "q", "required": True}), asks({"name": "q"})),
    (takes(string(enum=["a"])), takes(string(enum=["a", "b"]))),
    (takes(string(enum=["a"])), takes(string())),
    (takes({"type": "integer"}), takes({"type": "number"})),
    (takes(string(maxLength=5)), takes(string(maxLength=9))),
    (takes(string()), takes({"type": ["string", "null"]})),
    (takes(ITEM), takes({**ITEM, "properties": {**ITEM["properties"], "unit": string()}})),  # type: ignore[dict-item]
    (gives(ITEM), gives({**ITEM, "properties": {**ITEM["properties"], "unit": string()}})),  # type: ignore[dict-item]
    (gives({"type": ["string", "null"]}), gives({"anyOf": [string(), {"type": "null"}]})),
    (gives({"type": "number"}), gives({"type": "integer"})),
    (gives(string(enum=["a", "b"])), gives(string(enum=["a", "b", "c"]))),
    (gives({}), gives({})),
]


@pytest.mark.parametrize(("before", "after", "expected"), NARROWED)
def test_what_clients_relied_on_is_found(
    before: dict[str, Any], after: dict[str, Any], expected: list[tuple[str, str]]
) -> None:
    """Each way to narrow an operation is told by its place and nothing else."""
    found = broken(document(before), document(after))

    assert [(f"POST /items {where}", what) for where, what in expected] == found


@pytest.mark.parametrize(("before", "after"), KEPT)
def test_what_only_grows_is_no_break(before: dict[str, Any], after: dict[str, Any]) -> None:
    """What takes more, gives more of the same, or says the same in other words breaks nobody."""
    assert [] == broken(document(before), document(after))


def test_an_operation_that_is_gone_is_found() -> None:
    """A removed operation is told once."""
    assert [("POST /items", "the operation is gone")] == broken(document(asks()), {"paths": {"/items": {}}})


def test_a_path_parameter_may_change_its_name() -> None:
    """Clients do not see what a part of the path is called, but what it must be."""

    def at(path: str, name: str, kind: str) -> dict[str, Any]:
        parameter = {"in": "path", "name": name, "required": True, "schema": {"type": kind}}
        return document({"parameters": [parameter], "responses": {"204": {}}}, path)

    before = at("/items/{id}", "id", "string")

    assert [] == broken(before, at("/items/{item_id}", "item_id", "string"))
    assert [("POST /items/{id} param id", "the type was string, and is integer")] == broken(
        before, at("/items/{item_id}", "item_id", "integer")
    )


def test_a_door_that_is_locked_is_found() -> None:
    """An operation that anybody could ask, and that asks for credentials now, is narrowed."""
    before, after = {**asks(), "security": [{}, {"key": []}]}, {**asks(), "security": [{"key": []}]}

    assert [("POST /items", "it needs credentials now")] == broken(document(before), document(after))
    assert [] == broken(document(after), document(before))


def test_a_schema_that_contains_itself_is_looked_at_once() -> None:
    """References are followed, and a circle of them ends."""
    tree = {
        "type": "object",
        "properties": {"leaves": {"type": "array", "items": {"$ref": "#/components/schemas/Tree"}}},
    }
    operation = gives({"$ref": "#/components/schemas/Tree"})
    cut: dict[str, Any] = {"type": "object", "properties": {}}

    assert [] == broken(document(operation, Tree=tree), document(operation, Tree=tree))
    assert [("POST /items 200.leaves", "the field is gone")] == broken(
        document(operation, Tree=tree), document(operation, Tree=cut)
    )
