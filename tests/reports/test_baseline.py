"""The history is added to and never changed, and the baseline is the last promoted run of the same release's name."""

from __future__ import annotations

import datetime as dt
import gzip
from pathlib import Path

import msgspec
import pytest

from evidence.errors import InputError
from reports import history
from reports.baseline import Comparison, gather, recorded
from reports.history import Line
from reports.limits import Kind
from reports.model import Gate, Judgement, Verdict
from reports.policy import Policy
from reports.regression import Reference, Regression
from reports.render import json_v1
from reports.samples import SAMPLES, SUMMARY, read_latencies
from tests.reports.world import CSRF, DEPS, IDENTITY, LOAD, NOW, POLICY, evidence, gate_of, gate_with, load, seen

RULE = msgspec.structs.replace(
    LOAD, regression=Regression(measure="p95_ms", kind=Kind.MAX, worse_by=0.2, floor=5, drift=0.4)
)
RULES = msgspec.structs.replace(POLICY, rules=(DEPS, CSRF, RULE))
THERE = {"samples_total": 900.0, "samples_effective_total": 200.0}


def past(run: str, p95_ms: float = 50, days: float = 1, **changes: object) -> Line:
    """Make the line of a promoted run, some days ago, but for the changes."""
    line = msgspec.structs.replace(
        history.line_of(gate_of(load(measured={"p95_ms": p95_ms, **THERE}))),
        run=run,
        judged_at=NOW - dt.timedelta(days=days),
    )
    return msgspec.structs.replace(line, **changes)


def write(folder: Path, *lines: Line, tail: bytes = b"") -> Path:
    """Write a history beside a run's folder, and return that folder."""
    run = folder / "r1"
    run.mkdir(exist_ok=True)
    (folder / "history.jsonl").write_bytes(b"".join(msgspec.json.encode(line) + b"\n" for line in lines) + tail)
    return run


def found(run: Path, pinned: str | None = None, rules: Policy = RULES, now: dt.datetime = NOW) -> Comparison:
    """Gather what the small world's run is compared with."""
    return gather(rules, seen(), run, pinned, now)


HELD, OTHER = Verdict.HOLD, msgspec.structs.replace(IDENTITY, name="another shop")
CHOICES: dict[str, tuple[tuple[Line, ...], str | None]] = {
    "none": ((), None),
    "the last": ((past("a", days=3), past("b", days=2)), "b"),
    "not a held one": ((past("a"), past("b", verdict=HELD)), "a"),
    "not a blocked one": ((past("a", verdict=Verdict.BLOCK),), None),
    "not another release": ((past("a"), past("b", release=OTHER)), "a"),
    "not one that was judged again, and held": ((past("a"), past("b"), past("b", verdict=HELD)), "a"),
    "one that was judged again, and promoted": ((past("a", verdict=HELD), past("a")), "a"),
    "judging an older one again does not make it the last": ((past("a"), past("b"), past("a")), "b"),
    "not itself": ((past("a"), past("r1")), "a"),
    "nothing after itself": ((past("a"), past("r1"), past("b")), "a"),
    "not one of the future": ((past("a"), past("b", days=-1)), "a"),
}


@pytest.mark.parametrize(("lines", "run"), CHOICES.values(), ids=CHOICES)
def test_the_baseline_is_the_last_promoted_run(tmp_path: Path, lines: tuple[Line, ...], run: str | None) -> None:
    """A run that was not promoted, is another release's, or came later, is no baseline; nor is a run its own."""
    baseline = found(write(tmp_path, *lines)).baseline

    assert run == (baseline.run if baseline else None)


def test_without_a_history_the_report_says_so(tmp_path: Path) -> None:
    """The first release is judged on its limits, and it is said."""
    comparison = found(tmp_path / "r1")

    assert "There is no baseline: no earlier run of shop was promoted; absolute limits decide." == comparison.note
    assert Verdict.PROMOTE is gate_with(RULES, seen(), comparison=comparison).verdict


