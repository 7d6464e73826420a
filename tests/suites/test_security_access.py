"""Who may do what is read from release.toml, and what it does not say is no permission."""

from __future__ import annotations

import httpx
import msgspec
import pytest

from evidence.errors import CannotTell, InputError
from suites.security.check_roles import refuse_unknown, somebody
from suites.security.contract import Access, AccessRule
from suites.security.operations import Operation

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


DOCUMENT = [
    Operation(method=method, path=path, schemes=frozenset(), has_body=False)
    for method, path in (("get", "/items"), ("get", "/own"), ("get", "/items/{id}"), ("post", "/items"))
]
THIEF = msgspec.structs.replace(
    ACCESS, thief="person", rules=(*ACCESS.rules, AccessRule(roles=("person",), operations=("GET /own",)))
)


@pytest.mark.parametrize("status", [401, 403])
def test_thief_who_is_nobody_proves_nothing(status: int) -> None:
    """What everybody may read is answered to a dead key, too; what is for the role alone tells that it is alive."""

    def answer(request: httpx.Request) -> httpx.Response:
        return httpx.Response(status if request.url.path == "/own" else 200)

    with (
        httpx.Client(transport=httpx.MockTransport(answer), base_url="http://shop") as http,
        pytest.raises(CannotTell, match="thief: person is refused GET /own"),
    ):
        somebody(THIEF, DOCUMENT, (http, {}))


def test_thief_who_is_somebody_is_let_on() -> None:
    """Whoever gets what is for the role has a session or a key that counts."""
    answer = httpx.MockTransport(lambda _: httpx.Response(200))
    with httpx.Client(transport=answer, base_url="http://shop") as http:
        somebody(THIEF, DOCUMENT, (http, {}))


def test_id_that_no_operation_has_is_refused() -> None:
    """A typo in its name: no operation would be tried with it, and nothing found."""
    refuse_unknown(msgspec.structs.replace(ACCESS, foreign={"id": 2}), DOCUMENT)
    bodies = {"POST /items": {"parent": "{parent_id}"}}
    refuse_unknown(msgspec.structs.replace(ACCESS, foreign={"parent_id": 2}, bodies=bodies), DOCUMENT)

    with pytest.raises(InputError, match="foreign: no operation has di; known are id"):
        refuse_unknown(msgspec.structs.replace(ACCESS, foreign={"di": 2}), DOCUMENT)
