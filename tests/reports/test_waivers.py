"""A waiver covers one failure of one release until a date, and is an error everywhere else."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import msgspec
import pytest

from evidence.errors import InputError
from evidence.model import Outcome
from reports import policy
from reports.model import Gate, JudgedRule, Judgement, Verdict
from reports.policy import Policy
from reports.seen import Seen
from tests.reports.world import CATALOGUE, DIGEST, IDENTITY, NOW, POLICY, RECORD, evidence, gate_with, load, seen, stage

TOP = 'schema = 1\nmax_age = "24 h"\n[rules.LOAD-001]\n[rules.CSRF-001]\n[rules.DEPS-001]\n'
FIELDS = {
    "id": '"W-1"',
    "check": '"LOAD-001"',
    "scope": '{ version = ">=2.14,<2.15" }',
    "reason": '"the index comes with 2.15"',
    "owner": '"ada"',
    "approver": '"grace"',
    "until": "2026-04-01",
}
IN_QUARANTINE = {"check": '"LOAD-001"', "reason": '"a race in the test"', "owner": '"ada"', "until": "2026-03-20"}


def table(name: str, fields: dict[str, str], **changes: str | None) -> str:
    """Write one table of an array; a change to None leaves the key out."""
    given = {key: value for key, value in (fields | changes).items() if value is not None}
    return "".join([f"[[{name}]]\n", *(f"{key} = {value}\n" for key, value in given.items())])


def waiver(**changes: str | None) -> str:
    """Write one waiver, good but for the changes."""
    return table("waivers", FIELDS, **changes)


def quarantine(**changes: str | None) -> str:
    """Write one entry of the quarantine, good but for the changes."""
    return table("quarantine", IN_QUARANTINE, **changes)


def loaded(tmp_path: Path, text: str, waivers: str | None = None) -> Policy:
    """Load this text below the rules of the small world, and these waivers from a file of their own."""
    path = tmp_path / "policy.toml"
    path.write_text(TOP + text, encoding="utf-8")
    if waivers is not None:
        (tmp_path / "waivers.toml").write_text(waivers, encoding="utf-8")
    return policy.load(path, CATALOGUE, tmp_path / "waivers.toml" if waivers is not None else None)


DATE = "write a date without quotes, 2026-03-31, or a time, 2026-03-31T12:00:00Z"
ERRORS: dict[str, tuple[str, str]] = {
    "no list": ("waivers = 1\n", "6: [rules.DEPS-001] waivers = 1: unknown key; known are"),
    "unknown key": (
        waiver(unitl="2026-04-01"),
        '14: [[waivers]] unitl = "2026-04-01": unknown key; did you mean "until"?',
    ),
    "unknown check": (
        waiver(check='"LAOD-001"'),
        '8: [[waivers]] check = "LAOD-001": no check has this id; did you mean "LOAD-001"?',
    ),
    "no id": (waiver(id=None), "6: [[waivers]] id: is missing"),
    "an id of none": (waiver(id='" "'), '7: [[waivers]] id = " ": is one line of text, not blank'),
    "no reason": (waiver(reason='""'), '10: [[waivers]] reason = "": is one line of text, not blank'),
    "no owner": (waiver(owner=None), "6: [[waivers]] owner: is missing"),
    "no approver": (waiver(approver=None), "6: [[waivers]] approver: is missing"),
    "approved by its owner": (
        waiver(approver='"Ada"'),
        '12: [[waivers]] approver = "Ada": is the owner; somebody else approves',
    ),
    "no end": (waiver(until=None), f"6: [[waivers]] until: is missing; {DATE}"),
    "an end in words": (
        waiver(until='"2026-04-01"'),
        f'13: [[waivers]] until = "2026-04-01": is not a date; {DATE}',
    ),
    "an end nowhere": (
        waiver(until="2026-04-01T12:00:00"),
        f'13: [[waivers]] until = "2026-04-01 12:00:00": has no time zone; {DATE}',
    ),
    "an end that no calendar has": (waiver(until="2026-02-30"), " is not valid TOML: "),
    "no scope": (waiver(scope=None), "6: [[waivers]] scope: must be a table with something in it"),
    "a scope of words": (
        waiver(scope='">=2"'),
        '9: [[waivers]] scope = ">=2": must be a table with something in it',
    ),
    "an unknown scope": (
        waiver(scope='{ verison = ">=2" }'),
        '9: [[waivers]] scope.verison = ">=2": unknown key; did you mean "version"?',
    ),
    "two scopes": (
        waiver(scope=f'{{ version = "<3", digest = "{DIGEST}" }}'),
        "9: [[waivers]] scope: has version or digest, not both",
    ),
    "a digest that is none": (
        waiver(scope='{ digest = "sha256:ab" }'),
        '9: [[waivers]] scope.digest = "sha256:ab": is not "sha256:" and 64 hexadecimal digits',
    ),
    **{
        f"the bounds {bounds}": (
            waiver(scope=f'{{ version = "{bounds}" }}'),
            f'9: [[waivers]] scope.version = "{bounds}": is not bounds with commas between, such as ">=1.2,<1.3"',
        )
        for bounds in ("", "2.14", "~2.14", ">=2.14,", "<2.x", ">=1 <2")
    },
    "no upper bound": (
        waiver(scope='{ version = ">=2.14" }'),
        '9: [[waivers]] scope.version = ">=2.14": has no upper bound; a waiver is not for every release to come',
    ),
    "an id twice": (
        waiver() + waiver(check='"CSRF-001"'),
        '15: [[waivers]] id = "W-1": is also that of {path}:6: [[waivers]] W-1; keep one',
    ),
    "a check twice": (
        waiver() + waiver(id='"W-2"'),
        '16: [[waivers]] check = "LOAD-001": is also that of {path}:6: [[waivers]] W-1; keep one',
    ),
    "quarantine of an unknown check": (
        quarantine(check='"X-001"'),
        '7: [[quarantine]] check = "X-001": no check has this id; did you mean "LOAD-001"?',
    ),
    "quarantine with an unknown key": (
        quarantine(approver='"grace"'),
        '11: [[quarantine]] approver = "grace": unknown key; known are check, reason, owner, until',
    ),
    "quarantine for no reason": (quarantine(reason=None), "6: [[quarantine]] reason: is missing"),
    "quarantine without an owner": (quarantine(owner=None), "6: [[quarantine]] owner: is missing"),
    "quarantine for ever": (quarantine(until=None), f"6: [[quarantine]] until: is missing; {DATE}"),
    "quarantine twice": (
        quarantine() * 2,
        '12: [[quarantine]] check = "LOAD-001": is also that of {path}:6: [[quarantine]] LOAD-001; keep one',
    ),
    "four in quarantine": (
        "".join(quarantine(check=f'"{check}"') for check in (*CATALOGUE, "X-001")),
        "21: [[quarantine]]: more than 3 checks are in quarantine; mend one first",
    ),
}


@pytest.mark.parametrize(("text", "message"), ERRORS.values(), ids=ERRORS)
def test_a_wrong_entry_is_one_line_with_its_mend(tmp_path: Path, text: str, message: str) -> None:
    """Each mistake is refused before anything is judged, by file, line, key and value."""
    with pytest.raises(InputError) as refused:
        loaded(tmp_path, text)

    path = tmp_path / "policy.toml"
    assert str(refused.value).startswith(f"{path}:{message.replace('{path}', str(path))}")


def test_waivers_may_be_in_a_file_of_their_own(tmp_path: Path) -> None:
    """They join the policy's; the file is recorded by its digest, and errors name it."""
    both = loaded(tmp_path, waiver(), waiver(id='"W-2"', check='"CSRF-001"'))

    assert ["W-1", "W-2"] == [entry.id for entry in both.waivers]
    assert both.waivers_file is not None
    assert ("waivers.toml", 64) == (both.waivers_file.name, len(both.waivers_file.sha256))
    for text, says in ((waiver(), "waivers.toml:2: [[waivers]] id"), ("max_age = '1 h'\n", "waivers.toml:1: max_age")):
        with pytest.raises(InputError, match=f"{tmp_path}/{says}".replace("[", r"\[")):
            loaded(tmp_path, waiver(), text)
    with pytest.raises(InputError, match=r"none.toml: cannot be read .*name another with --waivers"):
        policy.load(tmp_path / "policy.toml", CATALOGUE, tmp_path / "none.toml")


