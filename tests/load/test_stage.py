"""Whatever becomes of a run, its evidence says so. The load itself is played: no request is sent."""

from __future__ import annotations

import json
import math
import tomllib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from checks.catalogue import read
from checks.stage import Stage
from evidence import release as releases
from evidence import run as runs
from evidence.model import Evidence, Outcome
from evidence.release import convert
from load.checks import CHECKS, identifier
from load.config import Load
from load.measurement import Measurement, Unreachable, Vitals
from load.recorder import NOT_ASKED, Sample
from load.stage import Runner
from tests.load.conftest import UNSEEN
from tests.load.server import Server
from tests.load.test_checks import WELL, measured, sample, steady

DECLARED = """
[load]
rate_per_s = 100
duration_s = 4
warmup_s = 1
requests = [{ name = "home", path = "/" }]
"""


def outcomes(evidence: dict[str, Evidence]) -> set[Outcome]:
    """What became of the checks that had something to look at."""
    return {one.outcome for check, one in evidence.items() if check not in UNSEEN}


@pytest.fixture
def _target(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TARGET_URL", "http://127.0.0.1:1")


def ran(
    release_file: Path,
    declared: str,
    *played: Measurement | Exception,
    meanwhile: Callable[[], None] = lambda: None,
) -> tuple[int, dict[str, Evidence]]:
    """Run the stage on a release with this ending of its release.toml; return its code and its evidence.

    What is played is what comes of each load in turn, and the last of it of all that follow.
    """
    left = list(played)

    def attack(_url: str, _load: Load) -> Measurement:
        assert left, "nothing was to be sent"
        meanwhile()
        one = left.pop(0) if len(left) > 1 else left[0]
        if isinstance(one, Exception):
            raise one
        return one

    release_file.write_text(f"{release_file.read_text()}{declared}")
    release = releases.load(release_file)
    stage = Stage("load", runs.start(release_file.parent / "run", release), release)
    code = Runner(stage, attack).run()
    return code, {one.check: one for one in runs.read_stage(stage.finish(code)).evidence}


@pytest.mark.usefixtures("_target")
def test_a_good_run_measures_for_the_policy(release_file: Path) -> None:
    """Every check passes, which only means that it measured; the summary and every request are attached."""
    code, evidence = ran(release_file, DECLARED, measured(steady()))

    assert (0, {Outcome.PASSED}) == (code, outcomes(evidence))
    assert {Outcome.SKIPPED} == {evidence[check].outcome for check in UNSEEN}
    drawn = [
        f"attachments/load/{name}.chart.json" for name in ("by_name", "latencies", "percentiles", "rate", "generator")
    ]
    tables = ["attachments/load/load.json", "attachments/load/requests.csv.gz", "attachments/load/requests.npz"]
    assert (*tables, *drawn) == evidence["LOAD-001"].attachments
    assert "load/checks.py" == evidence["LOAD-001"].where.partition(":")[0]


@pytest.mark.usefixtures("_target")
def test_a_report_says_whether_coordinated_omission_is_avoided(release_file: Path) -> None:
    """Of an open model that it is, and how, where the percentile stands; load.json says it, too."""
    _, evidence = ran(release_file, DECLARED, measured(steady()))
    told = (release_file.parent / "run" / "attachments" / "load" / "load.json").read_text()

    assert "arrivals were drawn beforehand (a Poisson process)" in evidence["LOAD-001"].detail
    assert "coordinated omission is avoided" in evidence["LOAD-001"].detail
    assert "coordinated omission is avoided" in json.loads(told)["model"]


@pytest.mark.usefixtures("_target")
def test_a_release_that_answers_nothing_fails(release_file: Path) -> None:
    """No good answer fails the latency check; the others have numbers for the policy."""
    code, evidence = ran(release_file, DECLARED, measured([sample(2, status=0, error="ConnectionResetError")] * 400))

    assert (1, Outcome.FAILED) == (code, evidence["LOAD-001"].outcome)
    assert 1.0 == evidence["LOAD-002"].measured["error_ratio"]


@pytest.mark.usefixtures("_target")
def test_what_an_unfit_generator_saw_is_neither_pass_nor_failure(release_file: Path) -> None:
    """Not even the failure that it saw: it may be its own."""
    unfit = measured([sample(2, status=0, error="TimeoutError")] * 400, Vitals(lag_ms=[1.0], cpu_ratio=[0.99]))
    code, evidence = ran(release_file, DECLARED, unfit)

    assert (1, {Outcome.ERRORED}) == (code, outcomes(evidence))
    assert all("generator saturated" in one.detail for check, one in evidence.items() if check not in UNSEEN)
    assert "home: 400 x TimeoutError" in evidence["LOAD-002"].detail


@pytest.mark.usefixtures("_target")
@pytest.mark.parametrize("of", [1, 2])
def test_who_was_asked_nothing_is_not_blamed(release_file: Path, of: int) -> None:
    """No user of a closed model came to ask while it was measured, of one generator or of several: nothing is known."""
    declared = f'{DECLARED}model = "closed"\nusers = 1\nthink_s = [60, 60]\n'.replace("rate_per_s = 100\n", "")
    idle = replace(measured([]), load=convert(tomllib.loads(declared)["load"], Load, "here"))
    code, evidence = ran(release_file, declared, idle if of == 1 else replace(idle, parts=[idle] * of))

    assert 1 == code
    assert {Outcome.FAILED}.isdisjoint(outcomes(evidence))
    assert "no request was sent in the 4 s of measuring" in evidence["LOAD-001"].detail


@pytest.mark.usefixtures("_target")
def test_a_generator_that_got_to_nothing_breaks_no_stage(release_file: Path) -> None:
    """It is named beside what the others saw, and nothing passes."""
    idle = measured([one._replace(error=NOT_ASKED, status=0, slip_ms=math.nan) for one in steady()])
    code, evidence = ran(release_file, DECLARED, replace(measured(steady()), parts=[measured(steady()), idle]))

    assert (1, {Outcome.ERRORED}) == (code, outcomes(evidence))
    assert "generator 2 of 2: it got to 0.0% of the arrivals in time" in evidence["LOAD-001"].detail


@pytest.mark.usefixtures("_target")
def test_an_uncertain_percentile_is_no_pass(release_file: Path) -> None:
    """Too few samples for a bound: the policy finds an interval that reaches beyond any limit below the timeout."""
    _, evidence = ran(release_file, DECLARED, measured(steady()[100:160], WELL))

    assert evidence["LOAD-001"].measured["p95_low_ms"] < 100 < evidence["LOAD-001"].measured["p95_high_ms"]


@pytest.mark.usefixtures("_target")
def test_a_run_that_breaks_is_our_error(release_file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Whatever went wrong is one line of text and an error in every check."""
    code, evidence = ran(release_file, DECLARED, RuntimeError("the load did not end"))

    assert (1, {(Outcome.ERRORED, "the load did not end")}) == (
        code,
        {(one.outcome, one.detail) for one in evidence.values()},
    )
    assert "the load did not end\n" == capsys.readouterr().err


def test_an_undeclared_load_is_skipped_with_the_mend(release_file: Path) -> None:
    """No [load]: nothing is sent, nothing passes, and the reader knows what to write."""
    code, evidence = ran(release_file, "")

    assert (0, {Outcome.SKIPPED}, len(CHECKS)) == (code, {one.outcome for one in evidence.values()}, len(evidence))
    assert "[load] is not declared; declare it, or say why not" in evidence["LOAD-001"].detail


@pytest.mark.parametrize(
    ("declared", "message"),
    [
        ("[load]\nrate = 3", "[load]: Object "),
        (DECLARED.replace("[load]", '[load]\nheaders = { K = "${NOT_THERE}" }'), "NOT_THERE, which is not set"),
        (DECLARED, "TARGET_URL is ''"),
    ],
)
def test_a_wrong_declaration_is_our_error(release_file: Path, declared: str, message: str) -> None:
    """A field, a variable or the address that is wrong is named, and exits with 2, before anything is sent."""
    code, evidence = ran(release_file, declared)

    assert (2, {Outcome.ERRORED}) == (code, {one.outcome for one in evidence.values()})
    assert message in evidence["LOAD-003"].detail


INSTANCES = """
[load.instances]
command = ["echo", "1"]
rate_per_s = 500
"""
DIED = Unreachable("the target does not answer: Connection refused")


@pytest.mark.usefixtures("_target")
def test_a_release_that_dies_under_the_ramp_keeps_what_was_seen_of_it(release_file: Path) -> None:
    """Only its instances are not known: what failed before that has failed, and is attached."""
    broken = declaring(INSTANCES, [sample(2, status=0, error="ConnectionResetError")] * 400)
    code, evidence = ran(release_file, f"{DECLARED}{INSTANCES}", broken, DIED)

    assert (1, Outcome.FAILED, Outcome.PASSED) == (code, *(evidence[f"LOAD-00{n}"].outcome for n in (1, 2)))
    assert (Outcome.ERRORED, f"CannotTell: {DIED}") == (evidence["LOAD-008"].outcome, evidence["LOAD-008"].detail)
    assert "attachments/load/requests.csv.gz" in evidence["LOAD-001"].attachments


@pytest.mark.usefixtures("_target")
@pytest.mark.parametrize("error", [DIED, RuntimeError("the load did not end")])
def test_a_baseline_that_is_down_takes_nothing_away(release_file: Path, error: Exception) -> None:
    """It only is not compared with, whatever went wrong."""
    with Server() as server:
        declared = f'[load.baseline]\nurl = "{server.url}"\n'
        code, evidence = ran(release_file, f"{DECLARED}{declared}", declaring(declared, steady()), error)

    assert 1 == code
    assert {Outcome.ERRORED} == {evidence["LOAD-007"].outcome}
    assert str(error) in evidence["LOAD-007"].detail
    assert Outcome.PASSED is evidence["LOAD-001"].outcome


def declaring(table: str, samples: list[Sample]) -> Measurement:
    """A run of what is declared, with a table more."""
    declared = tomllib.loads(f"{DECLARED}{table}")["load"]
    return replace(measured(samples), load=convert(declared, Load, "here"))


@pytest.mark.usefixtures("_target")
def test_what_is_sent_beside_it_is_sent_by_one_generator(release_file: Path) -> None:
    """However many sent the load: this process asks in blocks, and up the ramp."""
    asked: list[float] = []

    def alone(_url: str, load: Load) -> Measurement:
        asked.append(load.rate_per_s)
        return measured(steady())

    one = declaring(f"{INSTANCES}rises_within_s = 0.01\n", steady())
    several = replace(one, parts=[one, one])
    release_file.write_text(f"{release_file.read_text()}{DECLARED}{INSTANCES}")
    release = releases.load(release_file)
    stage = Stage("load", runs.start(release_file.parent / "run", release), release)
    code = Runner(stage, lambda _url, _load: several, alone).run()
    evidence = {each.check: each for each in runs.read_stage(stage.finish(code)).evidence}

    assert (200.0, Outcome.FAILED) == (asked[0], evidence["LOAD-008"].outcome)


@pytest.mark.usefixtures("_target")
def test_what_does_not_apply_is_said_with_its_reason(release_file: Path) -> None:
    """All checks declared not applicable: no load is needed, and none is sent."""
    reasons = "".join(f'{identifier(check)} = "a batch job"\n' for check in CHECKS)
    code, evidence = ran(release_file, f"[not_applicable]\n{reasons}{DECLARED}")

    assert (0, {(Outcome.NOT_APPLICABLE, "a batch job")}) == (
        code,
        {(one.outcome, one.detail) for one in evidence.values()},
    )


def test_the_checks_are_those_of_the_catalogue() -> None:
    """What the gate finds in the source is what runs."""
    stated = {one.identifier for one in read(Path(__file__).parents[2]).values() if one.stage == "load"}

    assert {identifier(check) for check in CHECKS} == stated


def test_no_load_is_sent_where_it_is_not_allowed(release_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A deployment elsewhere is left alone, and nothing is verified, until release.toml allows load on it."""
    monkeypatch.setenv("TARGET_URL", "https://shop.example")
    _, evidence = ran(release_file, DECLARED)

    assert {Outcome.SKIPPED} == {one.outcome for one in evidence.values()}
    assert '[target] allow does not have "load"' in evidence["LOAD-001"].detail
