"""How far the p95 of the load stage can be believed: its statistics against series whose truth is known.

    python -m benchmarks.load_calibration                  print the tables of docs/load.md
    python -m benchmarks.load_calibration --write          put them into docs/load.md
    python -m benchmarks.load_calibration --series 200     of fewer series each: sooner, and coarser
    python -m benchmarks.load_calibration --real           run the load stage's engine on a server whose truth is known;
                                                           with --write its table is put there, too

Nothing is sent but with --real. Every series has its own seed, so that the same command prints the same tables.
"""

from __future__ import annotations

import argparse
import itertools
import math
import random
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import NormalDist
from typing import NamedTuple

from benchmarks.document import put
from load.config import Load, Request
from load.quantile import TooFewSamples, at_least, effective_size, interval, ordered, ranks
from load.sequential import closings, confidence, enough

DOCUMENT = Path(__file__).parents[1] / "docs" / "load.md"
SIGMA = 0.5
"""The spread of the lognormal latencies, on their logarithm: the p99 is half as large again as the p95."""
TAIL = math.exp(SIGMA * NormalDist().inv_cdf(0.95))
LIMIT_MS, PRECISE, LONGEST_S = 100.0, 0.5, 60


class Case(NamedTuple):
    """Requests a second, for how long, and how long their latencies stay correlated (s)."""

    rate: int
    seconds: float
    correlated_s: float


COVERED = (
    *(Case(100, seconds, 0) for seconds in (5, 15, 50)),
    *(Case(150, 15, correlated_s) for correlated_s in (0.02, 0.05, 0.2, 1, 10)),
    *(Case(50, 60, correlated_s) for correlated_s in (0.05, 0.2, 1)),
)
NEAR_MS = (
    *((p95_ms, 0) for p95_ms in (80, 90, 95, 98, 100, 102, 105, 110, 120)),
    *((p95_ms, 0.5) for p95_ms in (100, 130, 160, 200)),
)
"""True p95 near the limit, and how long latencies stay correlated (s)."""


def main(arguments: Sequence[str]) -> int:
    """Calculate, and print or write."""
    shape = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.load_calibration", description=__doc__, formatter_class=shape
    )
    parser.add_argument("--series", type=int, default=1000)
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--real", action="store_true")
    options = parser.parse_args(arguments)
    if options.real:
        from benchmarks.load_real import real  # noqa: PLC0415 - importing Locust patches the process

        text = real()
        if options.write:
            DOCUMENT.write_text(put(DOCUMENT.read_text(encoding="utf-8"), "real", text), encoding="utf-8")
        else:
            sys.stdout.write(text)
        return 0
    text = tables(options.series)
    if options.write:
        document = put(DOCUMENT.read_text(encoding="utf-8"), "lengths", lengths())
        DOCUMENT.write_text(put(document, "statistics", text), encoding="utf-8")
    else:
        sys.stdout.write(f"{lengths()}\n{text}")
    return 0


def tables(series: int) -> str:
    """Every table that chance is needed for."""
    error = 100 * math.sqrt(0.95 * 0.05 / series)
    said = f"{series} series each; near 95 % the standard error is {error:.1f} points."
    return f"{said}\n\n{coverage(series)}\n{decisions(series)}\n{after_stopping(series)}"


def coverage(series: int) -> str:
    """How often an interval is given, and holds the truth."""
    lines = [
        "| requests/s | s | correlated for s | worth (median) | interval given | of these hold the truth | width |",
        "|---|---|---|---|---|---|---|",
    ]
    for case in COVERED:
        given, held, widths, worths = 0, 0, 0.0, []
        for number in range(series):
            values = latencies(case, random.Random(number))  # noqa: S311 - repeatable on purpose
            worths.append(effective_size(values, 0.95))
            try:
                low, high = interval(ordered(values), 0.95, worths[-1])
            except TooFewSamples:
                continue
            given, held, widths = given + 1, held + (low <= TAIL <= high), widths + (high - low) / TAIL
        held_share, width = (f"{held / given:.1%}", f"{widths / given:.0%}") if given else ("-", "-")
        lines.append(
            f"| {case.rate} | {case.seconds:g} | {case.correlated_s:g} | {sorted(worths)[series // 2]} "
            f"| {given / series:.1%} | {held_share} | {width} |"
        )
    return "\n".join([*lines, ""])


