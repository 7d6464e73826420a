"""pytest's many ways to end become the right outcome, and never a pass."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from evidence import run as runs
from evidence.model import Evidence, Outcome, StageEvidence

Ran = Callable[..., tuple[int, StageEvidence | None]]
HEAD = "import pytest\nfrom checks.claim import check\n"


@pytest.fixture
def ran(pytester: pytest.Pytester, release_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Ran:
    """Run a module of checks as a stage, in a process of its own; return pytest's exit code and the evidence."""
    run = tmp_path / "runs" / "r1"
    monkeypatch.setenv("RELEASE_FILE", str(release_file))
    monkeypatch.setenv("RELEASE_RUN", str(run))
    monkeypatch.setenv("RELEASE_STAGE", "smoke")
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[2]))

    def go(source: str, *arguments: str) -> tuple[int, StageEvidence | None]:
        pytester.makeini("[pytest]\npython_files = check_*.py\npython_functions = check_*\n")
        pytester.makepyfile(check_shop=HEAD + source)
        code = pytester.runpytest_subprocess("-p", "checks.plugin", *arguments).ret
        path = run / "evidence" / "smoke.jsonl"
        return int(code), runs.read_stage(path) if path.exists() else None

    return go


def only(stage: StageEvidence | None) -> Evidence:
    """The one evidence of the stage."""
    assert stage is not None
    (evidence,) = stage.evidence
    return evidence


@pytest.mark.parametrize(
    ("body", "outcome"),
    [
        ("    assert 1 == 1", Outcome.PASSED),
        ("    assert 1 == 2", Outcome.FAILED),
        ("    raise ConnectionError('refused')", Outcome.ERRORED),
        ("    pytest.fail('no assert')", Outcome.ERRORED),
        ("    from evidence.errors import PassedOnRetry\n    raise PassedOnRetry('once')", Outcome.FLAKY),
        ("    pytest.skip('no browser')", Outcome.SKIPPED),
        ("    pytest.xfail('known')", Outcome.SKIPPED),
    ],
)
def test_outcomes(ran: Ran, body: str, outcome: Outcome) -> None:
    """Only a failed assert is the release's fault, and only a run to the end is a pass."""
    _, stage = ran(f'@check("SHOP-001")\ndef check_it():\n    """It sells."""\n{body}\n')
    evidence = only(stage)

    assert (outcome, "SHOP-001", "It sells.") == (evidence.outcome, evidence.check, evidence.claim)


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        ("assert 1 == 2, 'not sold'", "not sold\nassert 1 == 2"),
        ("raise ConnectionError('refused')", "ConnectionError: refused"),
        ("from evidence.errors import CannotTell\n    raise CannotTell('No till here.')", "No till here."),
    ],
)
def test_details_are_what_people_read(ran: Ran, body: str, detail: str) -> None:
    """A failed claim says what was seen, our own refusal is a sentence, and of any other accident the kind is told."""
    _, stage = ran(f'@check("SHOP-001")\ndef check_it():\n    """It sells."""\n    {body}\n')

    assert detail == only(stage).detail


def test_a_timeout_of_ours_is_not_the_releases_fault(ran: Ran) -> None:
    """A check that hangs is ended, and we could not tell."""
    source = '@check("SHOP-001")\ndef check_it():\n    """It sells."""\n    import time\n    time.sleep(60)\n'
    _, stage = ran(source, "--timeout=0.5", "-o", "timeout_method=signal")

    assert Outcome.ERRORED is only(stage).outcome


def test_a_broken_fixture_is_not_the_releases_fault(ran: Ran) -> None:
    """An assert that fails in a fixture is ERRORED, in setup and in teardown."""
    fixture = "@pytest.fixture\ndef broken():\n    {}\n    yield\n    {}\n"
    body = '@check("SHOP-001")\ndef check_it(broken):\n    """It sells."""\n'

    for lines in (("assert False", "pass"), ("pass", "assert False")):
        _, stage = ran(fixture.format(*lines) + body)

        assert Outcome.ERRORED is only(stage).outcome


