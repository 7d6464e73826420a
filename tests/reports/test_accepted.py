"""A finding is accepted at its place until a date: everything else that a check finds still blocks."""

from __future__ import annotations

import datetime as dt
import tomllib
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evidence.errors import InputError
from evidence.model import Finding, Outcome
from reports import accept, policy
from reports.accepted import Acceptance
from reports.model import Gate, JudgedRule, Judgement, Verdict
from reports.policy import Policy
from tests.reports.world import CATALOGUE, DAY, NOW, POLICY, evidence, gate_with, seen, stage

TOP = 'schema = 1\nmax_age = "24 h"\n[rules.LOAD-001]\n[rules.CSRF-001]\n[rules.DEPS-001]\n'
FIELDS = {
    "check": '"CSRF-001"',
    "place": '"/login form"',
    "reason": '"the vendor mends it in June"',
    "owner": '"ada"',
    "until": "2026-06-01",
}


def entry(**changes: str | None) -> str:
    """Write one `[[accepted]]`, good but for the changes; a change to None leaves the key out."""
    given = {key: value for key, value in (FIELDS | changes).items() if value is not None}
    return "".join(["[[accepted]]\n", *(f"{key} = {value}\n" for key, value in given.items())])


def loaded(tmp_path: Path, text: str) -> Policy:
    """Load a file of waivers with this text beside the small world's rules."""
    (tmp_path / "policy.toml").write_text(TOP, encoding="utf-8")
    (tmp_path / "waivers.toml").write_text(text, encoding="utf-8")
    return policy.load(tmp_path / "policy.toml", CATALOGUE, tmp_path / "waivers.toml")


def accepting(*places: str, days: int = 30) -> Policy:
    """Give the small world's policy, in which CSRF-001 is accepted at these places."""
    entries = tuple(
        Acceptance(
            check="CSRF-001",
            place=place,
            reason="old",
            owner="ada",
            until=NOW + dt.timedelta(days=days),
            where="waivers.toml:1: [[accepted]] CSRF-001",
        )
        for place in places
    )
    return msgspec.structs.replace(POLICY, accepted=entries)


def judged(rules: Policy, *places: str, **changes: object) -> tuple[Gate, JudgedRule]:
    """Judge a run whose CSRF-001 found something at these places."""
    outcome = Outcome.FAILED if places else Outcome.PASSED
    findings = tuple(Finding(place=place, what="has no token") for place in places)
    found = evidence("CSRF-001", **({"outcome": outcome, "findings": findings, "failed": int(bool(places))} | changes))
    gate = gate_with(rules, seen(stage("live_security", found)))
    return gate, next(rule for rule in gate.rules if rule.check == "CSRF-001")


def test_accepted_findings_are_waived_and_shown() -> None:
    """What somebody answers for does not block, is no pass either, and is named with its owner and end."""
    gate, rule = judged(accepting("/a", "/b"), "/a", "/b")

    assert (Verdict.PROMOTE, Judgement.WAIVED) == (gate.verdict, rule.judgement)
    assert "All 2 findings are accepted until 2026-03-31 12:00:00 UTC at the earliest by ada: /a, /b." == rule.reason
    assert ["ada", "ada"] == [each.accepted.owner for each in rule.findings if each.accepted]


def test_a_new_finding_blocks() -> None:
    """One place that nobody accepted breaks the claim, however many are accepted."""
    gate, rule = judged(accepting("/a"), "/a", "/b")

    assert (Verdict.BLOCK, Judgement.FAIL) == (gate.verdict, rule.judgement)
    assert "1 of 2 findings is not accepted: /b: has no token." == rule.reason


def test_an_acceptance_ends() -> None:
    """After its date a finding blocks again, and the reason says that it had been accepted."""
    gate, rule = judged(accepting("/a", days=-1), "/a")

    assert Verdict.BLOCK is gate.verdict
    assert "/a: has no token (accepted until 2026-02-28 12:00:00 UTC, which is over)." in rule.reason


