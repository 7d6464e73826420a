"""Read what other tools say of a release: each answer becomes a set of findings, one name each."""

from __future__ import annotations

import json
from typing import TypeVar

import msgspec

T = TypeVar("T")

QUIET = frozenset({"NONE"})
"""csp-evaluator's word for what is only a remark."""


class Test(msgspec.Struct, frozen=True):
    """One test of http-observatory, and the word for how it ended."""

    result: str | None
    passed: bool = msgspec.field(name="pass")


class Scan(msgspec.Struct, frozen=True):
    """http-observatory's answer, as far as it is read."""

    tests: dict[str, Test]


class Weakness(msgspec.Struct, frozen=True):
    """One finding of csp-evaluator."""

    kind: str
    severity: str
    directive: str


class Assertion(msgspec.Struct, frozen=True):
    """One line of Lighthouse CI's assertion-results.json."""

    audit_id: str = msgspec.field(name="auditId")
    passed: bool


class Failure(msgspec.Struct, frozen=True):
    """One kind of failure of schemathesis, and the operations that it was seen at."""

    title: str
    operations: list[str]


class Phases(msgspec.Struct, frozen=True):
    """schemathesis' report, as far as it is read: one that is not `complete` tells nothing."""

    failures: list[Failure]
    complete: bool


class Unreadable(Exception):
    """The tool did not answer as it does when it has looked: nothing may be concluded from it."""


def observatory(text: str) -> frozenset[str]:
    """Name the tests that failed, in http-observatory's own words."""
    return frozenset(test.result or name for name, test in decoded(text, Scan).tests.items() if not test.passed)


def csp_evaluator(text: str) -> frozenset[str]:
    """Name each weakness by the directive and the kind."""
    found = decoded(text, list[Weakness])
    return frozenset(f"{one.directive} {one.kind}" for one in found if one.severity not in QUIET)


def lighthouse(text: str) -> frozenset[str]:
    """Name the audits below the preset's limits, warnings too."""
    return frozenset(one.audit_id for one in decoded(text, list[Assertion]) if not one.passed)


def schemathesis(text: str) -> frozenset[str]:
    """Name each kind of failure at each operation."""
    told = decoded(text, Phases)
    if not told.complete:
        msg = "schemathesis did not come to its end"
        raise Unreadable(msg)
    return frozenset(f"{failure.title}: {operation}" for failure in told.failures for operation in failure.operations)


def decoded(text: str, shape: type[T]) -> T:
    """Decode; Unreadable with the beginning of what was said instead."""
    try:
        return msgspec.json.decode(text, type=shape)
    except (msgspec.DecodeError, msgspec.ValidationError) as error:
        msg = f"{error}: {json.dumps(text[:200])}"
        raise Unreadable(msg) from None
