"""This release and the last promoted one in turns: what is decided by, and what keeps it from being decided."""

from __future__ import annotations

import dataclasses
import itertools
import json
import math
import random
import sys
from pathlib import Path

import pytest

from checks import catalogue
from checks.stage import Stage
from evidence import release as releases
from evidence import run as runs
from evidence.errors import CannotTell, InputError
from evidence.model import Outcome
from evidence.release import Undeclared, convert
from load import check_baseline  # the functions' names would be collected
from load.baseline import Baseline, Compared, Side, in_turns, promoted
from load.config import Load
from load.measurement import Measurement, Vitals
from load.paired import Difference, Pair, difference
from load.quantile import TooFewSamples
from load.stage import Runner
from reports import policy
from reports.judge import judge
from reports.model import Judgement
from reports.seen import look
from tests.load.conftest import TREE, Command, Ran
from tests.load.server import Server
from tests.load.test_checks import LOAD, WELL, measured, sample, steady
from tests.load.test_stage import DECLARED

UNFIT = Vitals(lag_ms=[1.0], cpu_ratio=[0.99])
BASELINE = Baseline(url="http://127.0.0.1:2", pairs=6)
SERVE = """
import json, sys
from tests.load.server import Server
with Server() as server:
    print("its secret is hunter2hunter2", file=sys.stderr, flush=True)
    print(json.dumps({"url": server.url, "env": {"SHOP_KEY": "hunter2hunter2"}}), flush=True)
    sys.stdin.read()
    import signal; signal.pause()
"""

REALLY = """
rate_per_s = 50
warmup_s = 0
duration_s = 2
requests = [{{ name = "home", path = "/" }}]
[load.baseline]
start = {start}
folder = {folder}
block_s = 2
pairs = 12
"""


def pairs(count: int, slower: float, seed: int = 1, moves: float = 0.2) -> list[Pair]:
    """Blocks of a hundred lognormal latencies; the machine moves both sides of a pair alike."""
    chance = random.Random(seed)  # noqa: S311 - repeatable on purpose
    made = []
    for _ in range(count):
        level = 50 * math.exp(chance.gauss(0, moves))
        now, before = ([level * math.exp(chance.gauss(0, 0.3)) for _ in range(100)] for _ in range(2))
        made.append(Pair([latency * slower for latency in now], before))
    return made


def test_the_interval_holds_the_truth() -> None:
    """Of a hundred comparisons of equals at least 92 hold 0, although the machine's speed is another in each pair."""
    found = [difference(pairs(8, 1.0, seed), 0.95) for seed in range(100)]

    assert sum(one.low <= 0 <= one.high for one in found) >= 92


def test_what_is_slower_is_surely_slower() -> None:
    """By half: the interval lies above 0; asked the other way round, it is mirrored."""
    slower = difference(pairs(10, 1.5), 0.95)
    mirrored = difference([Pair(pair.before, pair.now) for pair in pairs(10, 1.5)], 0.95)

    assert 10 < slower.low < slower.middle < slower.high < 90
    assert Difference(-slower.high, -slower.middle, -slower.low) == pytest.approx(mirrored)


@pytest.mark.parametrize("made", [pairs(5, 1.0), [*pairs(6, 1.0), Pair([], [1.0])]])
def test_too_few_blocks_decide_nothing(made: list[Pair]) -> None:
    """Five pairs, or one in which nothing was answered: no interval is made up."""
    with pytest.raises(TooFewSamples):
        difference(made, 0.95)


def test_both_are_asked_in_turns_by_the_same_arrivals() -> None:
    """The other one first every other time, each pair by its own plan, the first for nothing; no warm-up in between."""
    asked = []

    def attack(url: str, load: Load) -> Measurement:
        asked.append((url, load.seed, load.warmup_s, load.duration_s))
        return measured([sample(2, latency_ms=float(load.seed))] * 9)

    compared = in_turns(attack, Side("now", LOAD), Side("before", LOAD), BASELINE)

    assert [("before", 1, 0, 3), ("now", 1, 0, 3), ("now", 2, 0, 3), ("before", 2, 0, 3), ("before", 3, 0, 3)] == asked[
        :5
    ]
    assert (14, 6, [2.0] * 9) == (len(asked), len(compared.pairs), compared.pairs[0].now)


@pytest.mark.parametrize(("late", "kept"), [({1, 2}, 6), ({4}, 5), ({3, 4, 11}, 4)])
def test_a_pair_in_which_we_were_late_is_left_out(late: set[int], kept: int) -> None:
    """Both sides of it, and never the warm-up's; where fewer than six are left nothing is compared, and why is said."""
    numbers = itertools.count(1)

    def attack(_url: str, _load: Load) -> Measurement:
        return measured([sample(2)] * 9, UNFIT if next(numbers) in late else WELL)

    compared = in_turns(attack, Side("now", LOAD), Side("before", LOAD), BASELINE)

    assert (kept, 6 - kept) == (len(compared.pairs), compared.left_out)
    assert (kept < 6) is ("generator saturated" in compared.problem)


def test_the_check_measures_the_difference() -> None:
    """With its interval, which the policy holds its limit against."""
    run = with_baseline(Compared(tuple(pairs(10, 1.5))))
    found = check_baseline.check_no_slower_than_before(run)

    assert 10 < found.measured["p95_slower_low_ms"] < found.measured["p95_slower_ms"]
    assert found.measured["p95_slower_ms"] < found.measured["p95_slower_high_ms"]
    assert (10, 1000) == (found.measured["pairs_total"], found.measured["samples_total"])
    assert "in 10 blocks of each in turns" in found.detail


