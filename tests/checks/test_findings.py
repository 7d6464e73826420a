"""A place names a finding alike in every run, and no other."""

from __future__ import annotations

import pytest

from checks.findings import PLACE_LIMIT, Findings, Found
from evidence.model import Finding


def test_places_that_differ_beyond_the_cut_stay_two() -> None:
    """Long places are cut for the eye, but one acceptance never covers both."""
    findings = Findings()
    findings.add("/" + "a" * PLACE_LIMIT + "x", "open")
    findings.add("/" + "a" * PLACE_LIMIT + "y", "open")

    assert 2 == len(findings.found)


def test_two_things_at_one_place_are_both_told() -> None:
    """The second is not lost behind the first."""
    findings = Findings()
    findings.add("/ csp", "any script runs")
    findings.add("/ csp", "any frame")

    assert [Finding(place="/ csp", what="any script runs; any frame")] == list(findings.found.values())


def test_findings_settle_as_a_broken_claim() -> None:
    """Something found is an assertion that failed; nothing found is none."""
    findings = Findings()
    findings.settle()
    findings.add("/", "open")

    with pytest.raises(Found, match="/: open"):
        findings.settle()
