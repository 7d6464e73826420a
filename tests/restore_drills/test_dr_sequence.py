"""The whole drill on a small shop: it comes through, it names what is wrong, and everything is as before afterwards."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

import msgspec
import psycopg
import pytest

from evidence import release as releases
from evidence.release import Release
from fixtures.postgres import Postgres, database, postgres
from restore_drills.backups import proof
from restore_drills.dr import __main__ as command
from restore_drills.dr.contract import Dr
from restore_drills.dr.drill import Drill
from restore_drills.dr.page import page
from restore_drills.dr.record import Record, read
from restore_drills.dr.rehearse import rehearse
from restore_drills.dr.runbook import against_breach, runbook
from tests.restore_drills import shop
from tests.restore_drills.dr_world import HOSTILE, OPEN, REFERENCE, TREE, address, release, server

__all__ = ["release", "server"]


def drilled(release: Release, server: Postgres, name: str = "shop") -> Record:
    """Go through it; whatever happened, the shop's database is open and as it was."""
    before = proof.look(address(server, name))
    done = rehearse(release, address(server, name), postgres, lambda _: None, Dr(size="200 GB"))
    assert before == proof.look(address(server, name))
    with psycopg.connect(address(server, name)) as connection:
        assert connection.execute(OPEN).fetchone() == ("off",)
    return done


def changed(release: Release, table: str, **fields: Any) -> Release:  # noqa: ANN401 - any of release.toml
    """Change a table of release.toml."""
    return msgspec.structs.replace(release, **{table: {**getattr(release, table), **fields}})


@pytest.fixture(scope="module")
def kept() -> dict[str, Record]:
    """One drill that passed, for several tests to look at."""
    return {}


@pytest.fixture
def passed(kept: dict[str, Record], release: Release, server: Postgres) -> Record:
    """The record of a drill that passed."""
    if not kept:
        kept["passed"] = drilled(release, server)
    return kept["passed"]


def test_the_whole_drill_passes(passed: Record) -> None:
    """Every step is done and timed, and nothing is found."""
    assert () == passed.findings
    assert ["done"] * 9 == [step.outcome for step in passed.steps]
    assert "passed" == passed.outcome
    assert (0.0, True) == (passed.rpo_s, 0 < (passed.rto_s or 0) < 120)
    assert sum(step.seconds for step in passed.steps[3:7]) <= (passed.rto_s or 0)
    assert {"restore the data", "verify"} <= {part.name for part in passed.parts if part.grows}
    assert {"start a fresh server", "switch", "test"} <= {part.name for part in passed.parts if not part.grows}
    assert passed.estimate.startswith("No estimate for your 200 GB")


