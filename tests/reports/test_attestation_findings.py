"""Findings: no finding is not a good one, and every difference has its place."""

from __future__ import annotations

import pytest

from reports.attestation.findings import Findings, differences

CODES = {
    "nothing": (Findings(), 20),
    "sound": (Findings(sound=["a"]), 0),
    "a doubt": (Findings(sound=["a"], unverified=["b"]), 20),
    "tampered": (Findings(sound=["a"], unverified=["b"], tampered=["c"]), 10),
}


@pytest.mark.parametrize(("found", "code"), CODES.values(), ids=CODES)
def test_the_worst_finding_is_the_exit_code(found: Findings, code: int) -> None:
    """Tampering before doubt before soundness; where nothing was looked at, nothing is verified."""
    assert code == found.exit_code


PAIRS: dict[str, tuple[object, object, list[tuple[str, str, str]]]] = {
    "the same": ({"a": [1, {"b": None}]}, {"a": [1, {"b": None}]}, []),
    "a value": ({"a": {"b": 1}}, {"a": {"b": 2}}, [("a.b", "1", "2")]),
    "a type": ({"a": 1}, {"a": True}, [("a", "1", "true")]),
    "a number's type": ({"a": 1}, {"a": 1.0}, [("a", "1", "1.0")]),
    "gone": ({"a": None}, {}, [("a", "null", "absent")]),
    "added": ({}, {"a": None}, [("a", "absent", "null")]),
    "a list for a value": ({"a": []}, {"a": ""}, [("a", "[]", '""')]),
    "an element": ([1, 2], [1, 3], [("[1]", "2", "3")]),
    "a shorter list": ([1], [1, 2], [("[1]", "absent", "2")]),
    "named elements": (
        [{"check": "A", "x": 1}, {"check": "B", "x": 1}],
        [{"check": "B", "x": 2}],
        [("[A]", '{"check":"A","x":1}', "absent"), ("[B].x", "1", "2")],
    ),
    "a name twice": ([{"name": "A"}, {"name": "A"}], [{"name": "A"}], [("[0]", '{"name":"A"}', "absent")]),
    "long": ("x" * 100, "", [("", f'"{"x" * 79}…', '""')]),
}


@pytest.mark.parametrize(("left", "right", "found"), PAIRS.values(), ids=PAIRS)
def test_each_difference_is_named(left: object, right: object, found: list[tuple[str, str, str]]) -> None:
    """By path, with both values; elements that have names are compared by name."""
    assert set(found) <= set(differences(left, right))
    assert bool(found) == bool(differences(left, right))