def test_the_note_names_the_baseline(tmp_path: Path) -> None:
    """Run, version and date; and whatever it has no number of."""
    note = "The baseline is run a of 2.14.0, promoted on 2026-02-28 12:00:00 UTC"

    assert f"{note}." == found(write(tmp_path, past("a"))).note
    assert f"{note}; it has no number of LOAD-001, where absolute limits decide." == (
        found(write(tmp_path, past("a", measured={}))).note
    )


@pytest.mark.parametrize("judgement", [Judgement.WAIVED, Judgement.UNVERIFIED, Judgement.FAIL])
def test_a_number_that_did_not_pass_is_no_reference(tmp_path: Path, judgement: Judgement) -> None:
    """A waived failure does not become what the next release is measured by."""
    run = write(tmp_path, past("a", judgements={"LOAD-001": judgement}))

    assert {} == found(run).references


def test_the_best_is_of_the_last_ten_promoted(tmp_path: Path) -> None:
    """What was better eleven promotions ago is forgotten; runs that were not promoted do not count."""
    lines = [past(f"r-{number}", p95_ms=number + 40) for number in range(11)]
    run = write(tmp_path, *lines, past("held", p95_ms=1, verdict=HELD))

    assert {"LOAD-001": Reference(baseline=50, best=41)} == found(run).references


def test_creeping_is_caught(tmp_path: Path) -> None:
    """Each step is tolerated, the way is not: 58, 64 and now 71.5 ms, from 50."""
    run = write(tmp_path, *(past(f"r-{number}", p95_ms=value) for number, value in enumerate((50.0, 58.0, 64.0))))

    gate = gate_with(RULES, seen(), comparison=found(run))
    assert Verdict.BLOCK is gate.verdict
    assert "43 % worse than the best of the last promoted runs, 50 ms" in gate.rules[2].reason


def test_twenty_earlier_runs_are_kept_oldest_first(tmp_path: Path) -> None:
    """Whatever they came to, and only of this release's name."""
    lines = [past(f"r-{number:02}", verdict=HELD) for number in range(25)]
    previous = found(write(tmp_path, *lines, past("x", release=OTHER))).previous

    assert [f"r-{number:02}" for number in range(5, 25)] == [each.run for each in previous]
    assert (HELD, "2.14.0", {"LOAD-001": {"p95_ms": 50.0, **THERE}}) == (
        previous[0].verdict,
        previous[0].version,
        previous[0].measured,
    )


def test_a_pinned_baseline_is_used(tmp_path: Path) -> None:
    """By the name of its run, or by its folder, wherever that is."""
    run = write(tmp_path, past("a", p95_ms=30), past("b"))
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    gate = msgspec.structs.replace(gate_of(seen()), run="known good")
    (elsewhere / "gate.json").write_text(json_v1.render(gate))

    assert 30 == found(run, "a").references["LOAD-001"].baseline
    assert 71.5 == found(run, str(elsewhere)).references["LOAD-001"].baseline
    assert "The baseline is run known good of 2.14.0" in found(run, str(elsewhere)).note


PINNED: dict[str, tuple[str, str]] = {
    "unknown": ("goood", '--baseline goood: neither a folder nor a run in history.jsonl; did you mean "good"?'),
    "held": ("held", "--baseline held: came to HOLD; only a promoted run is a baseline"),
    "another's": ("other", "--baseline other: is a run of another shop, not of shop"),
    "itself": ("r1", "--baseline r1: is this very run"),
    "no folder": ("./none", "none/gate.json: cannot be read (No such file or directory); judge the run first"),
}


@pytest.mark.parametrize(("pinned", "says"), PINNED.values(), ids=PINNED)
def test_a_pinned_baseline_that_is_none_is_refused(tmp_path: Path, pinned: str, says: str) -> None:
    """A failed, foreign or misspelt baseline is an error, and never quietly no baseline."""
    run = write(tmp_path, past("good"), past("held", verdict=HELD), past("other", release=OTHER), past("r1"))
    with pytest.raises(InputError) as refused:
        found(run, pinned)

    assert says in str(refused.value)


