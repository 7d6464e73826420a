"""Results of one check combine to the worst; secrets and megabytes stay out."""

from __future__ import annotations

import datetime as dt

import msgspec
import pytest

from checks.findings import MOST
from checks.stage import DETAIL_LIMIT, Result, Stage, from_environment, redact
from evidence import run as runs
from evidence.errors import InputError
from evidence.model import Evidence, Finding, Outcome


def result(outcome: Outcome = Outcome.PASSED, detail: str = "", **measured: float) -> Result:
    """One result of the check SHOP-001."""
    moment = dt.datetime(2026, 11, 24, tzinfo=dt.UTC)
    return Result(
        check="SHOP-001",
        claim="It sells.",
        outcome=outcome,
        started=moment,
        seconds=1.0,
        detail=detail,
        measured=measured,
    )


def written(stage: Stage, *results: Result) -> Evidence:
    """Let the stage write, and read its only evidence back."""
    for one in results:
        stage.add(one)
    return runs.read_stage(stage.finish(0)).evidence[0]


def test_a_later_pass_never_covers_a_failure(stage: Stage) -> None:
    """A parametrised check whose last case passed has still failed."""
    evidence = written(stage, result(), result(Outcome.FAILED, "broken"), result())

    assert (Outcome.FAILED, "broken", 3) == (evidence.outcome, evidence.detail, evidence.cases)


def test_one_measure_with_two_values_is_an_error(stage: Stage) -> None:
    """Neither the better nor the worse of two values is picked silently."""
    evidence = written(stage, result(p95_ms=20.0), result(p95_ms=200.0))

    assert Outcome.ERRORED is evidence.outcome
    assert "p95_ms" in evidence.detail


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_what_is_not_a_number_is_an_error(stage: Stage, number: float) -> None:
    """NaN and infinity are told and left out: no limit can be held against them, and JSON has neither."""
    evidence = written(stage, result(p95_ms=number, samples_total=3))

    assert (Outcome.ERRORED, {"samples_total": 3}) == (evidence.outcome, evidence.measured)
    assert "p95_ms" in evidence.detail


def test_secrets_never_reach_evidence(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """The value of a variable that RELEASE_SECRETS names is replaced by its name."""
    monkeypatch.setenv("RELEASE_SECRETS", "SHOP_KEY,NOT_SET")
    monkeypatch.setenv("SHOP_KEY", "hunter2hunter2")

    assert "sent <SHOP_KEY>" == written(stage, result(Outcome.FAILED, "sent hunter2hunter2")).detail


def test_a_megabyte_of_detail_is_cut_with_a_note(stage: Stage) -> None:
    """A hostile body neither fills the disk nor hides that something was cut."""
    detail = written(stage, result(Outcome.FAILED, "x" * 1_000_000)).detail

    assert len(detail) < DETAIL_LIMIT + 100
    assert "characters more" in detail


def test_an_attachment_stays_inside_its_folder(stage: Stage) -> None:
    """A name with separators is a name, not a way out."""
    path = stage.attach("../../etc/pass wd", "text")

    assert "attachments/smoke/etc-pass-wd" == path
    assert "text" == (stage.run.path / path).read_text()


def test_a_stage_outside_nox_says_how_to_run_one() -> None:
    """A missing environment is one line with the mend."""
    with pytest.raises(InputError, match=r"RELEASE_STAGE, RELEASE_RUN, RELEASE_FILE not set: .*nox -s"):
        from_environment({})


def found(*places: str) -> Result:
    """One result that found something at each of these places."""
    findings = tuple(Finding(place=place, what="is open") for place in places)
    return msgspec.structs.replace(result(Outcome.FAILED, "open"), findings=findings)


def test_findings_of_all_cases_are_united(stage: Stage) -> None:
    """Each place is named once, whatever case found it, and a case that passed takes none away."""
    evidence = written(stage, found("/"), result(), found("/", "/login"))

    assert (["/", "/login"], 2) == ([each.place for each in evidence.findings], evidence.failed)


def test_one_failure_without_a_finding_is_not_covered_by_the_findings_of_another(stage: Stage) -> None:
    """Who accepts the findings of one case has not accepted what broke another."""
    evidence = written(stage, found("/"), result(Outcome.FAILED, "broken"))

    assert (2, ()) == (evidence.failed, evidence.findings)


def test_too_many_findings_are_none_that_can_be_accepted(stage: Stage) -> None:
    """A flood is a failure of the whole check."""
    evidence = written(stage, found(*map(str, range(MOST + 1))))

    assert (Outcome.FAILED, ()) == (evidence.outcome, evidence.findings)


def test_an_error_does_not_hide_that_another_case_failed(stage: Stage) -> None:
    """What broke stays counted, and told, where another case could not tell."""
    evidence = written(stage, result(Outcome.FAILED, "broken"), result(Outcome.ERRORED, "no till"))

    assert (Outcome.ERRORED, 1, "broken\nno till") == (evidence.outcome, evidence.failed, evidence.detail)


def test_of_a_secret_within_a_secret_nothing_is_left() -> None:
    """The longer one is taken out first, whichever is named first."""
    environment = {"RELEASE_SECRETS": "USER,ADDRESS", "USER": "grace", "ADDRESS": "postgresql://grace:hush@db"}

    assert "<ADDRESS> of <USER>" == redact("postgresql://grace:hush@db of grace", environment)
