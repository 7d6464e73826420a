"""The smallest set of changes that promotes, or the narrowest margins."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from evidence.model import Outcome
from reports import __main__ as gate
from reports.baseline import Comparison
from reports.limits import Kind, Limit
from reports.model import Gate, Verdict
from reports.regression import Reference, Regression
from reports.render import json_v1
from reports.seen import Seen
from tests.reports.world import CSRF, DEPS, LOAD, NOW, POLICY, evidence, gate_of, gate_with, load, measured, seen, stage

LOOK = "Then: nox -s {} gate -- --run runs/r1"
SLOW = measured(p95_ms=150, samples_total=900)
SKIPPED_DEPS = stage("security", evidence("DEPS-001", outcome=Outcome.SKIPPED))
GHOST = msgspec.structs.replace(evidence("LOAD-001"), check="GHOST-001")
CASES: dict[str, tuple[Seen, tuple[str, ...]]] = {
    "a limit": (
        SLOW,
        (
            "1 change promotes this release.",
            "Mend LOAD-001: p95_ms is 150 ms, above its limit of 100 ms. p95_ms is 50 ms off, 50 % over. "
            + LOOK.format("load"),
        ),
    ),
    "a claim": (
        load(outcome=Outcome.FAILED, detail="AssertionError: no"),
        (
            "1 change promotes this release.",
            "Mend LOAD-001: The claim does not hold: no. " + LOOK.format("load"),
        ),
    ),
    "a doubt": (
        seen(without=("load",)),
        (
            "1 change promotes this release.",
            "Verify LOAD-001: The stage load left no evidence file in this run. " + LOOK.format("load"),
        ),
    ),
    "a failure, a doubt, and an optional doubt that needs no change": (
        seen(SKIPPED_DEPS, *SLOW.stages[-1:], without=("live_security",)),
        (
            "2 changes together promote this release.",
            "Mend LOAD-001: p95_ms is 150 ms, above its limit of 100 ms. p95_ms is 50 ms off, 50 % over. "
            + LOOK.format("load"),
            "Verify CSRF-001: The stage live_security left no evidence file in this run. "
            + LOOK.format("live_security"),
        ),
    ),
    "evidence that nobody asked for": (
        seen(stage("load", evidence("LOAD-001"), GHOST)),
        (
            "1 change promotes this release.",
            "Remove the evidence of GHOST-001 in the stage load, which no rule names, or give it its check and rule.",
        ),
    ),
    "nothing applies": (
        seen(
            *(
                stage(evidence(check).stage, evidence(check, outcome=Outcome.NOT_APPLICABLE, detail="none"))
                for check in ("DEPS-001", "CSRF-001", "LOAD-001")
            )
        ),
        (
            "1 change promotes this release.",
            "Let at least one rule pass: nothing applies to this release, so nothing was verified.",
        ),
    ),
    "a margin": (seen(), ("LOAD-001: p95_ms is 71.5 ms, 28.5 % left of its limit of 100 ms.",)),
    "no margin": (
        load(outcome=Outcome.NOT_APPLICABLE, detail="none"),
        ("No rule that passed has a margin: each claim holds, or a count is what it must be.",),
    ),
}


@pytest.mark.parametrize(("found", "sentences"), CASES.values(), ids=CASES)
def test_what_would_turn_the_verdict(found: Seen, sentences: tuple[str, ...]) -> None:
    """Each blocking rule with measured, limit, distance and command; what is optional is not among them."""
    assert sentences == gate_of(found).explain


def test_what_the_same_thing_befell_is_one_change() -> None:
    """A stage that did not run is one command, however many checks it has, and whoever owns them."""
    rules = [msgspec.structs.replace(CSRF, owner=owner) for owner in ("grace", "", "ada", "ada", "ada", "ada")]
    explained = gate_of(seen(without=("live_security",)), *rules, LOAD).explain

    assert 2 == len(explained)
    assert explained[1].startswith(
        "Verify CSRF-001, CSRF-001, CSRF-001, CSRF-001, CSRF-001 and 1 more (owner: ada, grace): The stage"
    )


def test_a_regression_says_how_far_back() -> None:
    """The number that would have been tolerated is given."""
    rule = msgspec.structs.replace(
        LOAD,
        owner="team api",
        regression=Regression(measure="p95_ms", kind=Kind.MAX, worse_by=0.2, floor=5, drift=0.4),
    )
    rules = msgspec.structs.replace(POLICY, rules=(DEPS, CSRF, rule))
    for reference, number in (
        (Reference(baseline=40), "48 ms"),
        (Reference(baseline=10), "15 ms"),
        (Reference(baseline=70, best=40), "56 ms"),
    ):
        gate = gate_with(rules, seen(), comparison=Comparison(references={"LOAD-001": reference}))
        assert gate.explain[1].startswith("Mend LOAD-001 (owner: team api): p95_ms is 71.5 ms, ")
        assert f"p95_ms must not be worse than {number}. Then:" in gate.explain[1]


def test_only_the_five_narrowest_margins_are_named() -> None:
    """Narrowest first; a limit that is met exactly has nothing left."""
    limits = tuple(Limit(Kind.MAX, f"p{number}_ms", 100.0) for number in (5, 3, 7, 0, 1, 6, 2, 4))
    numbers = {f"p{number}_ms": 100.0 - number for number in range(8)} | {"samples_total": 900.0}
    explained = gate_of(load(measured=numbers), msgspec.structs.replace(LOAD, limits=limits, warnings=())).explain

    assert 5 == len(explained)
    assert "LOAD-001: p0_ms is 100 ms, 0 % left of its limit of 100 ms." == explained[0]
    assert "LOAD-001: p4_ms is 96 ms, 4 % left of its limit of 100 ms." == explained[4]


def written(folder: Path, whole: Gate) -> Path:
    """Write a gate's answer into a folder."""
    (folder / "gate.json").write_text(json_v1.render(whole))
    return folder


