"""What a run looked like: how latencies are distributed, and how they, the rate and the errors went over time."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from evidence.chart import MOST_LINES, Axis, Chart, Line, Lines, Mark
from load.by_name import ALL
from load.measurement import Measurement
from load.quantile import TooFewSamples, at_least, effective_size, fewest, interval, nearest_rank, ordered
from load.recorder import DROPPED, Sample
from load.server_charts import SINCE, reach, server_charts

SHARES = (1, 5, 10, 20, 30, 40, 50, 60, 70, 75, 80, 85, 90, 92, 94, 95, 96, 97, 98, 99, 99.5, 99.9, 100)
"""Percentages at which the distribution is drawn: denser where limits are."""
PERCENTS = (95, 50, 99)
"""Percentiles over time; the first is what the limit is of."""
WINDOWS = 60
"""At most so many points over time."""
ROOM = 1.25
"""How many times as many requests as an interval takes a window of percentiles has: some fail, some come together."""


def charts(measurement: Measurement) -> dict[str, Chart]:
    """Give each chart by the name of its file; none where nothing was answered as declared."""
    found: dict[str, Chart] = {}
    if measurement.good:
        found["latencies"] = _distribution(measurement)
        found["percentiles"] = _percentiles(measurement)
    found["rate"] = _rate(measurement)
    return found | server_charts(measurement)


def _distribution(measurement: Measurement) -> Lines:
    by_name: dict[str, list[float]] = {}
    for sample in measurement.good:
        by_name.setdefault(sample.name, []).append(sample.latency_ms)
    most = sorted(by_name, key=lambda name: -len(by_name[name]))[: MOST_LINES - 1]
    each = [(name if name.strip() else repr(name), by_name[name]) for name in sorted(most)] if len(by_name) > 1 else []
    left = len(by_name) - len(most)
    return Lines(
        title="How long requests took",
        description="The share of the requests that were answered within a time, counted from the intended start."
        + (f" {left} more kinds of requests, the rarest, have no line of their own." if left else ""),
        x=Axis(label="answered within", unit="ms", scale="log"),
        y=Axis(label="share of the requests", unit="%"),
        lines=tuple(
            Line(name=name, points=tuple(zip(percentiles_of(latencies, SHARES), SHARES, strict=True)))
            for name, latencies in [(ALL, [sample.latency_ms for sample in measurement.good]), *each]
        ),
        marks=(Mark(axis="x", measure="p95_ms", at=95),),
    )


def percentiles_of(latencies_ms: Sequence[float], percents: Sequence[float]) -> list[float]:
    """Return the latencies below which so many percent lie, as they are drawn: on a log axis none is 0."""
    known = ordered(latencies_ms)
    return [max(0.001, round(nearest_rank(known, percent / 100), 3)) for percent in percents]


def _percentiles(measurement: Measurement) -> Lines:
    width = _wide(measurement)
    timed = [(sample.at_s, sample) for sample in measurement.good]
    windows = [
        (at, [sample.latency_ms for sample in samples])
        for at, samples in _windows(measurement, timed, width)
        if samples
    ]
    drawn = {
        f"{percent} % within": [(at, percentiles_of(series, (percent,))[0]) for at, series in windows]
        for percent in PERCENTS
    }
    sure = [(at, *_ends(series)) for at, series in windows]
    drawn["95 % within, at least"] = [(at, low) for at, low, _ in sure]
    if upper := [(at, high) for at, _, high in sure if high is not None]:
        drawn["95 % within, at most"] = upper
    return Lines(
        title="Latency over time",
        description=f"Percentiles of the requests that were to start within each {width:g} s, after "
        f"{measurement.span.opens_s:g} s of warm-up, and the 95 % confidence interval of the 95th: its upper end only "
        "where there were enough for one.",
        x=SINCE,
        y=Axis(label="latency", unit="ms"),
        lines=tuple(Line(name=name, points=tuple(points)) for name, points in drawn.items()),
        marks=(Mark(axis="y", measure="p95_ms"),),
        reach=reach(measurement),
    )


def _ends(series: Sequence[float]) -> tuple[float, float | None]:
    """Return the ends of the interval of a window's p95; no upper one where its requests are worth too few."""
    in_order, effective = ordered(series), effective_size(series, 0.95)
    try:
        low, high = interval(in_order, 0.95, effective)
    except TooFewSamples:
        return round(at_least(in_order, 0.95, effective), 3), None
    return round(low, 3), round(high, 3)


def _rate(measurement: Measurement) -> Lines:
    width = _width(measurement)
    asked = [(sample.at_s, sample) for sample in measurement.window]
    answered = [(sample.finished_s, sample) for sample in measurement.everything if sample.status and not sample.error]
    failed = [(sample.at_s, sample) for sample in measurement.sent if sample.error]
    dropped = [(sample.at_s, sample) for sample in measurement.window if sample.error == DROPPED]
    return Lines(
        title="Requests over time",
        description=f"In each {width:g} s: answers as declared that were complete in it; the arrivals that were asked "
        "for; those of them that failed; and those that found no free user.",
        x=SINCE,
        y=Axis(label="requests", unit="/s"),
        lines=tuple(
            Line(
                name=name,
                points=tuple((at, round(len(found) / width, 2)) for at, found in _windows(measurement, samples, width)),
            )
            for name, samples in (
                ("answered", answered),
                ("asked", asked),
                ("failed", failed),
                ("dropped", dropped),
            )
        ),
        reach=reach(measurement),
    )


def _width(measurement: Measurement) -> float:
    """Return how many whole seconds one window has."""
    return max(1, math.ceil(measurement.span.lasted_s / WINDOWS))


def _wide(measurement: Measurement) -> float:
    """Return how many whole seconds a window has in which there is enough for an interval, where all there is is."""
    lasted_s = measurement.span.lasted_s
    enough_s = math.ceil(ROOM * fewest(0.95) * lasted_s / len(measurement.good))
    return max(_width(measurement), min(enough_s, int(lasted_s)))


def _windows(
    measurement: Measurement, timed: Iterable[tuple[float, Sample]], width: float
) -> list[tuple[float, list[Sample]]]:
    """Sort samples into windows by a time of theirs; a last window that is not whole is left out."""
    begin = measurement.span.opens_s
    windows: list[list[Sample]] = [[] for _ in range(max(1, int(measurement.span.lasted_s // width)))]
    for time_s, sample in timed:
        number = int((time_s - begin) // width)
        if 0 <= number < len(windows):
            windows[number].append(sample)
    return [(begin + number * width, found) for number, found in enumerate(windows)]