def test_cases_combine_to_the_worst(ran: Ran) -> None:
    """A parametrised failure is not overwritten by a later pass, and names its case."""
    source = (
        '@pytest.mark.parametrize("n", [1, 2, 3])\n'
        '@check("SHOP-001")\ndef check_it(n):\n    """It."""\n    assert n != 2\n'
    )
    evidence = only(ran(source)[1])

    assert (Outcome.FAILED, 3) == (evidence.outcome, evidence.cases)
    assert evidence.detail.startswith("[2] ")


def test_measures_and_attachments_are_kept(ran: Ran) -> None:
    """What a check measured and attached is in its evidence, attachments of a teardown included."""
    source = (
        "@pytest.fixture\ndef trace(attach):\n    yield\n    attach('trace.txt', 'clicked')\n"
        '@check("SHOP-001")\ndef check_it(measure, trace):\n    """It."""\n    measure(p95_ms=12.5)\n'
    )
    evidence = only(ran(source)[1])

    assert ({"p95_ms": 12.5}, ("attachments/smoke/check_it-trace.txt",)) == (evidence.measured, evidence.attachments)


def test_a_check_without_an_id_is_named(ran: Ran) -> None:
    """A forgotten decorator is a usage error that names file and line, and the stage counts as not run."""
    code, stage = ran('def check_it():\n    """It."""\n')

    assert 4 == code
    assert stage is None or stage.record.exit_code == 4


def test_a_suite_that_collects_nothing_plans_nothing(ran: Ran) -> None:
    """An empty suite leaves a record that says so, for the gate to hold on."""
    code, stage = ran("")

    assert 5 == code
    assert stage is not None
    assert (5, (), ()) == (stage.record.exit_code, stage.record.planned, stage.evidence)


def test_a_broken_module_leaves_no_pass(ran: Ran) -> None:
    """A suite that cannot be imported ends with pytest's own code and without evidence."""
    code, stage = ran("import nothing_of_that_name\n")

    assert 2 == code
    assert stage is None or (stage.record.exit_code, stage.evidence) == (2, ())


def test_an_interrupted_stage_says_so(ran: Ran) -> None:
    """Ctrl-C leaves a record with pytest's own code, so that what had passed by then does not count."""
    source = "".join(
        f'@check("SHOP-00{n}")\ndef check_{n}():\n    """It {n}."""\n    {body}\n'
        for n, body in ((1, "pass"), (2, "raise KeyboardInterrupt"))
    )
    code, stage = ran(source)

    assert stage is not None
    assert (2, 2, {"SHOP-001"}) == (code, stage.record.exit_code, {evidence.check for evidence in stage.evidence})


def test_a_deselected_check_is_planned_and_skipped(ran: Ran) -> None:
    """`-k` leaves no hole that looks like a pass."""
    source = "".join(f'@check("SHOP-00{n}")\ndef check_{n}():\n    """It {n}."""\n' for n in (1, 2))
    _, stage = ran(source, "-k", "check_1")
    assert stage is not None

    assert {"SHOP-001", "SHOP-002"} == set(stage.record.planned)
    assert {"SHOP-001": Outcome.PASSED, "SHOP-002": Outcome.SKIPPED} == {e.check: e.outcome for e in stage.evidence}


def test_not_applicable_only_by_declaration(ran: Ran, release_file: Path) -> None:
    """A check that release.toml declares not applicable does not run, and carries the declared reason."""
    release_file.write_text(release_file.read_text() + '[not_applicable]\nSHOP-001 = "sells nothing"\n')
    evidence = only(ran('@check("SHOP-001")\ndef check_it():\n    """It."""\n    assert False\n')[1])

    assert (Outcome.NOT_APPLICABLE, "sells nothing") == (evidence.outcome, evidence.detail)


ONE = '@check("SHOP-001")\ndef check_it():\n    """It."""\n'


def test_not_applicable_may_name_a_check_of_another_stage(ran: Ran, release_file: Path) -> None:
    """One release.toml is for all stages."""
    release_file.write_text(release_file.read_text() + '[not_applicable]\nCSRF-001 = "no cookies"\n')

    assert 0 == ran(ONE)[0]


