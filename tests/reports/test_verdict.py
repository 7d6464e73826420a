"""The verdict table: what may be promoted, and the one sentence that says why not."""

from __future__ import annotations

import datetime as dt

import msgspec
import pytest

from evidence.model import Outcome
from reports.model import Judgement, Verdict
from reports.seen import Seen
from reports.verdict import decide, headline
from tests.reports.world import CSRF, NOW, evidence, gate_of, load, measured, seen, stage

FAILED_DEPS = stage("security", evidence("DEPS-001", outcome=Outcome.FAILED))
SKIPPED_DEPS = stage("security", evidence("DEPS-001", outcome=Outcome.SKIPPED))
NONE = {"outcome": Outcome.NOT_APPLICABLE, "detail": "has none"}
GHOST = msgspec.structs.replace(evidence("LOAD-001"), check="GHOST-001")
VERDICTS: dict[str, tuple[Seen, int, str]] = {
    "all pass": (seen(), 0, "3 of 3 claims hold."),
    "with a warning": (
        measured(p95_ms=90, samples_total=900),
        0,
        "3 of 3 claims hold; 1 with a warning (LOAD-001).",
    ),
    "optional not verified": (
        seen(SKIPPED_DEPS),
        0,
        "2 of 3 claims hold; 1 optional not verified (DEPS-001).",
    ),
    "one not applicable": (load(**NONE), 0, "2 of 3 claims hold; 1 not applicable."),
    "a failure": (load(outcome=Outcome.FAILED), 10, "1 of 3 claims is broken (LOAD-001)."),
    "an optional failure": (seen(FAILED_DEPS), 10, "1 of 3 claims is broken (DEPS-001)."),
    "an optional failure, long ago": (
        seen(stage("security", evidence("DEPS-001", outcome=Outcome.FAILED, started=NOW - dt.timedelta(days=99)))),
        10,
        "1 of 3 claims is broken (DEPS-001).",
    ),
    "a failure and a doubt": (
        seen(FAILED_DEPS, without=("load",)),
        10,
        "1 of 3 claims is broken (DEPS-001); 1 is not verified.",
    ),
    "a doubt": (
        seen(without=("load",)),
        20,
        "1 of 3 claims is not verified (LOAD-001); none is known to be broken.",
    ),
    "nothing ran": (
        seen(without=("load", "security", "live_security")),
        20,
        "2 of 3 claims are not verified (CSRF-001, LOAD-001); none is known to be broken.",
    ),
    "nothing applies": (
        seen(
            stage("security", evidence("DEPS-001", **NONE)),
            stage("live_security", evidence("CSRF-001", **NONE)),
            stage("load", evidence("LOAD-001", **NONE)),
        ),
        20,
        "Nothing was verified: no rule has evidence that passed.",
    ),
    "nothing required applies": (
        seen(
            SKIPPED_DEPS, *(stage(evidence(check).stage, evidence(check, **NONE)) for check in ("CSRF-001", "LOAD-001"))
        ),
        20,
        "Nothing was verified: no rule has evidence that passed.",
    ),
    "evidence of an unknown check": (
        seen(stage("load", evidence("LOAD-001"), GHOST)),
        20,
        "There is evidence that no rule judges: GHOST-001 in the stage load, which no rule names.",
    ),
    "an unknown check planned": (
        seen(stage("load", evidence("LOAD-001"), planned=("LOAD-001", "GHOST-001"))),
        20,
        "There is evidence that no rule judges: GHOST-001 in the stage load, which no rule names.",
    ),
    "an unknown stage": (
        seen(stage("smoek")),
        20,
        "There is evidence that no rule judges: the stage smoek, which does not exist.",
    ),
    "an unknown stage, torn": (
        seen(unreadable={"smoek": "torn"}),
        20,
        "There is evidence that no rule judges: the stage smoek, whose file cannot be read.",
    ),
}


@pytest.mark.parametrize(("found", "exit_code", "says"), VERDICTS.values(), ids=VERDICTS)
def test_verdict_exit_code_and_sentence(found: Seen, exit_code: int, says: str) -> None:
    """Any failure blocks; any doubt of what is required, or of what nobody asked for, holds; the rest promotes."""
    gate = gate_of(found)

    assert (exit_code, says) == (gate.exit_code, gate.headline)
    assert gate.exit_code == gate.verdict.exit_code


def test_no_rule_promotes_nothing() -> None:
    """All of nothing is true in Python; here it is HOLD."""
    assert Verdict.HOLD is decide((), ())
    assert "Nothing was verified: no rule has evidence that passed." == headline(Verdict.HOLD, (), ())


@pytest.mark.parametrize("spoilt", range(3))
def test_any_one_piece_of_evidence_gone_is_never_a_pass_of_its_rule(spoilt: int) -> None:
    """Remove any stage's file: its rule is not passed, and a required one holds the release."""
    whole = seen()
    left = tuple(each for number, each in enumerate(whole.stages) if number != spoilt)
    gate = gate_of(msgspec.structs.replace(whole, stages=left))

    lost = gate.rules[spoilt]
    assert Judgement.UNVERIFIED is lost.judgement
    assert (Verdict.HOLD if lost.required else Verdict.PROMOTE) is gate.verdict
    assert (() if lost.required else (lost.check,)) == gate.unverified_optional


def test_only_promote_and_pass_are_true() -> None:
    """`if verdict` and `if judgement` can be written without a mistake."""
    assert [Verdict.PROMOTE] == [verdict for verdict in Verdict if verdict]
    assert [Judgement.PASS] == [judgement for judgement in Judgement if judgement]


def test_many_names_are_cut_short() -> None:
    """A sentence names five checks and counts the others."""
    lost = gate_of(seen(without=("live_security",)), CSRF).rules * 7

    assert "7 of 7 claims are not verified (CSRF-001, CSRF-001, CSRF-001, CSRF-001, CSRF-001 and 2 more)" in headline(
        Verdict.HOLD, lost, ()
    )


def test_stages_say_what_ran_of_what_they_planned() -> None:
    """A stage that skipped a check says which, one that is absent says so, and times come from its record."""
    gate = gate_of(seen(SKIPPED_DEPS, without=("load",)))
    stages = {each.name: each for each in gate.stages}

    assert ["security", "live_security", "load"] == list(stages)
    assert (1, 1, 0, ("DEPS-001",), 120.0, "") == (
        stages["security"].checks,
        stages["security"].planned,
        stages["security"].ran,
        stages["security"].not_run,
        stages["security"].seconds,
        stages["security"].problem,
    )
    assert (0, 0, None, None, "The stage load left no evidence file in this run.") == (
        stages["load"].planned,
        stages["load"].ran,
        stages["load"].seconds,
        stages["load"].exit_code,
        stages["load"].problem,
    )