def test_hostile_names_change_nothing(release: Release, server: Postgres, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of databases, tables and roles: with quotes, blanks, a dash in front, what looks like an option or an address."""
    monkeypatch.setenv(shop.DATABASE, database(server, quote(HOSTILE)))
    done = drilled(release, server, HOSTILE)

    assert ("passed", ()) == (done.outcome, done.findings)


def test_the_runbook_is_what_was_run(passed: Record) -> None:
    """docs/runbook.md has each step's sentence and commands, with the reference release's own where those are its."""
    own = {"switch": (shlex.join(REFERENCE["backup"]["application"]["start"]),), "test": _asked(REFERENCE["api"])}
    checks = passed.steps[5].commands
    psql = shlex.split(checks[-1])[:-1]
    queries = [" ".join(statement.split()) for statement in REFERENCE["database"]["invariants"].values()]
    own["verify"] = (*checks[:2], *(shlex.join([*psql, f"--command={query}"]) for query in queries), checks[-1])
    steps = [msgspec.structs.replace(step, commands=own.get(step.name, step.commands)) for step in passed.steps]

    breach = against_breach(releases.load(TREE / "release.toml"))

    assert ["announce", "stop", "revoke", "end", "rotate", "reopen"] == list(breach)
    assert (TREE / "docs" / "runbook.md").read_text() == runbook(
        msgspec.structs.replace(passed, steps=tuple(steps)), breach
    )


def _asked(api: dict[str, Any]) -> tuple[str, ...]:
    lines = []
    for resource in api["resources"]:
        lines += [resource[name] for name in ("create", "read", "delete") if name in resource]
    lines += api["examples"]
    return tuple(dict.fromkeys(shlex.join((one.get("method", "GET"), one["path"])) for one in lines))


FAULTS: dict[str, tuple[Callable[[Release], Release], str, str, str]] = {
    "a table is left out": (
        lambda release: changed(release, "backup", dump=["pg_dump", "--exclude-table-data=item", "--file={file}"]),
        "verify", "failed", "table public.item",
    ),
    "the backup ends well without one": (
        lambda release: changed(release, "backup", dump=["true"]), "back up", "failed", "wrote nothing",
    ),
    "an invariant does not hold": (
        lambda release: changed(release, "database", invariants={"cheap": "SELECT id FROM item WHERE price < 2"}),
        "verify", "failed", "invariant cheap: does not hold",
    ),
    "the application does not start": (
        lambda release: changed(release, "backup", application={**release.backup["application"], "start": ["false"]}),
        "switch", "failed", "does not serve from the restored copy",
    ),
    "it answers otherwise": (
        lambda release: changed(release, "api", examples=[{"path": "/items/7", "expect": 404}]),
        "test", "failed", "GET /items/7: 200, not 404",
    ),
    "nobody says how the server is lost": (
        lambda release: changed(release, "target", hooks={}), "fail", "undecided", "[target.hooks] has no database_up",
    ),
    "nobody says what to ask": (
        lambda release: changed(release, "api", examples=[]), "test", "failed", "nothing was asked",
    ),
}  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS)
def test_what_is_wrong_ends_the_drill_and_is_named(fault: str, release: Release, server: Postgres) -> None:
    """The step that failed says so, no later one is reached, and what was taken away is brought back all the same."""
    change, step, outcome, said = FAULTS[fault]
    done = drilled(change(release), server)
    after = [one.name for one in done.steps if one.outcome == "not reached"]

    assert outcome == done.outcome
    assert [step] == [one.name for one in done.steps if one.outcome == outcome]
    assert after == [one.name for one in done.steps][[one.name for one in done.steps].index(step) + 1 :]
    assert any(said in finding for finding in done.findings), done.findings
    assert done.actions[-1].endswith("with what was mended")
    assert not done.estimate


def test_a_server_that_is_not_lost_is_no_drill(
    release: Release, server: Postgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A hook that ends well and takes nothing away is found: the recovery would prove nothing."""
    monkeypatch.setattr(Drill, "hook", lambda drill, name: drill.heard((name,)))
    done = drilled(release, server)

    assert "failed" == done.outcome
    assert ("fail: the server still answers after it was taken away",) == done.findings


def test_the_command_leaves_report_record_and_line(  # noqa: PLR0913, PLR0917 - fixtures
    passed: Record,
    release: Release,
    server: Postgres,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Without a word to people, where the webhook is not set; secrets are in none of it."""
    monkeypatch.setattr(releases, "load", lambda _: changed(release, "backup", dr={"webhook_env": "NOT_SET"}))
    monkeypatch.setenv("TARGET_DATABASE", address(server))
    monkeypatch.setenv("TARGET_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("RELEASE_SECRETS", "SECRET")
    monkeypatch.setenv("SECRET", "application")
    monkeypatch.chdir(tmp_path)

    assert 0 == command.main(["--to", "report", "--runbook", "runbook.md"])
    told = msgspec.json.decode(capsys.readouterr().out)
    (path,) = (tmp_path / "docs" / "dr").iterdir()
    assert {"report.html", "report.md"} == {each.name for each in (tmp_path / "report").iterdir()}
    assert (str(path), "passed") == (told["record"], told["outcome"])
    assert "nobody was told: the variable NOT_SET, which [backup.dr] names, is not set" in read(path).findings
    assert ("application" in page(passed), "application" in (tmp_path / "report" / "report.html").read_text()) == (
        True,
        False,
    )
    assert (tmp_path / "runbook.md").read_text().startswith("# Runbook")