def test_a_date_ends_with_its_day_in_utc(tmp_path: Path) -> None:
    """Which hour, and of which zone, is said and not guessed."""
    read = loaded(tmp_path, waiver() + waiver(id='"W-2"', check='"CSRF-001"', until="2026-04-01T12:00:00+02:00"))

    assert [dt.datetime(2026, 4, 1, 23, 59, 59, tzinfo=dt.UTC), dt.datetime(2026, 4, 1, 10, tzinfo=dt.UTC)] == [
        entry.until for entry in read.waivers
    ]


def judged(tmp_path: Path, text: str, found: Seen, now: dt.datetime = NOW) -> Gate:
    """Judge what was seen by the small world's rules, with this text in the policy."""
    read = loaded(tmp_path, text)
    return gate_with(msgspec.structs.replace(POLICY, waivers=read.waivers, quarantine=read.quarantine), found, now)


def load_rule(gate: Gate) -> JudgedRule:
    """Return the rule that is waived."""
    return next(rule for rule in gate.rules if rule.check == "LOAD-001")


FAILED = load(outcome=Outcome.FAILED, detail="too slow")


@pytest.mark.parametrize(
    "scope",
    [
        '{ version = ">=2.14,<2.15" }',
        '{ version = "== 2.14" }',
        '{ version = "!=2.13, <=2.14.0" }',
        f'{{ digest = "{DIGEST}" }}',
    ],
)
def test_a_waiver_lets_one_failure_pass(tmp_path: Path, scope: str) -> None:
    """The failure is WAIVED, still says what failed, and by whom it is waived; the release is promoted."""
    gate = judged(tmp_path, waiver(scope=scope), FAILED)
    rule = load_rule(gate)

    assert (Verdict.PROMOTE, Judgement.WAIVED, 1, 0) == (
        gate.verdict,
        rule.judgement,
        gate.counts.waived,
        gate.counts.failed,
    )
    assert (
        "The claim does not hold: too slow. Waived until 2026-04-01 23:59:59 UTC by ada, approved by grace: "
        "the index comes with 2.15." == rule.reason
    )
    assert "2 of 3 claims hold; 1 waived (LOAD-001)." == gate.headline
    assert (rule.waiver,) == gate.waivers