def test_a_torn_last_line_is_noted_and_left_out(tmp_path: Path) -> None:
    """A machine that lost power while it wrote stops no release; a line in the middle is named by number."""
    whole = msgspec.json.encode(past("b"))
    comparison = found(write(tmp_path, past("a"), tail=b"{}\n" + whole[:-9]))

    assert "a" == (comparison.baseline.run if comparison.baseline else "")
    assert comparison.note.endswith(
        "; history.jsonl:2 is not a line of history and was left out; history.jsonl:3 is torn and was left out."
    )


@pytest.mark.parametrize("content", [b"\xff\xfe\n", b"[]\n", b'{"schema": 2}\n', b"null\n", b"\x00" * 99 + b"\n"])
def test_a_history_of_nonsense_is_no_accident(tmp_path: Path, content: bytes) -> None:
    """Whatever stands there, the absolute limits decide."""
    comparison = found(write(tmp_path, tail=content))

    assert comparison.baseline is None
    assert comparison.note.endswith("history.jsonl:1 is not a line of history and was left out.")


def test_a_folder_for_a_history_is_noted(tmp_path: Path) -> None:
    """What cannot be read is said."""
    (tmp_path / "history.jsonl").mkdir()

    assert found(tmp_path / "r1").note.endswith("history.jsonl cannot be read (Is a directory).")


def judged(run: str) -> Gate:
    """Judge the small world's run under another name."""
    return msgspec.structs.replace(gate_of(seen()), run=run)


def test_every_judgement_is_one_line_more(tmp_path: Path) -> None:
    """The last line of a run holds, its place is its first one's, and what was written stays as it was."""
    path = tmp_path / "history.jsonl"
    history.append(judged("a"), path)
    first = path.read_bytes()
    history.append(judged("b"), path)
    history.append(msgspec.structs.replace(judged("a"), verdict=HELD), path)

    assert path.read_bytes().startswith(first)
    assert 3 == len(path.read_bytes().splitlines())
    assert [("a", HELD), ("b", Verdict.PROMOTE)] == [(line.run, line.verdict) for line in history.read(path).lines]


def test_after_a_torn_line_a_new_one_begins(tmp_path: Path) -> None:
    """A torn line costs itself, and not the next one."""
    path = tmp_path / "history.jsonl"
    path.write_bytes(b'{"schema":1,"run":"to')
    history.append(judged("b"), path)
    read = history.read(path)

    assert ["b"] == [line.run for line in read.lines]
    assert ("history.jsonl:1 is not a line of history and was left out",) == read.notes


def test_a_line_has_what_the_next_runs_need(tmp_path: Path) -> None:
    """Release, verdict, policy, judgements and numbers, under a schema's number."""
    path = tmp_path / "history.jsonl"
    history.append(judged("a"), path)
    (line,) = history.read(path).lines

    assert 1 == line.schema
    assert (IDENTITY, Verdict.PROMOTE, NOW, POLICY.sha256) == (line.release, line.verdict, line.judged_at, line.policy)
    assert ({"LOAD-001": {"p95_ms": 71.5, "samples_total": 900.0}}, Judgement.PASS) == (
        line.measured,
        line.judgements["CSRF-001"],
    )


def leave(run: Path, latencies: list[float]) -> None:
    """Leave the requests of a load run."""
    rows = "".join(f"page,{number},{value},{value},200,9,,0\n" for number, value in enumerate(latencies))
    path = run / SAMPLES
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(f"name,at_s,latency_ms,service_ms,status,size_bytes,error,slip_ms\n{rows}".encode()))
    leave_window(run, 0, 1_000_000)


def leave_window(run: Path, opens_s: float, closes_s: float) -> None:
    """Leave a summary that says when the measuring window was open."""
    (run / SUMMARY).parent.mkdir(parents=True, exist_ok=True)
    (run / SUMMARY).write_text(f'{{"window_s": [{opens_s}, {closes_s}], "more": null}}')


def chance(run: Path) -> float | None:
    """Return the p-value with which the run's load is compared, where its evidence has its requests."""
    numbers = {"p95_ms": 71.5, **THERE}
    whole = load(measured=numbers, attachments=(SAMPLES,))
    return gather(RULES, whole, run, None, NOW).references["LOAD-001"].p_value


