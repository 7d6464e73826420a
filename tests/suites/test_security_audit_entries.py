"""A change without an entry, or with one that says too little, is found; what is made for it is removed again."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from checks.findings import Findings
from evidence import release as releases
from evidence.errors import CannotTell
from evidence.release import Undeclared
from suites.security import check_audit
from suites.security.audit import CLAIMED, Change, Sender, is_address, made, not_made
from suites.security.contract import Audit
from suites.security.operations import operations

OURS = "127.1.2.3"
TABLE: dict[str, Any] = {
    "log": {"path": "/audit"},
    "names": ["me@example.com"],
    "address_field": "address",
    "seen_from": OURS,
    "mutations": [
        {
            "request": {"path": "/items", "method": "POST"},
            "names": ["item:{item}"],
            "made": {"item": "id"},
            "undo": {"path": "/items/{item}", "method": "DELETE"},
        },
        {"request": {"path": "/items/{item}", "method": "PUT"}, "names": ["item:{item}"]},
    ],
}
MADE = {"POST": "", "PUT": "/{item}"}
Entry = dict[str, Any]


class Shop:
    """A release with items and an audit log, that writes down what `written` makes of each entry."""

    def __init__(self, written: Callable[[Entry], list[Entry]] = lambda entry: [entry], refuses: str = "") -> None:
        """Nothing has been done yet."""
        self.log: list[Entry] = []
        self.done: list[str] = []
        self.written, self.refuses = written, refuses

    def answer(self, request: httpx.Request) -> httpx.Response:
        """Do what is asked, and write it down."""
        if request.method == "GET":
            return httpx.Response(200, json=self.log)
        if request.method == self.refuses:
            return httpx.Response(409)
        self.done.append(f"{request.method} {request.url.path}")
        at = dt.datetime.now(dt.UTC).isoformat()
        entry = {"id": len(self.done), "at": at, "actor": "me@example.com", "address": OURS, "object": "item:7"}
        self.log = [*self.written({**entry, "method": request.method}), *self.log]
        return httpx.Response(200, json={"id": 7})

    def changes(self) -> list[Change]:
        """Make the changes here."""
        audit = releases.convert(TABLE, Audit, "[security.audit]")
        with httpx.Client(base_url="http://release", transport=httpx.MockTransport(self.answer)) as http:
            return made(http, audit)


def written(shop: Shop) -> dict[str, str]:
    """What is found of the entries, by place."""
    findings = Findings()
    check_audit.check_mutations_are_written_down(shop.changes(), [], findings, lambda **_: None)
    return {place: finding.what for place, finding in findings.found.items()}


def from_where(shop: Shop, **changed: object) -> list[str]:
    """The places where an entry does not say from where."""
    release = releases.Release(
        name="a", version="1", source=releases.Source(paths=(".",)), security={"audit": {**TABLE, **changed}}
    )
    findings = Findings()
    check_audit.check_entries_say_from_where(shop.changes(), release, findings, lambda **_: None)
    return list(findings.found)


def changed(**fields: object) -> Callable[[Entry], list[Entry]]:
    """What is written down of a change of an item: another value of some fields; its making is right."""
    return lambda entry: [{**entry, **fields} if entry["method"] == "PUT" else entry]


def test_entries_that_say_everything_are_right() -> None:
    """Who, what, when and from where: nothing is found."""
    assert {} == written(Shop())
    assert [] == from_where(Shop())


def test_what_was_made_is_removed() -> None:
    """The undo of a change is sent in the end, with the id of what was made."""
    shop = Shop()
    shop.changes()

    assert ["POST /items", "PUT /items/7", "DELETE /items/7"] == shop.done


def test_change_that_is_refused_is_no_failure_and_nothing_is_left() -> None:
    """Where a change is not made there is nothing to be written down; what was made before is removed."""
    shop = Shop(refuses="PUT")
    with pytest.raises(CannotTell, match=r"PUT /items/\{item\} answers 409, not 200"):
        shop.changes()

    assert ["POST /items", "DELETE /items/7"] == shop.done


@pytest.mark.parametrize(
    ("makes", "says"),
    [
        (lambda entry: [entry] if entry["method"] == "POST" else [], "it leaves no entry in the audit log"),
        (changed(actor="key:1"), "its entry in the audit log does not name me@example.com"),
        (changed(object="item:77"), "its entry in the audit log does not name item:7"),
        (changed(at="2020-01-01T00:00:00Z"), "its entry in the audit log does not name the day (UTC)"),
    ],
    ids=["no entry", "nobody", "another object", "another day"],
)
def test_entry_that_says_too_little_is_found(makes: Callable[[Entry], list[Entry]], says: str) -> None:
    """An entry of an earlier change, of somebody else, of another object or another day is none of this one."""
    assert {"PUT /items/{item}": says} == written(Shop(makes))


@pytest.mark.parametrize("address", [None, "", "unknown", CLAIMED, "127.0.0.1"])
def test_another_address_is_found(address: object) -> None:
    """No address, no readable one, the one that a header claims and another one are each found."""
    assert ["PUT /items/{item}"] == from_where(Shop(changed(address=address)))


def test_without_entries_no_address_is_judged() -> None:
    """Where no change left an entry, the check of addresses has seen nothing."""
    with pytest.raises(CannotTell, match="no mutation left an entry"):
        from_where(Shop(lambda _: []))


def test_field_that_is_not_declared_is_asked_for() -> None:
    """A log whose field of the address nobody declared is not judged."""
    with pytest.raises(Undeclared, match=r"\[security.audit\] address_field is not declared"):
        from_where(Shop(), address_field="")


@pytest.mark.parametrize(
    ("said", "address", "expected"),
    [
        ("127.0.0.1", "127.0.0.1", True),
        ("::ffff:127.0.0.1", "127.0.0.1", True),
        ("[::1]", "0:0:0:0:0:0:0:1", True),
        ("127.0.0.11", "127.0.0.1", False),
        ("127.0.0.1, 127.0.0.1", "127.0.0.1", False),
        ("127.0.0.1", "", False),
    ],
)
def test_addresses_are_compared_by_value(said: str, address: str, expected: object) -> None:
    """However it is written it is the same address, and nothing else is."""
    assert expected == is_address(said, address)


def test_change_that_nobody_made_is_asked_for() -> None:
    """What the OpenAPI document changes is declared, or it is said why not; reading leaves nothing to write down."""
    document = {
        "servers": [{"url": "/v1"}],
        "paths": {
            "/items": {"get": {}, "post": {}},
            "/items/{id}": {"put": {}, "delete": {}},
            "/links": {"post": {}},
        },
    }
    mutations = [{"request": {"path": f"/v1/items{below}", "method": method}} for method, below in MADE.items()]
    table = {**TABLE, "mutations": mutations, "not_made": {"POST /links": "it changes nothing"}}
    audit = releases.convert(table, Audit, "[security.audit]")

    assert ["DELETE /items/{id}"] == not_made(audit, operations(document, "/openapi.json"))


def test_change_that_nobody_made_is_no_pass() -> None:
    """Nobody knows whether it is written down; what is known to be missing comes first."""
    findings = Findings()
    with pytest.raises(CannotTell, match=r"nobody has looked whether POST /keys is written down: declare it"):
        check_audit.check_mutations_are_written_down(Shop().changes(), ["POST /keys"], findings, lambda **_: None)
    silent = Shop(lambda _: []).changes()
    check_audit.check_mutations_are_written_down(silent, ["POST /keys"], findings, lambda **_: None)

    assert {"POST /items", "PUT /items/{item}"} == set(findings.found)


def test_change_by_who_is_signed_in_is_theirs() -> None:
    """It goes out with the session and the token of the form, and so does its undo; the others with the key."""
    shop, sent = Shop(), list[tuple[str, str]]()

    def by(name: str) -> httpx.Client:
        def answer(request: httpx.Request) -> httpx.Response:
            if request.method != "GET":
                sent.append((f"{name} {request.headers['X-By']}", request.method))
            return shop.answer(request)

        return httpx.Client(base_url="http://release", transport=httpx.MockTransport(answer))

    first, second = TABLE["mutations"]
    table = {**TABLE, "headers": {"X-By": "key"}, "mutations": [{**first, "signed_in": True}, second]}
    with by("nobody") as http, by("somebody") as person:
        made(http, releases.convert(table, Audit, ""), Sender(http=person, headers={"X-By": "token"}))

    assert [("somebody token", "POST"), ("nobody key", "PUT"), ("somebody token", "DELETE")] == sent