def test_without_a_baseline_nothing_is_compared() -> None:
    """Undeclared is skipped with the mend; one that did not come up is an error of ours, and says why."""
    with pytest.raises(Undeclared, match=r"\[load.baseline\] is not declared"):
        check_baseline.check_no_slower_than_before(measured([sample(2)]))
    with pytest.raises(CannotTell, match="it is not there"):
        check_baseline.check_no_slower_than_before(with_baseline(Compared(problem="it is not there")))


def test_the_last_promoted_release_is_brought_up_and_taken_down(tmp_path: Path) -> None:
    """By its own command in its own folder; its variables reach its requests, and not its log."""
    baseline = Baseline(start=(sys.executable, "-c", SERVE), folder=str(TREE))
    log = tmp_path / "attachments" / "baseline.log"
    with promoted(baseline, tmp_path, log, lambda told: named(told["SHOP_KEY"])) as side:
        assert "hunter2hunter2" == side.load.requests[0].headers["Key"]

    assert "its secret is <SHOP_KEY>\n" == log.read_text()


def test_one_that_does_not_come_up_is_said(tmp_path: Path) -> None:
    """With the reason and the name of its log."""
    baseline = Baseline(start=(sys.executable, "-c", "raise SystemExit(7)"))
    with (
        pytest.raises(CannotTell, match=r"exit code 7 before it was ready.*its log: baseline.log"),
        promoted(baseline, tmp_path, tmp_path / "baseline.log", lambda _: LOAD),
    ):
        pytest.fail("it is up")


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({}, "exactly one of `url`"),
        ({"url": "http://a", "start": ["a"]}, "exactly one of `url`"),
        ({"url": "http://a", "pairs": 3}, "baseline.pairs"),
        ({"url": "http://a", "pears": 8}, "unknown field `pears`"),
    ],
)
def test_a_wrong_table_is_refused(table: dict[str, object], message: str) -> None:
    """Field and fault are named."""
    declared = {"rate_per_s": 9, "duration_s": 9, "requests": [{"name": "a", "path": "/"}], "baseline": table}

    with pytest.raises(InputError, match=message):
        convert(declared, Load, "release.toml: [load]")


def test_an_unchanged_release_is_not_slower(release_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Half of them come out a little faster, below 0: that is a measurement, and the policy that ships passes it."""
    monkeypatch.setenv("TARGET_URL", "http://127.0.0.1:1")
    chance = random.Random(9)  # noqa: S311 - repeatable on purpose

    def attack(_url: str, load: Load) -> Measurement:
        run = measured([one._replace(latency_ms=50 * math.exp(chance.gauss(0, 0.1))) for one in steady()])
        return dataclasses.replace(run, load=load)

    with Server() as server:
        text = f'{DECLARED}[load.baseline]\nurl = "{server.url}"\n'
        release_file.write_text(f"{release_file.read_text()}{text}")
        release = releases.load(release_file)
        stage = Stage("load", runs.start(release_file.parent / "run", release), release)
        found = runs.read_stage(stage.finish(Runner(stage, attack).run()))
    checks = catalogue.read(TREE)
    seen = look(stage.run, releases.identify(release), "")
    gate = judge(policy.load(TREE / "policy.toml", checks), checks, seen, runs.now())
    slower = next(one.measured for one in found.evidence if one.check == "LOAD-007")

    assert slower["p95_slower_ms"] < 0 < slower["p95_slower_high_ms"]
    assert (Judgement.PASS, "") == next((one.judgement, one.warning) for one in gate.rules if one.check == "LOAD-007")


def with_baseline(compared: Compared) -> Measurement:
    """A run whose release declares a baseline, and what came of it."""
    run = measured([sample(2)])
    return dataclasses.replace(run, load=named("x"), compared=compared)


def named(key: str) -> Load:
    """A load whose one request carries a key, and that has a baseline."""
    requests = [{"name": "home", "path": "/", "headers": {"Key": key}}]
    declared = {"rate_per_s": 9, "duration_s": 9, "requests": requests, "baseline": {"url": "http://127.0.0.1:2"}}
    return convert(declared, Load, "here")


def test_both_are_really_asked(command: Command) -> None:
    """By the real generator, from its patched process: this release, and one that is brought up beside it."""
    start = json.dumps([sys.executable, "-c", SERVE])
    with Server() as server:
        process = command.start(server.url, REALLY.format(start=start, folder=json.dumps(str(TREE))))
        output, _ = process.communicate(timeout=120)
    found = Ran(process.returncode, output, command.run)
    compared = found.evidence["LOAD-007"]

    if Outcome.ERRORED is not compared.outcome or "generator saturated" not in compared.detail:
        assert Outcome.PASSED is compared.outcome, compared.detail
        assert 12 == compared.measured["pairs_total"] + compared.measured["pairs_left_out_total"]
        assert compared.measured["p95_slower_low_ms"] < 50 > -compared.measured["p95_slower_high_ms"]
        # Its own pictures are beside it alone.
        assert {"attachments/load/compared.chart.json", "attachments/load/slower.chart.json"} == {
            *compared.attachments
        } - {*found.evidence["LOAD-001"].attachments}
    assert "hunter2" not in (command.run / "attachments" / "load" / "baseline.log").read_text()