def decisions(series: int) -> str:
    """What is decided near the limit, by a window that stays open while the interval holds it."""
    lines = [
        "| true p95 (limit 100 ms) | correlated for s | passes | fails | not verified | seconds (median) |",
        "|---|---|---|---|---|---|",
    ]
    for p95_ms, correlated_s in NEAR_MS:
        ends = [decide(p95_ms, random.Random(number), correlated_s) for number in range(series)]  # noqa: S311
        share = Counter(said for said, _ in ends)
        median = sorted(seconds for _, seconds in ends)[series // 2]
        told = (f"{share[said] / series:.1%}" for said in ("pass", "fail", "not verified"))
        lines.append(f"| {p95_ms} ms | {correlated_s:g} | {' | '.join(told)} | {median:g} |")
    return "\n".join([*lines, ""])


def decide(p95_ms: float, source: random.Random, correlated_s: float = 0) -> tuple[str, float]:
    """Measure as the stage measures the reference release, and judge as the gate does."""
    case = Case(50, LONGEST_S, correlated_s)
    low, high, seconds = window([p95_ms / TAIL * value for value in latencies(case, source)], case.rate)
    return ("pass" if high <= LIMIT_MS else "fail" if low > LIMIT_MS else "not verified"), seconds


def window(values: Sequence[float], rate: int) -> tuple[float, float, float]:
    """Return the ends of the interval, no upper one being infinite, and how long the window was, for 12 to 60 s."""
    requests = (Request(name="drawn", path="/"),)
    load = Load(
        rate_per_s=rate, duration_s=12, longest_s=LONGEST_S, precise=PRECISE, held_ms=LIMIT_MS, requests=requests
    )
    *looks, last = closings(load)
    seconds = next((end for end in looks if enough(load, values[: round(rate * end)])), last)
    measured = values[: round(rate * seconds)]
    in_order, worth = ordered(measured), effective_size(measured, 0.95)
    try:
        return *interval(in_order, 0.95, worth, confidence(load)), seconds
    except TooFewSamples:
        return at_least(in_order, 0.95, worth, confidence(load)), math.inf, seconds


def after_stopping(series: int) -> str:
    """How often the interval of a window that closed by the stage's own rule holds the truth, near the limit."""
    lines = [
        "| true p95 | correlated for s | interval given | of these hold the truth | seconds (median) |",
        "|---|---|---|---|---|",
    ]
    for p95_ms, correlated_s in itertools.product((90, 100), (0, 0.02, 0.05, 0.2, 1)):
        ends = [
            window([p95_ms / TAIL * value for value in latencies(case, random.Random(number))], case.rate)  # noqa: S311
            for case in [Case(50, LONGEST_S, correlated_s)]
            for number in range(series)
        ]
        given = [low <= p95_ms <= high for low, high, _ in ends if high < math.inf]
        held = f"{sum(given) / len(given):.1%}" if given else "-"
        median = sorted(seconds for _, _, seconds in ends)[series // 2]
        lines.append(f"| {p95_ms} ms | {correlated_s:g} | {len(given) / series:.1%} | {held} | {median:g} |")
    return "\n".join([*lines, ""])


def lengths() -> str:
    """How long a claim takes: exact, by the binomial distribution of the requests beyond the limit."""
    rates = (20, 50, 100, 500)
    head = " | ".join(f"at {rate}/s" for rate in rates)
    lines = [f"| true p95 | in | requests | {head} |", f"|---|---|---|{'---|' * len(rates)}"]
    for p95_ms, power in itertools.product((80, 85, 90, 95), (0.8, 0.95)):
        size = needed(p95_ms, power)
        times = " | ".join(f"{size / rate:.1f} s" for rate in rates)
        lines.append(f"| {p95_ms} ms | {power:.0%} of runs | {size} | {times} |")
    return "\n".join([*lines, ""])


def needed(p95_ms: float, power: float) -> int:
    """Return how many independent requests it takes to pass the limit with this probability."""
    within = NormalDist().cdf(math.log(LIMIT_MS / (p95_ms / TAIL)) / SIGMA)

    def passes(size: int) -> float:
        # The upper end is at most the limit where at least that many requests are.
        mean, spread = size * within, math.sqrt(size * within * (1 - within))
        return 1 - NormalDist(mean, spread).cdf(ranks(size, 0.95)[1] - 0.5)

    low, high = 72, 72
    while passes(high) < power:
        low, high = high, high * 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if passes(middle) >= power else (middle, high)
    return high


def latencies(case: Case, source: random.Random) -> list[float]:
    """A series of lognormal latencies, whose logarithm is autoregressive where they are correlated; its median is 1."""
    return [math.exp(SIGMA * value) for value in normals(case, source)]


def normals(case: Case, source: random.Random) -> Iterator[float]:
    """The series on its logarithm."""
    keep = math.exp(-1 / (case.correlated_s * case.rate)) if case.correlated_s else 0.0
    value = source.gauss(0, 1)
    for _ in range(int(case.rate * case.seconds)):
        yield value
        value = keep * value + math.sqrt(1 - keep**2) * source.gauss(0, 1)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
