"""What a run looked like: how latencies are distributed, and how they, the rate and the errors went over time."""

from __future__ import annotations

import math
from collections.abc import Sequence

from evidence.chart import MOST_LINES, Axis, Chart, Line, Lines, Mark
from load.measurement import Measurement
from load.quantile import nearest_rank, ordered
from load.recorder import Sample

SHARES = (1, 5, 10, 20, 30, 40, 50, 60, 70, 75, 80, 85, 90, 92, 94, 95, 96, 97, 98, 99, 99.5, 99.9, 100)
"""Percentages at which the distribution is drawn: denser where limits are."""
WINDOWS = 60
"""At most so many points over time."""
ALL = "all requests"


def charts(measurement: Measurement) -> dict[str, Chart]:
    """Give each chart by the name of its file; none where nothing was answered as declared."""
    found: dict[str, Chart] = {}
    if measurement.good:
        found["latencies"] = _distribution(measurement)
        found["percentiles"] = _percentiles(measurement)
    found["rate"] = _rate(measurement)
    return found


def _distribution(measurement: Measurement) -> Lines:
    by_name: dict[str, list[Sample]] = {ALL: measurement.good}
    for name in dict.fromkeys(sample.name for sample in measurement.good):
        by_name.setdefault(name, [sample for sample in measurement.good if sample.name == name])
    return Lines(
        title="How long requests took",
        description="The share of the requests that were answered within a time, counted from the intended start.",
        x=Axis(label="answered within", unit="ms", scale="log"),
        y=Axis(label="share of the requests", unit="%"),
        lines=tuple(
            Line(name=name, points=tuple((_latency(samples, share), share) for share in SHARES))
            for name, samples in list(by_name.items())[:MOST_LINES]
        ),
        marks=(Mark(axis="x", measure="p95_ms"),),
    )


def _latency(samples: Sequence[Sample], percent: float) -> float:
    latencies = ordered([sample.latency_ms for sample in samples])
    return max(0.001, round(nearest_rank(latencies, percent / 100), 3))


def _percentiles(measurement: Measurement) -> Lines:
    windows = _windows(measurement, measurement.good)
    return Lines(
        title="Latency over time",
        description=f"Percentiles of the requests that were to start within each {_width(measurement):g} s.",
        x=Axis(label="since the load began", unit="s"),
        y=Axis(label="latency", unit="ms"),
        lines=tuple(
            Line(
                name=f"{percent} % within",
                points=tuple((at, _latency(samples, percent)) for at, samples in windows if samples),
            )
            for percent in (50, 95, 99)
        ),
        marks=(Mark(axis="y", measure="p95_ms"),),
    )


def _rate(measurement: Measurement) -> Lines:
    width = _width(measurement)
    asked = _windows(measurement, measurement.window)
    answered = dict(_windows(measurement, measurement.good))
    return Lines(
        title="Requests over time",
        description=f"Scheduled arrivals, and those of them that were answered as declared, in each {width:g} s.",
        x=Axis(label="since the load began", unit="s"),
        y=Axis(label="requests", unit="/s"),
        lines=(
            Line(name="asked", points=tuple((at, round(len(samples) / width, 2)) for at, samples in asked)),
            Line(
                name="answered as declared",
                points=tuple((at, round(len(answered.get(at, ())) / width, 2)) for at, _ in asked),
            ),
        ),
    )


def _width(measurement: Measurement) -> float:
    """Return how many whole seconds one window has."""
    return max(1, math.ceil(measurement.load.duration_s / WINDOWS))


def _windows(measurement: Measurement, samples: Sequence[Sample]) -> list[tuple[float, list[Sample]]]:
    """Sort samples into windows by their intended start; a last one that is not whole is left out."""
    begin, width = measurement.load.warmup_s, _width(measurement)
    windows: list[list[Sample]] = [[] for _ in range(max(1, int(measurement.load.duration_s // width)))]
    for sample in samples:
        number = int((sample.at_s - begin) // width)
        if 0 <= number < len(windows):
            windows[number].append(sample)
    return [(begin + number * width, found) for number, found in enumerate(windows)]
