"""The gate as a command: files, exit codes, one line for every accident."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from checks.stage import Result, Stage
from evidence import release as releases
from evidence import run as runs
from evidence.model import Outcome
from reports import __main__ as gate
from reports import publish
from reports.publish import FILES
from reports.render import ctrf, html, junit, markdown, openmetrics

TREE = Path(__file__).parents[2]
CHECK = '@check("PAGE-001")\ndef check_page(page):\n    """The page loads."""\n'
POLICY = 'schema = 1\nmax_age = "24 h"\n[rules.PAGE-001]\n'
Call = Callable[..., int]


@pytest.fixture
def run(stage: Stage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A run whose one check passed, in a tree that has no other check; the working directory is the tree's."""
    (tmp_path / "suites" / "smoke").mkdir(parents=True)
    (tmp_path / "suites" / "smoke" / "check_page.py").write_text(CHECK)
    (tmp_path / "policy.toml").write_text(POLICY)
    monkeypatch.setattr(gate, "TREE", tmp_path)
    monkeypatch.chdir(tmp_path)
    leave(stage, Outcome.PASSED)
    return stage.run.path


@pytest.fixture
def call(run: Path, release_file: Path) -> Call:
    """Call the gate on the run, with more options."""
    return lambda *options: gate.main(["--run", str(run), "--release", str(release_file), *map(str, options)])


def leave(stage: Stage, outcome: Outcome) -> None:
    """Leave evidence of the one check."""
    stage.plan(["PAGE-001"])
    claim = "The page loads."
    stage.add(Result(check="PAGE-001", claim=claim, outcome=outcome, started=runs.now(), seconds=0.1))
    stage.finish(0 if outcome else 1)


def verdict(run: Path) -> str:
    """Read the verdict that the run's gate.json gives."""
    return str(json.loads((run / "gate.json").read_text())["verdict"])


