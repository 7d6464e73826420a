"""Evidence of several machines becomes one run, or is refused by name."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from checks.stage import Result, Stage
from evidence import chart
from evidence import release as releases
from evidence import run as runs
from evidence.model import Outcome
from reports import __main__ as gate
from reports.merge import Merged
from reports.model import Gate
from tests.evidence.test_chart import LINES

CHECK = '@check("{0}-001")\ndef check_it():\n    """It holds."""\n'
POLICY = 'schema = 1\nmax_age = "24 h"\n[rules.SMOKE-001]\n[rules.LINT-001]\n'
STARTED = runs.now() - dt.timedelta(minutes=1)


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A tree of two checks, which is the working directory."""
    for place, name in (("suites/smoke/check_it.py", "SMOKE"), ("suites/source/check_lint.py", "LINT")):
        (tmp_path / place).parent.mkdir(parents=True)
        (tmp_path / place).write_text(CHECK.format(name))
    (tmp_path / "policy.toml").write_text(POLICY)
    monkeypatch.setattr(gate, "TREE", tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def part(release_file: Path, name: str, stage: str, outcome: Outcome = Outcome.PASSED, log: str = "log") -> Path:
    """Leave one machine's run of one stage."""
    release = releases.load(release_file)
    at_work = Stage(stage, runs.start(Path("jobs") / name, release), release)
    check = f"{stage.upper()}-001"
    at_work.plan([check])
    kept = at_work.attach("target.log", log)
    at_work.add(
        Result(check=check, claim="It holds.", outcome=outcome, started=STARTED, seconds=0.1, attachments=(kept,))
    )
    at_work.finish(0 if outcome else 1)
    return at_work.run.path


@pytest.fixture
def parts(tree: Path, release_file: Path) -> list[Path]:
    """Two machines' runs, with a stage each."""
    assert tree.is_dir()
    return [part(release_file, "job-1", "lint"), part(release_file, "job-2", "smoke")]


def merge(*parts: Path, into: str = "runs/all") -> int:
    """Merge as the command does."""
    return gate.main(["merge", "--into", into, *map(str, parts)])


def judge(release_file: Path, run: str = "runs/all") -> int:
    """Judge as the command does."""
    return gate.main(["--run", run, "--release", str(release_file)])


def test_two_machines_make_one_run(parts: list[Path], release_file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Neither alone is promoted, both together are; attachments come along."""
    assert [20, 20] == [judge(release_file, str(each)) for each in parts]
    capsys.readouterr()

    assert 0 == merge(*parts)
    assert "runs/all: 2 parts; stages: lint, smoke\n" == capsys.readouterr().out
    assert 0 == judge(release_file)
    assert {"lint", "smoke"} == {path.name for path in Path("runs/all/attachments").iterdir()}
    assert "merged.json" in {file["path"] for file in json.loads(Path("runs/all/gate.json").read_text())["files"]}


def test_charts_come_along(tree: Path, release_file: Path) -> None:
    """What a machine drew is in the verdict on the whole."""
    assert tree.is_dir()
    release = releases.load(release_file)
    drawing = Stage("smoke", runs.start(Path("jobs") / "job-1", release), release)
    drawing.plan(["SMOKE-001"])
    kept = drawing.attach(f"time{chart.SUFFIX}", chart.encode(LINES))
    drawing.add(
        Result(
            check="SMOKE-001",
            claim="It holds.",
            outcome=Outcome.PASSED,
            started=STARTED,
            seconds=0.1,
            attachments=(kept,),
        )
    )
    drawing.finish(0)

    assert 0 == merge(drawing.run.path, part(release_file, "job-2", "lint"))
    judge(release_file)
    gate_json = msgspec.json.decode(Path("runs/all/gate.json").read_bytes(), type=Gate)
    assert [(kept, LINES)] == [(each.path, each.chart) for each in gate_json.charts]


def test_a_failure_on_one_machine_blocks(release_file: Path, parts: list[Path]) -> None:
    """A merge improves nothing."""
    bad = part(release_file, "job-3", "smoke", Outcome.FAILED)

    assert 0 == merge(parts[0], bad)
    assert 10 == judge(release_file)


def test_a_part_that_is_missing_holds(parts: list[Path], release_file: Path) -> None:
    """What no machine brought is not verified."""
    assert 0 == merge(parts[0])
    assert 20 == judge(release_file)


def test_the_origin_is_kept(parts: list[Path]) -> None:
    """merged.json names each part's run, and each of its files by the digest that it had there."""
    merge(*parts)
    merged = msgspec.json.decode(Path("runs/all/merged.json").read_bytes(), type=Merged)

    assert ["job-1", "job-2"] == [origin.record.run for origin in merged.parts]
    assert ["attachments/lint/target.log", "evidence/lint.jsonl"] == sorted(merged.parts[0].files)
    assert runs.load(Path("runs/all")).record.started == min(origin.record.started for origin in merged.parts)
    stages = runs.load(Path("runs/all")).read()
    assert {"all"} == {stage.record.run for stage in stages} | {each.run for stage in stages for each in stage.evidence}


def test_only_the_tools_of_all_machines_are_the_runs(parts: list[Path]) -> None:
    """A version that two machines disagree on is nobody's version of the whole."""
    for each, database in zip(parts, ("17", "18"), strict=True):
        change("release.json", tools={"python": "3.11", "database": database})(each)
    merge(*parts)

    assert {"python": "3.11"} == runs.load(Path("runs/all")).record.tools


def test_the_order_of_the_parts_changes_no_evidence(parts: list[Path]) -> None:
    """Whoever lists them otherwise gets the same evidence."""
    merge(*parts)
    merge(*reversed(parts), into="other/all")

    for name in ("evidence/lint.jsonl", "evidence/smoke.jsonl", "attachments/smoke/target.log"):
        assert Path("runs/all", name).read_bytes() == Path("other/all", name).read_bytes()


def test_the_same_stage_twice_may_say_the_same(parts: list[Path]) -> None:
    """A part that was fetched twice is no conflict."""
    assert 0 == merge(*parts, parts[0])


Spoil = Callable[[Path], object]


def change(file: str, **values: object) -> Spoil:
    """Change fields of a file's first line, or of all of it."""

    def spoil(folder: Path) -> None:
        path = folder / file
        first, *rest = [path.read_text()] if file == "release.json" else path.read_text().splitlines()
        path.write_text("\n".join([json.dumps(json.loads(first) | values), *rest]) + "\n")

    return spoil


def identity(folder: Path, **values: object) -> None:
    """Change what a part's record says of its release."""
    record = json.loads((folder / "release.json").read_text())
    change("release.json", identity=record["identity"] | values)(folder)


def another_digest(folder: Path) -> None:
    """Let a part, without evidence, look at another source."""
    identity(folder, digest="sha256:00")
    (folder / "evidence/smoke.jsonl").unlink()


def link(folder: Path) -> None:
    """Put a link where an attachment was."""
    path = folder / "attachments/smoke/target.log"
    path.unlink()
    path.symlink_to("/etc/hostname")


def folder_for_a_file(folder: Path) -> None:
    """Put a folder where evidence was."""
    (folder / "evidence/smoke.jsonl").unlink()
    (folder / "evidence/smoke.jsonl").mkdir()


FUTURE = "2999-01-01T00:00:00Z"
AHEAD = "2999-01-01 00:00:00 UTC, which is in the future; set that machine's clock"
REFUSED: dict[str, tuple[Spoil, str]] = {
    "no run": (lambda folder: (folder / "release.json").unlink(), "release.json: cannot be read"),
    **{
        f"another {field}": (
            lambda folder, field=field, value=value: identity(folder, **{field: value}),  # type: ignore[misc]
            f"jobs/job-2: looks at another release: its {field} is {value}, that of jobs/job-1 ",
        )
        for field, value in (("name", "shop 2"), ("version", "9"), ("commit", "abc"), ("dirty", True))
    },
    "another deployment": (
        change("release.json", url="https://staging-2.example"),
        "jobs/job-2: looks at https://staging-2.example, but jobs/job-1 at None",
    ),
    "another digest": (
        another_digest,
        "jobs/job-2: looks at another release: its digest is sha256:00, that of jobs/job-1 sha256:",
    ),
    "evidence of another run": (
        change("evidence/smoke.jsonl", run="job-9"),
        "jobs/job-2/evidence/smoke.jsonl: belongs to another run or release, job-9 of sha256:",
    ),
    "evidence of another stage": (
        change("evidence/smoke.jsonl", stage="../../x"),
        "jobs/job-2/evidence/smoke.jsonl: holds the evidence of another stage, ../../x",
    ),
    "torn evidence": (
        lambda folder: (folder / "evidence/smoke.jsonl").write_text("{"),
        "jobs/job-2/evidence/smoke.jsonl:1: is not evidence",
    ),
    "a folder for evidence": (folder_for_a_file, "jobs/job-2/evidence/smoke.jsonl: cannot be read (Is a directory)"),
    "a record of the future": (change("release.json", started=FUTURE), f"jobs/job-2: its record is dated {AHEAD}"),
    "a stage of the future": (
        change("evidence/smoke.jsonl", finished=FUTURE),
        f"jobs/job-2: the stage smoke is dated {AHEAD}",
    ),
    "a time without its zone": (
        change("evidence/smoke.jsonl", started="2026-01-01T00:00:00"),
        "jobs/job-2: the stage smoke is dated 2026-01-01T00:00:00, without a time zone",
    ),
    "a link": (link, "jobs/job-2: attachments/smoke/target.log is a link, not a file"),
}


@pytest.mark.parametrize(("spoil", "says"), REFUSED.values(), ids=REFUSED)
def test_a_part_that_does_not_fit_is_refused_by_name(
    parts: list[Path], capsys: pytest.CaptureFixture[str], spoil: Spoil, says: str
) -> None:
    """One line, exit code 2, and nothing written."""
    spoil(parts[1])

    assert 2 == merge(*parts)
    error = capsys.readouterr().err
    assert says in error
    assert 1 == error.count("\n")
    assert not Path("runs").exists()


def test_evidence_of_the_future_is_refused(
    parts: list[Path], release_file: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A check that ran tomorrow ran on a machine whose clock is wrong."""
    monkeypatch.setattr("tests.reports.test_merge.STARTED", runs.now() + dt.timedelta(minutes=6))
    late = part(release_file, "job-3", "smoke")

    assert 2 == merge(parts[0], late)
    assert "jobs/job-3: SMOKE-001 is dated " in capsys.readouterr().err


@pytest.mark.parametrize("outcome", [Outcome.FAILED, Outcome.PASSED])
def test_a_stage_that_ran_twice_is_refused(
    parts: list[Path], release_file: Path, capsys: pytest.CaptureFixture[str], outcome: Outcome
) -> None:
    """Nobody chooses the better of two results."""
    again = part(release_file, "job-3", "smoke", outcome)

    assert 2 == merge(*parts, again)
    assert "jobs/job-3: the stage smoke is also in jobs/job-2, and says something else" in capsys.readouterr().err


def test_an_attachment_with_other_content_is_refused(parts: list[Path], capsys: pytest.CaptureFixture[str]) -> None:
    """Two files of the same name are two files."""
    other = parts[0] / "attachments/smoke/target.log"
    other.parent.mkdir()
    other.write_text("something else")

    assert 2 == merge(*parts)
    assert "jobs/job-2: attachments/smoke/target.log is also in jobs/job-1, with other content" in (
        capsys.readouterr().err
    )


def test_a_run_is_not_merged_into(parts: list[Path], capsys: pytest.CaptureFixture[str]) -> None:
    """What is a run already, with its own origin, stays what it is."""
    assert 2 == merge(parts[0], into=str(parts[1]))
    assert "jobs/job-2: is a run already; name a new folder, and this one as a part" in capsys.readouterr().err


def test_a_merge_that_breaks_off_leaves_no_run(parts: list[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    """The record comes last: half a run cannot be judged."""
    whole = runs.write_atomically

    def full(path: Path, content: bytes) -> None:
        if path.name == "merged.json":
            raise OSError(28, "No space left on device")
        whole(path, content)

    monkeypatch.setattr(runs, "write_atomically", full)

    assert 2 == merge(*parts)
    assert not Path("runs/all/release.json").exists()