@pytest.mark.parametrize("found", [seen(), SLOW, seen(without=("load",))])
def test_explain_prints_what_gate_json_has(tmp_path: Path, capsys: pytest.CaptureFixture[str], found: Seen) -> None:
    """Verdict first, then the sentences; explaining is no judging, so the exit code is 0."""
    whole = gate_of(found)

    assert 0 == gate.main(["explain", "--run", str(written(tmp_path, whole))])
    assert [f"{whole.verdict}: {whole.headline}", *whole.explain] == capsys.readouterr().out.splitlines()


def test_explain_shows_hostile_text_harmlessly(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What a release says stays on its line and moves no cursor."""
    found = load(outcome=Outcome.FAILED, detail="a\x1b[2J\u202e")
    gate.main(["explain", "--run", str(written(tmp_path, gate_of(found)))])
    output = capsys.readouterr().out

    assert "\x1b" not in output
    assert "a<U+202E>" in output


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (None, "cannot be read (No such file or directory); judge the run first: python -m reports --run"),
        ("{}", "is not a gate's answer"),
        ("[", "is not a gate's answer"),
    ],
)
def test_explain_needs_a_verdict(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: str | None, says: str
) -> None:
    """No gate.json, or one that is none, is one line and exit code 2."""
    if content is not None:
        (tmp_path / "gate.json").write_text(content)

    assert 2 == gate.main(["explain", "--run", str(tmp_path)])
    assert says in (error := capsys.readouterr().err)
    assert 1 == error.count("\n")


def test_every_verdict_is_explained() -> None:
    """No verdict comes without a sentence."""
    verdicts = {(whole := gate_with(POLICY, found, NOW)).verdict: whole.explain for found, _ in CASES.values()}

    assert set(Verdict) == set(verdicts)
    assert all(verdicts.values())