def test_a_failure_that_is_no_finding_is_not_accepted() -> None:
    """Accepting places never accepts a claim that broke otherwise."""
    gate, _ = judged(accepting("/a"), outcome=Outcome.FAILED, failed=1, detail="no token at all")

    assert Verdict.BLOCK is gate.verdict


@pytest.mark.parametrize(
    "changes",
    [{"outcome": Outcome.ERRORED}, {"started": NOW - 3 * DAY}, {"cases": 0}, {"release": "sha256:" + "00" * 32}],
)
def test_accepted_findings_of_doubtful_evidence_hold(changes: dict[str, object]) -> None:
    """Errors, age, no case and another release are as doubtful as without any finding."""
    gate, rule = judged(accepting("/a"), "/a", **changes)

    assert (Verdict.HOLD, Judgement.UNVERIFIED) == (gate.verdict, rule.judgement)


@pytest.mark.parametrize("outcome", [Outcome.PASSED, Outcome.SKIPPED, Outcome.NOT_APPLICABLE])
def test_what_was_found_is_broken_whatever_the_outcome_says(outcome: Outcome) -> None:
    """A writer of evidence that counts no failure beside its findings improves nothing: the finding blocks."""
    gate, rule = judged(accepting(), "/a", outcome=outcome, failed=0)

    assert (Verdict.BLOCK, Judgement.FAIL) == (gate.verdict, rule.judgement)
    assert "The claim does not hold: /a: has no token." == rule.reason


def test_what_is_no_longer_found_is_warned_of() -> None:
    """A mended finding does not turn the gate red, and its acceptance is asked to go."""
    gate, rule = judged(accepting("/a"))

    assert Verdict.PROMOTE is gate.verdict
    assert "accepted, but no longer found: /a; remove it from the accepted findings" == rule.warning


@given(st.sets(st.sampled_from("abcd")), st.sets(st.sampled_from("abcd")))
def test_only_a_subset_of_what_is_accepted_promotes(accepted: set[str], found: set[str]) -> None:
    """Whatever is accepted, the release is promoted exactly where nothing else was found."""
    gate, _ = judged(accepting(*accepted), *found)

    assert (found <= accepted) is bool(gate.verdict)


ERRORS = {
    "unknown key": (entry(tool='"axe"'), 'tool = "axe": unknown key; known are check'),
    "unknown check": (entry(check='"CSRF-01"'), 'no check has this id; did you mean "CSRF-001"?'),
    "no place": (entry(place=None), "place: is missing"),
    "no reason": (entry(reason='""'), 'reason = "": is one line of text, not blank'),
    "no owner": (entry(owner=None), "owner: is missing"),
    "no end": (entry(until='"later"'), 'until = "later": is not a date'),
    "twice": (entry() + entry(), "is also accepted by"),
}


@pytest.mark.parametrize("name", ERRORS)
def test_a_wrong_entry_is_refused_by_line_and_mend(name: str, tmp_path: Path) -> None:
    """Nothing is accepted by an entry that is not whole."""
    text, says = ERRORS[name]

    with pytest.raises(InputError) as caught:
        loaded(tmp_path, text)

    assert says in str(caught.value)
    assert "waivers.toml:" in str(caught.value)


def test_nothing_is_accepted_for_more_than_a_year(tmp_path: Path) -> None:
    """An end that nobody will see is refused."""
    with pytest.raises(InputError, match="until is more than 365 days after the judged moment"):
        gate_with(loaded(tmp_path, entry(until="2028-01-01")), seen())


def test_accept_prints_what_the_gate_refuses_until_a_person_fills_it_in(tmp_path: Path) -> None:
    """The entries name check and place of what nobody accepts; who answers for it, and until when, is left open."""
    gate, _ = judged(accepting("/a"), "/a", '/b"\n[[accepted]]')
    text = accept.entries(gate)

    assert [
        {"check": "CSRF-001", "place": '/b"\n[[accepted]]', "reason": "", "owner": "", "until": ""}
    ] == tomllib.loads(text)["accepted"]
    with pytest.raises(InputError, match="is one line of text, not blank"):
        loaded(tmp_path, text)
