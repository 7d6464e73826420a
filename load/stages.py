"""What each stage of a shape came to, and the knee: the highest rate at which the p95 still held."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from load.bounds import bounds
from load.measurement import CPU_RATIO, SLIP_P99_MS, Measurement
from load.quantile import nearest_rank, ordered
from load.recorder import DROPPED, NOT_ASKED, Sample
from load.shape import Part, parts

SHARES = (0.5, 0.95, 0.99)


def stages(measurement: Measurement) -> list[dict[str, Any]]:
    """Give each stage as plain data, in order of time; none for the shape `steady`."""
    every = parts(measurement.load.stages)
    if not every:
        return []
    first_judged = next(part.begin_s for part in every if part.stage.judged)
    opened_s = measurement.span.opens_s - first_judged
    return [_told(measurement, part, opened_s) for part in every]


def knee(told: Sequence[dict[str, Any]]) -> float | None:
    """Return the highest rate up to which every slower stage held too; None where not even the slowest did."""
    held = None
    for stage in sorted(told, key=lambda stage: float(stage["rate_per_s"])):
        if not stage["held"]:
            break
        held = float(stage["rate_per_s"])
    return held


def words(measurement: Measurement, told: Sequence[dict[str, Any]]) -> str:
    """Say for people what was asked, what of it is judged, and where the knee is; empty for the shape `steady`."""
    if not told:
        return ""
    load = measurement.load
    listed = ", ".join(f"{one['rate_per_s']:g}/s for {one['for_s']:g} s" + " (judged)" * one["judged"] for one in told)
    named = load.shape if isinstance(load.shape, str) else "stages"
    if load.held_ms is None:
        return f"shape {named}: {listed}"
    found, fastest = knee(told), max(one["rate_per_s"] for one in told)
    if found is None:
        at = "not even at the lowest rate"
    elif found == fastest:
        at = f"up to {found:g}/s, the highest rate that was asked"
    else:
        at = f"up to {found:g}/s, and no further"
    return f"shape {named}: {listed}; the p95 held {load.held_ms:g} ms {at}"


def _told(measurement: Measurement, part: Part, opened_s: float) -> dict[str, Any]:
    begin_s, end_s = opened_s + part.begin_s, opened_s + part.end_s
    asked = [sample for sample in measurement.everything if begin_s <= sample.at_s < end_s]
    sent = [sample for sample in asked if sample.error not in {DROPPED, NOT_ASKED}]
    series = [sample.latency_ms for sample in sent if not sample.error]
    good = ordered(series)
    late_ms = _late_ms(asked)
    told: dict[str, Any] = {
        "rate_per_s": part.stage.rate_per_s,
        "for_s": part.stage.for_s,
        "judged": part.stage.judged,
        "asked": len(asked),
        "dropped": sum(sample.error == DROPPED for sample in asked),
        "answered": sum(1 for sample in asked if sample.status),
        "failed": sum(1 for sample in sent if sample.error),
        **{f"p{share * 100:.0f}_ms": nearest_rank(good, share) if good else None for share in SHARES},
        "p95_95_ms": bounds(measurement, series, 0.95).shown if series else None,
        "generator_slip_p99_ms": late_ms,
        "generator_cpu_ratio": max(measurement.vitals.within(begin_s, end_s).cpu_ratio, default=1.0),
    }
    return {**told, "held": _held(measurement, told)}


def _held(measurement: Measurement, told: dict[str, Any]) -> bool | None:
    """Say whether a stage's p95 surely held, with nothing failed or dropped; None where nobody asked.

    A stage in which we were late ourselves did not hold: what it was is not known.
    """
    if measurement.load.held_ms is None:
        return None
    late = told["generator_slip_p99_ms"] is None or told["generator_slip_p99_ms"] > SLIP_P99_MS
    if late or told["generator_cpu_ratio"] > CPU_RATIO or told["failed"] or told["dropped"] or not told["p95_95_ms"]:
        return False
    high = told["p95_95_ms"][1]
    return high is not None and high <= measurement.load.held_ms


def _late_ms(asked: Sequence[Sample]) -> float | None:
    slips = [sample.slip_ms for sample in asked if not math.isnan(sample.slip_ms)]
    return nearest_rank(ordered(slips), 0.99) if slips else None
