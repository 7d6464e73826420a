"""Who may do what is read from release.toml, and what it does not say is no permission."""

from __future__ import annotations

import pytest

from suites.security.contract import Access, AccessRule

ACCESS = Access(
    roles={"anonymous": {}, "reader": {"X-Key": "a"}},
    session="person",
    rules=(
        AccessRule(roles=("*",), operations=("GET /items",)),
        AccessRule(roles=("person",), operations=("POST /items", "DELETE /items/{id}")),
        AccessRule(roles=("reader",), operations=("POST /items",)),
        AccessRule(roles=(), operations=("POST /hooks",)),
    ),
)


@pytest.mark.parametrize(
    ("operation", "expected"),
    [
        ("GET /items", {"anonymous", "reader", "person"}),
        ("POST /items", {"reader", "person"}),
        ("DELETE /items/{id}", {"person"}),
        ("POST /hooks", set()),
        ("PUT /items/{id}", None),
    ],
)
def test_roles_add_up(operation: str, expected: set[str] | None) -> None:
    """Several rules for one operation add up; nobody named is nobody, and not named at all is a question."""
    assert expected == ACCESS.roles_of(operation)