def test_samples_of_both_sides_are_tested(tmp_path: Path) -> None:
    """Where both runs left their requests, chance has a number; where one did not, the numbers alone decide."""
    run = write(tmp_path, past("a"))
    slow, fast = [float(60 + n % 10) for n in range(300)], [float(40 + n % 10) for n in range(300)]
    leave(run, slow)
    assert chance(run) is None
    leave(tmp_path / "a", fast)
    assert (p := chance(run)) is not None
    assert p < 1e-9
    leave(tmp_path / "a", slow)
    assert (p := chance(run)) is not None
    assert p > 0.1
    leave(tmp_path / "a", fast[:29])
    assert chance(run) is None


def test_samples_that_no_evidence_names_are_not_used(tmp_path: Path) -> None:
    """A file that lies about in the folder is nobody's evidence."""
    run = write(tmp_path, past("a"))
    for folder in (run, tmp_path / "a"):
        leave(folder, [50.0] * 300)

    assert found(run).references["LOAD-001"].p_value is None


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"no gzip",
        gzip.compress(b"name,at_s\nx,1\n", mtime=0),
        gzip.compress(b"latency_ms,at_s,error\nfast,1,\n", mtime=0),
        gzip.compress(b"latency_ms,at_s,error\nnan,1,\n", mtime=0),
        gzip.compress(b"latency_ms,at_s,error\n1.0,1,\n", mtime=0)[:-4],
        gzip.compress(b"\xff\xfe", mtime=0),
    ],
)
def test_samples_that_cannot_be_read_are_none(tmp_path: Path, content: bytes) -> None:
    """A torn or foreign file is no sample, and no accident."""
    leave_window(tmp_path, 0, 9)
    (tmp_path / SAMPLES).write_bytes(content)

    assert read_latencies(tmp_path) is None


ROWS = gzip.compress(b"latency_ms,at_s,error\n300,0.9,\n1.5,1,\n2.5,2,timeout\n3.5,4.9,\n9.5,5,\n", mtime=0)


def test_only_answered_requests_of_the_window_are_samples(tmp_path: Path) -> None:
    """A request that failed has no latency; warm-up, and what was asked after the window, is not what is judged."""
    leave_window(tmp_path, 1, 5)
    (tmp_path / SAMPLES).write_bytes(ROWS)

    assert [1.5, 3.5] == read_latencies(tmp_path)


@pytest.mark.parametrize("summary", [None, b"", b"[]", b'{"window_s": null}', b'{"window_s": [1]}'])
def test_without_a_window_nothing_is_a_sample(tmp_path: Path, summary: bytes | None) -> None:
    """Which of the requests were judged is not known."""
    leave_window(tmp_path, 1, 5)
    (tmp_path / SAMPLES).write_bytes(ROWS)
    if summary is None:
        (tmp_path / SUMMARY).unlink()
    else:
        (tmp_path / SUMMARY).write_bytes(summary)

    assert read_latencies(tmp_path) is None


def test_a_gate_can_be_judged_again_from_itself(tmp_path: Path) -> None:
    """What gate.json says that was compared with comes to the same gate, without any history."""
    run = write(tmp_path, past("a", p95_ms=66), past("b", p95_ms=68))
    gate = gate_with(RULES, seen(), comparison=found(run))

    assert gate.rules[2].change is not None
    assert gate == gate_with(RULES, seen(), comparison=recorded(gate))


def test_the_change_is_shown_where_evidence_is_in_doubt_too() -> None:
    """A number that is there is compared, whatever else is wrong with its evidence."""
    old = load(started=NOW - dt.timedelta(days=9), measured=evidence("LOAD-001").measured)
    gate = gate_with(RULES, old, comparison=Comparison(references={"LOAD-001": Reference(baseline=70)}))

    assert Judgement.UNVERIFIED is gate.rules[2].judgement
    assert (change := gate.rules[2].change) is not None
    assert 71.5 == change.measured
