"""How long the gate takes to judge and render many checks, and how much memory: `python -m benchmarks.gate`.

Each size is measured in a process of its own, since a process never gives its peak of memory back. One check in a
hundred fails, one is unverified; half have a limit and a baseline. Aim: 100,000 checks judged and rendered in under 5 s
and 500 MB, ten times the checks in no more than about ten times the time.
"""

from __future__ import annotations

import datetime as dt
import gc
import json
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from checks.catalogue import STAGES, CheckInfo
from evidence.model import Evidence, Outcome, StageEvidence, StageRecord
from evidence.release import Identity
from evidence.run import RunRecord
from reports.baseline import Comparison
from reports.judge import judge
from reports.limits import Kind, Limit
from reports.model import Gate
from reports.policy import Policy, Rule
from reports.regression import Reference, Regression
from reports.render import ctrf, html, json_v1, junit, markdown, openmetrics, terminal
from reports.seen import Seen

SIZES = (1_000, 10_000, 100_000)
NOW = dt.datetime(2026, 3, 1, 12, tzinfo=dt.UTC)
IDENTITY = Identity(name="shop", version="2.14.0", digest=f"sha256:{'ab' * 32}", commit="c" * 40, dirty=False)
RECORD = RunRecord(run="r1", identity=IDENTITY, release_file="release.toml", started=NOW)
REGRESSION = Regression(measure="p95_ms", kind=Kind.MAX, worse_by=0.2, floor=5, drift=0.4)
RENDERERS: dict[str, Callable[[Gate], str]] = {
    "json": json_v1.render,
    "html": html.render,
    "markdown": markdown.render,
    "junit": junit.render,
    "metrics": openmetrics.render,
    "ctrf": ctrf.render,
    "terminal": lambda gate: terminal.render(gate, "report.html"),
}


def main() -> int:
    """Measure every size and print a table."""
    rows = [measured(size) for size in SIZES]
    names = [name for name in rows[0] if name != "peak_mb"]
    print(f"{'checks':>9}  {''.join(f'{name:>10}' for name in names)}   peak MB")  # noqa: T201 - this is the result
    for size, row in zip(SIZES, rows, strict=True):
        print(f"{size:>9,}  {''.join(f'{row[name]:>8.2f} s' for name in names)}  {row['peak_mb']:>8.0f}")  # noqa: T201
    growth = [f"{rows[-1][name] / max(rows[-2][name], 1e-9):>9.1f}x" for name in (*names, "peak_mb")]
    print(f"{'growth':>9}  {''.join(growth)}")  # noqa: T201
    return 0


def measured(size: int) -> dict[str, float]:
    """Measure one size in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.gate", str(size)]
    done = subprocess.run(command, check=True, capture_output=True, text=True, cwd=Path(__file__).parents[1])
    return dict(json.loads(done.stdout))


def measure(size: int) -> dict[str, float]:
    """Judge and render so many checks; return seconds by what was done, and the peak of memory in MB."""
    world = make(size)
    begun = time.perf_counter()
    gate = judge(*world)
    seconds = {"judge": time.perf_counter() - begun}
    for name, render in RENDERERS.items():
        begun = time.perf_counter()
        render(gate)
        seconds[name] = time.perf_counter() - begun
    seconds["together"] = sum(seconds.values())
    return {**seconds, "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}


def make(size: int) -> tuple[Policy, dict[str, CheckInfo], Seen, dt.datetime, Comparison]:
    """Make a world of so many checks, in all stages."""
    stages = list(STAGES)
    catalogue = {
        (name := f"CHECK-{number}"): CheckInfo(
            identifier=name,
            claim=f"The claim number {number} holds on the release that is verified.",
            stage=stages[number % len(stages)],
            where=f"suites/check_{number}.py:12",
        )
        for number in range(size)
    }
    files = []
    for stage in stages:
        own = tuple(name for name, info in catalogue.items() if info.stage == stage)
        record = StageRecord(
            stage=stage, run="r1", release=IDENTITY.digest, started=NOW, finished=NOW, planned=own, exit_code=1
        )
        files.append(StageEvidence(record=record, evidence=tuple(evidence(name, stage) for name in own)))
    policy = Policy(name="policy.toml", sha256="0" * 64, rules=tuple(map(rule, catalogue)))
    seen = Seen(record=RECORD, identity=IDENTITY, stages=tuple(files), unreadable={}, options="--run runs/r1")
    references = {name: Reference(baseline=70.0, best=69.0) for name in catalogue}
    return policy, catalogue, seen, NOW, Comparison(references=references)


def rule(name: str) -> Rule:
    """Make a rule; every second one has limits and a comparison."""
    limited = int(name.removeprefix("CHECK-")) % 2 == 0
    return Rule(
        check=name,
        limits=(Limit(Kind.MAX, "p95_ms", 100.0),) if limited else (),
        warnings=(Limit(Kind.MAX, "p95_ms", 80.0),) if limited else (),
        min_samples=100,
        max_age=dt.timedelta(days=1),
        required=True,
        reason="",
        regression=REGRESSION if limited else None,
        owner="team api",
    )


def evidence(name: str, stage: str) -> Evidence:
    """Make evidence; of a hundred, one fails and one could not tell."""
    outcome = {7: Outcome.FAILED, 8: Outcome.ERRORED}.get(int(name.removeprefix("CHECK-")) % 100, Outcome.PASSED)
    return Evidence(
        check=name,
        claim="The claim holds.",
        outcome=outcome,
        stage=stage,
        run="r1",
        release=IDENTITY.digest,
        started=NOW,
        seconds=0.5,
        detail="" if outcome else "AssertionError: assert 403 == 201\n + where 201 = response.status_code",
        measured={"p95_ms": 71.5, "p50_ms": 20.25, "samples_total": 900.0},
    )


if __name__ == "__main__":
    match sys.argv[1:]:
        case []:
            sys.exit(main())
        case [size] if size.isdecimal():
            gc.disable()  # as the gate's own command does
            sys.stdout.write(json.dumps(measure(int(size))))
        case _:
            sys.stderr.write(f"{__doc__}\n")
            sys.exit(2)