def test_a_waiver_that_ended_blocks_and_says_so(tmp_path: Path) -> None:
    """One second after its end it covers nothing."""
    end = dt.datetime(2026, 3, 1, 12, tzinfo=dt.UTC)
    ended = waiver(until="2026-03-01T12:00:00Z")

    assert Judgement.WAIVED is load_rule(judged(tmp_path, ended, FAILED, end)).judgement
    gate = judged(tmp_path, ended, FAILED, end + dt.timedelta(seconds=1))
    assert (Verdict.BLOCK, None) == (gate.verdict, load_rule(gate).waiver)
    assert load_rule(gate).reason.endswith("The waiver W-1 of ada ended on 2026-03-01 12:00:00 UTC.")


@pytest.mark.parametrize("outcome", [Outcome.SKIPPED, Outcome.ERRORED, Outcome.FLAKY])
def test_a_waiver_never_covers_a_doubt(tmp_path: Path, outcome: Outcome) -> None:
    """What could not be verified stays UNVERIFIED, and says why the waiver does not help."""
    gate = judged(tmp_path, waiver(), load(outcome=outcome))

    assert (Verdict.HOLD, Judgement.UNVERIFIED) == (gate.verdict, load_rule(gate).judgement)
    assert load_rule(gate).reason.endswith("does not cover this: it covers a failure, not a doubt.")


def test_a_waiver_never_covers_evidence_that_is_gone(tmp_path: Path) -> None:
    """Without the stage's file there is nothing to waive."""
    assert Verdict.HOLD is judged(tmp_path, waiver(), seen(without=("load",))).verdict