def test_a_good_run_is_promoted(call: Call, run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 0, the reports, the link to the newest run, and the report's path on the screen."""
    assert 0 == call()
    assert "PROMOTE" == verdict(run)
    reports = {"report.html", "summary.md", "junit.xml", "metrics.txt", "ctrf.json"}
    assert {"gate.json", "release.json", "evidence", *reports} == {path.name for path in run.iterdir()}
    assert "r1" == str((run.parent / "latest").readlink())
    assert ["history.jsonl", "latest", "r1"] == sorted(path.name for path in run.parent.iterdir())
    assert "report: runs/r1/report.html" in capsys.readouterr().out


def test_a_failure_blocks(call: Call, run: Path, stage: Stage) -> None:
    """Exit code 10."""
    leave(stage, Outcome.FAILED)

    assert (10, "BLOCK") == (call(), verdict(run))


def test_a_torn_line_holds_and_names_it(call: Call, run: Path) -> None:
    """A file that was cut off is a doubt about its stage, by file and line, and no accident of the gate."""
    path = run / "evidence" / "smoke.jsonl"
    path.write_bytes(path.read_bytes()[:-20])

    assert (20, "HOLD") == (call(), verdict(run))
    (rule,) = json.loads((run / "gate.json").read_text())["rules"]
    assert rule["reason"].startswith("The stage's evidence cannot be read: evidence/smoke.jsonl:2: is not evidence")


def test_a_folder_where_a_file_should_be_holds(call: Call, run: Path) -> None:
    """What cannot even be opened is named too."""
    (run / "evidence" / "smoke.jsonl").unlink()
    (run / "evidence" / "smoke.jsonl").mkdir()

    assert 20 == call()


def test_a_source_that_changed_holds(call: Call, release_file: Path) -> None:
    """Evidence of yesterday's source says nothing about today's."""
    (release_file.parent / "src" / "app.py").write_text("print('evil')\n")

    assert 20 == call()


def test_an_old_run_can_be_judged_by_another_policy(
    call: Call, run: Path, release_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What was recorded is judged by today's rules, though the source has moved on; the run itself stays as it was."""
    call()
    before = {path: path.read_bytes() for path in run.parent.rglob("*") if path.is_file()}
    (release_file.parent / "src" / "app.py").write_text("print('next release')\n")
    stricter = run.parent / "stricter.toml"
    stricter.write_text(f"{POLICY}min = {{ pages_total = 1 }}\n")
    capsys.readouterr()

    assert (0, 20) == (call("--recorded"), call("--recorded", "--policy", stricter))
    assert "pages_total was not measured" in capsys.readouterr().out
    stricter.unlink()
    assert before == {path: path.read_bytes() for path in run.parent.rglob("*") if path.is_file()}


def test_age_is_judged_as_of_now(call: Call) -> None:
    """The same evidence a week later is too old, and a century earlier is from the future."""
    assert (20, 20) == (call("--now", "2999-01-01T00:00:00Z"), call("--now", "1999-01-01T00:00:00+01:00"))


def test_look_again_repeats_what_is_not_the_default(call: Call, run: Path, release_file: Path) -> None:
    """The command to look again names this run, and this release, quoted for the shell."""
    call()
    (rule,) = json.loads((run / "gate.json").read_text())["rules"]

    assert f"nox -s smoke gate -- --run runs/r1 --release '{release_file}'" == rule["rerun"]


@pytest.mark.parametrize("form", ["json", "markdown"])
def test_another_format_is_what_its_file_holds(
    call: Call, run: Path, capsys: pytest.CaptureFixture[str], form: str
) -> None:
    """What is printed is what is written."""
    call("--format", form)

    assert (run / {"json": "gate.json", "markdown": "summary.md"}[form]).read_text() == capsys.readouterr().out


def test_github_is_told_beside_the_summary(
    call: Call, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Where GitHub Actions runs the gate, its annotations follow the summary; elsewhere there are none."""
    monkeypatch.delenv("GITHUB_ACTIONS", raising=False)
    call()
    assert "::notice" not in capsys.readouterr().out
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    call()

    assert "\n::notice title=PROMOTE%3A shop 2.14.0::1 of 1 claims hold.\n" in capsys.readouterr().out


WRONG: dict[str, tuple[Callable[[Path], object], str]] = {
    "no run": (lambda tree: (tree / "runs/r1/release.json").unlink(), "no stage of this run has started"),
    "a torn record": (lambda tree: (tree / "runs/r1/release.json").write_text("{"), "is not a run's record"),
    "no policy": (lambda tree: (tree / "policy.toml").unlink(), "policy.toml: cannot be read"),
    "a wrong policy": (lambda tree: (tree / "policy.toml").write_text("schema = 9"), "this gate reads schema = 1"),
    "a check without a rule": (
        lambda tree: (tree / "suites/smoke/check_two.py").write_text(CHECK.replace("001", "002")),
        "no rule for PAGE-002",
    ),
    "a broken check": (lambda tree: (tree / "suites/smoke/check_two.py").write_text("def"), "check_two.py:1: "),
    "no release": (lambda tree: (tree / "a shop/release.toml").unlink(), "release.toml: cannot be read"),
}


@pytest.mark.parametrize(("spoil", "says"), WRONG.values(), ids=WRONG)
def test_what_we_were_given_wrong_is_one_line(
    call: Call, run: Path, capsys: pytest.CaptureFixture[str], spoil: Callable[[Path], object], says: str
) -> None:
    """Exit code 2, one line on stderr that names the file, and no verdict of an earlier judgement left behind."""
    call()
    capsys.readouterr()
    spoil(run.parents[1])

    assert 2 == call()
    output = capsys.readouterr()
    assert ("", 1) == (output.out, output.err.count("\n"))
    assert says in output.err
    assert says == "no stage of this run has started" or not (run / "gate.json").exists()


@pytest.mark.usefixtures("run")
def test_a_folder_that_is_no_run_is_left_alone(release_file: Path, tmp_path: Path) -> None:
    """A mistyped --run removes nobody's files."""
    (tmp_path / "report.html").write_text("mine")

    assert 2 == gate.main(["--run", str(tmp_path), "--release", str(release_file)])
    assert "mine" == (tmp_path / "report.html").read_text()


@pytest.mark.parametrize(
    "options",
    [(), ("--run", "r", "--now", "yesterday"), ("--run", "r", "--now", "2026-01-01"), ("--run", "r", "--pol", "x")],
)
def test_bad_usage_is_exit_code_2(options: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    """No run, no time, a time without its zone, an abbreviated option."""
    with pytest.raises(SystemExit) as left:
        gate.main(options)

    assert 2 == left.value.code
    assert "error:" in capsys.readouterr().err


def broken(*_: object, **__: object) -> str:
    """Stand in for a renderer that breaks."""
    msg = "no\nsuch\x1b[31m template"
    raise ValueError(msg)


RENDERERS = {
    "report.html": (html, "write_html"),
    "summary.md": (markdown, "write_markdown"),
    "junit.xml": (junit, "write_junit"),
    "metrics.txt": (openmetrics, "write_metrics"),
    "ctrf.json": (ctrf, "write_ctrf"),
}


@pytest.mark.parametrize("name", FILES)
def test_a_broken_renderer_changes_nothing(
    call: Call, stage: Stage, name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The verdict stands, the other reports are written, and stderr says in one line what broke."""
    renderer, step = RENDERERS[name]
    monkeypatch.setattr(renderer, "render", broken)

    for outcome, code in ((Outcome.PASSED, 0), (Outcome.FAILED, 10)):
        leave(stage, outcome)
        assert code == call()
        assert f"gate: {step} broke, the verdict stands: ValueError: no such template\n" == capsys.readouterr().err
        assert {name} == {each for each in FILES if not (stage.run.path / each).exists()}


def test_a_broken_gate_is_exit_code_1(
    call: Call, run: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """An accident of the judge is no verdict, and leaves none."""
    call()
    monkeypatch.setattr(gate, "judge", broken)

    assert 1 == call()
    assert "gate: broke, there is no verdict: ValueError: no such template\n" == capsys.readouterr().err
    assert not (run / "gate.json").exists()


def test_a_full_disk_is_no_verdict(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    """A gate.json that cannot be written is exit code 1."""
    monkeypatch.setattr(runs, "write_atomically", broken)

    assert 1 == call()


def test_interrupted_is_exit_code_130(
    call: Call, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Ctrl-C is one line."""

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(gate, "judge", interrupt)

    assert 130 == call()
    assert "gate: interrupted\n" == capsys.readouterr().err


def test_the_newest_run_keeps_the_link(call: Call, run: Path, release_file: Path) -> None:
    """Judging an older run again does not make it the newest; a folder that somebody named latest is left alone."""
    newer = runs.start(run.with_name("r2"), releases.load(release_file)).path
    latest = run.with_name("latest")
    gate.main(["--run", str(newer), "--release", str(release_file)])
    call()

    assert "r2" == str(latest.readlink())
    latest.unlink()
    latest.mkdir()
    assert 0 == call()
    assert not latest.is_symlink()


def test_a_file_system_without_links_does_without(
    call: Call, run: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """No link, no complaint, no litter."""

    def refuse(*_: object, **__: object) -> None:
        raise OSError(1, "Operation not permitted")

    monkeypatch.setattr(Path, "symlink_to", refuse)

    assert 0 == call()
    assert ("", ["history.jsonl", "r1"]) == (
        capsys.readouterr().err,
        sorted(path.name for path in run.parent.iterdir()),
    )


COLOURS: dict[str, tuple[dict[str, str], bool, bool]] = {
    "a terminal": ({}, True, True),
    "a pipe": ({}, False, False),
    "a pipe, forced": ({"FORCE_COLOR": "1"}, False, True),
    "a terminal, forbidden": ({"NO_COLOR": "1", "FORCE_COLOR": "1"}, True, False),
}


@pytest.mark.parametrize("case", COLOURS.values(), ids=COLOURS)
def test_colour_follows_the_terminal_and_the_environment(
    call: Call,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    case: tuple[dict[str, str], bool, bool],
) -> None:
    """A terminal is coloured, a pipe is not, FORCE_COLOR and NO_COLOR decide, the latter last."""
    environment, isatty, coloured = case
    for name in ("NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(sys.stdout, "isatty", lambda: isatty)
    call()

    assert coloured == ("\x1b[" in capsys.readouterr().out)


def command(*options: str, **environment: str) -> subprocess.CompletedProcess[bytes]:
    """Run the gate as a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "reports", *options],
        cwd=TREE,
        env={**os.environ, "PYTHONPATH": str(TREE), **environment},
        capture_output=True,
        check=False,
    )


@pytest.mark.parametrize(("form", "begins"), [("terminal", b"! HOLD: "), ("markdown", b"### ? HOLD: ")])
def test_a_terminal_of_ascii_can_print_the_verdict(stage: Stage, release_file: Path, form: str, begins: bytes) -> None:
    """On a machine without UTF-8 the gate prints in ASCII: a symbol must not become an exit code 1."""
    leave(stage, Outcome.PASSED)
    options = ("--run", str(stage.run.path), "--release", str(release_file))
    done = command(*options, "--format", form, PYTHONIOENCODING="ascii", PYTHONUTF8="0")

    assert (20, b"") == (done.returncode, done.stderr)
    assert done.stdout.startswith(begins)


def test_help_teaches() -> None:
    """`--help` has the question, the exit codes and examples."""
    said = command("--help").stdout.decode()

    assert "May this release be promoted?" in said
    assert "10 BLOCK, 20 HOLD" in said
    assert "examples:" in said


def test_nobody_reading_on_is_no_accident(stage: Stage, release_file: Path) -> None:
    """`... | head -1` leaves the verdict's exit code, and no complaint of Python's."""
    leave(stage, Outcome.PASSED)
    code = (
        "import os, sys; r, w = os.pipe(); os.close(r); os.dup2(w, 1); "
        "from reports.__main__ import main; sys.exit(main(sys.argv[1:]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, "--run", str(stage.run.path), "--release", str(release_file)],
        cwd=TREE,
        capture_output=True,
        check=False,
    )

    assert (20, b"") == (done.returncode, done.stderr)


def test_publish_names_every_file_that_it_writes(call: Call, run: Path) -> None:
    """What is removed before a judgement is exactly what is written after it."""
    before = {path.name for path in run.iterdir()}
    call()

    assert {"gate.json", *publish.FILES} == {path.name for path in run.iterdir()} - before