def test_not_applicable_names_a_check(ran: Ran, release_file: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """An id that no check has is refused by file, key and mend."""
    release_file.write_text(release_file.read_text() + '[not_applicable]\nCSFR-001 = "no cookies"\n')
    says = f"{release_file}: [not_applicable] CSFR-001: no check has this id; did you mean CSRF-001?"

    assert 4 == ran(ONE)[0]
    assert says in capfd.readouterr().err


def test_a_check_may_find_that_it_is_about_nothing(ran: Ran) -> None:
    """What release.toml says may leave nothing to look at; the check then says why, as a declaration would."""
    body = "from evidence.errors import NotApplicable\n    raise NotApplicable('It is a market.')"
    _, stage = ran(f'@check("SHOP-001")\ndef check_it():\n    """It sells."""\n    {body}\n')
    evidence = only(stage)

    assert (Outcome.NOT_APPLICABLE, "It is a market.") == (evidence.outcome, evidence.detail)


def test_a_file_of_the_whole_stage_is_kept(ran: Ran, tmp_path: Path) -> None:
    """What no single check can claim lies beside the evidence, also where the last check failed."""
    ran(
        "@pytest.fixture(scope='session', autouse=True)\ndef listed(keep):\n"
        "    yield\n    keep('touched.json', b'[]')\n"
        '@check("SHOP-001")\ndef check_it():\n    """It."""\n    assert False\n'
    )

    assert b"[]" == (tmp_path / "runs" / "r1" / "attachments" / "smoke" / "touched.json").read_bytes()


def test_an_undeclared_section_is_skipped_with_the_mend(ran: Ran) -> None:
    """What release.toml does not declare is reported as such, also from within a fixture."""
    source = (
        "import msgspec\nclass Table(msgspec.Struct):\n    path: str\n"
        "@pytest.fixture\ndef table(release):\n    return release.section('smoke', Table)\n"
        '@check("SHOP-001")\ndef check_it(table):\n    """It."""\n'
    )
    evidence = only(ran(source)[1])

    assert Outcome.SKIPPED is evidence.outcome
    assert "[smoke] is not declared" in evidence.detail


@pytest.mark.parametrize("error", ["evidence.release import Undeclared", "evidence.errors import NotApplicable"])
@pytest.mark.parametrize("where", ["fixture", "check"])
def test_what_is_not_looked_at_is_one_line(ran: Ran, pytester: pytest.Pytester, error: str, where: str) -> None:
    """The terminal says why in the one line of a skipped test, without a traceback."""
    raised = f"from {error} as Error\n    raise Error('[shop] till is not declared')"
    bodies = (raised, "pass") if where == "fixture" else ("pass", raised)
    ran(f"@pytest.fixture\ndef till():\n    {bodies[0]}\n" + CLAIM + f"    {bodies[1]}\n")
    printed = pytester.runpytest_subprocess("-p", "checks.plugin", "-ra").stdout

    printed.fnmatch_lines(["SKIPPED [[]1[]] check_shop.py:*: [[]shop[]] till is not declared", "*1 skipped in*"])
    printed.no_fnmatch_line("*raise Error*")


def test_a_full_disk_is_one_line(ran: Ran, pytester: pytest.Pytester, tmp_path: Path) -> None:
    """Where the evidence cannot be written the stage says so in one line, ends as a usage error, and leaves no file."""
    ran('@check("SHOP-001")\ndef check_it():\n    """It sells."""\n    assert False, "x" * 7000\n')
    path = tmp_path / "runs" / "r1" / "evidence" / "smoke.jsonl"
    path.unlink()
    limited = f"ulimit -f 8; exec {sys.executable} -m pytest -p checks.plugin -p no:cacheprovider -s"
    done = subprocess.run(["sh", "-c", limited], cwd=pytester.path, capture_output=True, text=True, check=False)

    assert 4 == done.returncode
    assert "Traceback" not in done.stderr
    assert "the evidence of smoke cannot be written (File too large)" in done.stderr
    assert [] == list(path.parent.iterdir())


CLAIM = '@check("SHOP-001")\ndef check_it(till):\n    """It."""\n'
FINDS = (
    '@check("SHOP-001")\ndef check_it(findings):\n    """It."""\n'
    '    findings.add("/login  csp", "any script runs")\n    findings.add("/ csp", "any frame")\n'
)


def test_findings_break_the_claim_each_at_its_place(ran: Ran) -> None:
    """A check that found something has failed, and says where and what, one line a finding."""
    evidence = only(ran(FINDS)[1])

    assert (Outcome.FAILED, 1) == (evidence.outcome, evidence.failed)
    assert [("/login csp", "any script runs"), ("/ csp", "any frame")] == [
        (each.place, each.what) for each in evidence.findings
    ]
    assert "/login csp: any script runs\n/ csp: any frame" == evidence.detail


def test_no_finding_is_a_pass(ran: Ran) -> None:
    """A check that asked for the fixture and found nothing has passed."""
    evidence = only(ran('@check("SHOP-001")\ndef check_it(findings):\n    """It."""\n')[1])

    assert (Outcome.PASSED, 0, ()) == (evidence.outcome, evidence.failed, evidence.findings)


@pytest.mark.parametrize(
    ("end", "outcome", "failed"),
    [("assert 1 == 2", Outcome.FAILED, 1), ("raise ConnectionError('refused')", Outcome.ERRORED, 0)],
)
def test_what_broke_beside_findings_cannot_be_accepted(ran: Ran, end: str, outcome: Outcome, failed: int) -> None:
    """Findings stand for a failure only where they are all of it."""
    evidence = only(ran(f"{FINDS}    {end}\n")[1])

    assert (outcome, failed, ()) == (evidence.outcome, evidence.failed, evidence.findings)


def test_a_failure_is_not_forgotten_when_the_check_cannot_be_ended(ran: Ran) -> None:
    """A check whose claim broke and whose fixture broke afterwards is ERRORED, and has failed."""
    source = (
        "@pytest.fixture\ndef broken():\n    yield\n    raise OSError('gone')\n"
        '@check("SHOP-001")\ndef check_it(broken):\n    """It."""\n    assert 1 == 2, "not sold"\n'
    )
    evidence = only(ran(source)[1])

    assert (Outcome.ERRORED, 1, True) == (evidence.outcome, evidence.failed, evidence.broken)
    assert "not sold" in evidence.detail
    assert "OSError: gone" in evidence.detail


def test_a_check_that_is_not_allowed_does_not_run(ran: Ran, monkeypatch: pytest.MonkeyPatch) -> None:
    """What would write to a release that does not allow it is SKIPPED before it does, and says how."""
    source = '@check("SHOP-001", needs="write")\ndef check_it():\n    """It."""\n    assert False\n'
    monkeypatch.setenv("TARGET_URL", "https://shop.example")
    refused = only(ran(source)[1])
    monkeypatch.setenv("TARGET_URL", "http://127.0.0.1:1")
    allowed = only(ran(source)[1])

    assert (Outcome.SKIPPED, Outcome.FAILED) == (refused.outcome, allowed.outcome)
    assert '[target] allow does not have "write", so shop.example was not touched' in refused.detail


def test_who_begins_early_knows_what_will_run(
    ran: Ran, release_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A fixture is told which checks will run: neither one that is not allowed nor one that is not applicable."""
    release_file.write_text(release_file.read_text() + '[not_applicable]\nSHOP-002 = "sells nothing"\n')
    monkeypatch.setenv("TARGET_URL", "https://shop.example")
    told = tmp_path / "told"
    source = (
        "from checks.plugin import will_run\n"
        "@pytest.fixture(scope='session', autouse=True)\n"
        "def early(request):\n"
        f"    names = [item.name for item in request.session.items if will_run(item)]\n"
        f"    open({str(told)!r}, 'w').write(' '.join(names))\n"
        '@check("SHOP-001", needs="write")\ndef check_writes():\n    """It."""\n'
        '@check("SHOP-002")\ndef check_sells():\n    """It."""\n'
        '@check("SHOP-003")\ndef check_reads():\n    """It."""\n'
    )
    ran(source)

    assert "check_reads" == told.read_text()