OTHER = msgspec.structs.replace(IDENTITY, version="2.14.0-rc1")
STALE: dict[str, tuple[str, Seen, str]] = {
    "the check passes": (waiver(), load(), "is stale: LOAD-001 is PASS; remove the waiver"),
    "the check does not apply": (
        waiver(),
        load(outcome=Outcome.NOT_APPLICABLE, detail="none"),
        "is stale: LOAD-001 is NOT APPLICABLE; remove the waiver",
    ),
    "another version": (
        waiver(scope='{ version = ">2.14,<3" }'),
        FAILED,
        "is for version >2.14,<3, and this is 2.14.0; remove the waiver or judge the release that it is for",
    ),
    "another digest": (
        waiver(scope=f'{{ digest = "sha256:{"0" * 64}" }}'),
        FAILED,
        f"is for sha256:{'0' * 64}, and this is {DIGEST}; remove",
    ),
    "a version that is no number": (
        waiver(),
        msgspec.structs.replace(FAILED, identity=OTHER, record=msgspec.structs.replace(RECORD, identity=OTHER)),
        "the version '2.14.0-rc1' is not numbers with dots, which >=2.14,<2.15 could be held against; remove",
    ),
    "too long": (
        waiver(until="2026-05-31"),
        FAILED,
        "until is more than 90 days after the judged moment; choose an earlier date",
    ),
    "too long in quarantine": (
        quarantine(until="2026-04-01"),
        load(),
        "until is more than 30 days after the judged moment; choose an earlier date",
    ),
}


@pytest.mark.parametrize(("text", "found", "says"), STALE.values(), ids=STALE)
def test_a_waiver_for_nothing_is_an_error(tmp_path: Path, text: str, found: Seen, says: str) -> None:
    """What would cover the next failure, which nobody agreed to, is refused by file and line."""
    kind, name = ("waivers", "W-1") if text.startswith("[[waivers") else ("quarantine", "LOAD-001")
    with pytest.raises(InputError) as refused:
        judged(tmp_path, text, found)

    assert str(refused.value).startswith(f"{tmp_path / 'policy.toml'}:6: [[{kind}]] {name}: {says}")


def test_everything_waived_promotes_nothing(tmp_path: Path) -> None:
    """A release of which no claim holds was not verified."""
    waived = "".join(waiver(id=f'"{check}"', check=f'"{check}"') for check in CATALOGUE)
    found = seen(*(stage(info.stage, evidence(check, outcome=Outcome.FAILED)) for check, info in CATALOGUE.items()))

    assert Verdict.HOLD is judged(tmp_path, waived, found).verdict


def test_a_check_in_quarantine_may_be_flaky(tmp_path: Path) -> None:
    """It passes with a warning that says until when and why; its limits still count, and so does any other doubt."""
    gate = judged(tmp_path, quarantine(), load(outcome=Outcome.FLAKY))
    slow = load(outcome=Outcome.FLAKY, measured={"p95_ms": 150.0, "samples_total": 900.0})

    assert (Verdict.PROMOTE, Judgement.PASS) == (gate.verdict, load_rule(gate).judgement)
    assert (
        "passed only on a retry, in quarantine until 2026-03-20 23:59:59 UTC by ada: a race in the test"
        == load_rule(gate).warning
    )
    assert Verdict.BLOCK is judged(tmp_path, quarantine(), slow).verdict
    assert Verdict.HOLD is judged(tmp_path, quarantine(), load(outcome=Outcome.SKIPPED)).verdict
    assert "" == load_rule(judged(tmp_path, quarantine(), load())).warning


def test_a_quarantine_ends(tmp_path: Path) -> None:
    """After its end the check is in doubt again, and says whose it was."""
    later = dt.datetime(2026, 3, 21, tzinfo=dt.UTC)
    gate = judged(tmp_path, quarantine(), load(outcome=Outcome.FLAKY, started=later), later)

    assert (
        "The check passed only on a retry. Its quarantine by ada ended on 2026-03-20 23:59:59 UTC."
        == load_rule(gate).reason
    )
