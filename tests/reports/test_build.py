"""A live stage counts only where the build that answered is the one that is to be promoted."""

from __future__ import annotations

import msgspec
import pytest

from evidence.model import Build
from reports.doubt import is_of
from reports.model import JudgedRule, Judgement, Verdict
from reports.stages import summarise
from tests.reports.world import CATALOGUE, IDENTITY, RECORD, evidence, gate_of, seen, stage

COMMIT = str(IDENTITY.commit)


@pytest.mark.parametrize(
    ("reported", "ours"),
    [
        ("2.14.0", True),
        ("v2.14.0", True),
        (COMMIT, True),
        (COMMIT[:7], True),
        (COMMIT[:12].upper(), True),
        (f"2.14.0+{COMMIT[:9]}", True),
        ("2.14.1", False),
        ("2.14", False),
        ("2.14.0-rc1", False),
        (COMMIT[:6], False),
        ("4" + COMMIT[1:], False),
        ("2.14.0+4f2c1ab", False),
        (f"2.13.0+{COMMIT[:9]}", False),
        ("", False),
    ],
)
def test_a_build_is_the_releases_by_version_or_commit(reported: str, *, ours: bool) -> None:
    """The version, seven digits of the commit or more, or both; nothing that merely resembles one."""
    assert ours is is_of(IDENTITY, reported)


def csrf(build: Build | None, url: str | None = None) -> tuple[Verdict, JudgedRule]:
    """Judge a run whose live stage asked a deployment at this URL for its build."""
    found = seen(stage("live_security", evidence("CSRF-001"), build=build))
    found = msgspec.structs.replace(found, record=msgspec.structs.replace(RECORD, url=url))
    gate = gate_of(found)
    return gate.verdict, next(rule for rule in gate.rules if rule.check == "CSRF-001")


def test_another_build_verifies_nothing() -> None:
    """What was seen of another version says nothing of this one, and names it."""
    verdict, rule = csrf(Build(reported="2.13.0", by="GET /version"))

    assert (Verdict.HOLD, Judgement.UNVERIFIED) == (verdict, rule.judgement)
    assert f"Another build answered: it says that it is 2.13.0, not 2.14.0 at commit {COMMIT}." == rule.reason


def test_a_build_that_could_not_be_told_verifies_nothing() -> None:
    """A deployment that does not say which build it is may be any."""
    verdict, rule = csrf(Build(reported=None, by="GET /version", problem="GET /version: HTTP Error 404"))

    assert Verdict.HOLD is verdict
    assert "It is not known which build answered: GET /version: HTTP Error 404." == rule.reason


def test_a_deployment_that_was_not_asked_verifies_nothing() -> None:
    """Evidence of a running deployment without any word of its build is doubtful, even where the check passed."""
    verdict, rule = csrf(None, url="https://staging.example")

    assert Verdict.HOLD is verdict
    assert "The stage live_security did not ask which build answers at https://staging.example." == rule.reason


def test_the_candidate_that_says_so_is_verified_and_shown() -> None:
    """The right build lets the evidence count, and the stage shows what it said and how it was asked."""
    build = Build(reported="2.14.0", by="GET /version")
    verdict, rule = csrf(build, url="https://staging.example")
    summary = summarise(seen(stage("live_security", evidence("CSRF-001"), build=build)), CATALOGUE)

    assert (Verdict.HOLD, Judgement.PASS) == (verdict, rule.judgement)  # HOLD: load did not ask
    assert ("2.14.0", "GET /version") in [(each.build, each.asked) for each in summary]
