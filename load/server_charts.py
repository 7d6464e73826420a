"""How the release's own side, and the generator, went: on the same axis as rate and latency."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from evidence.chart import MOST_LINES, Axis, Chart, Line, Lines
from load.measurement import Measurement, Vitals
from load.quantile import nearest_rank, ordered
from load.server import Moment

MOST = 200
"""Points of a line; of more moments, every second is drawn, or every third, and so on."""
SINCE = Axis(label="since the load began", unit="s")
Points = list[tuple[float, float]]
Read = Callable[[Moment], float | None]


class Drawn(NamedTuple):
    """One chart over time, and its lines by name."""

    title: str
    description: str
    y: Axis
    lines: dict[str, Points]


def reach(measurement: Measurement) -> tuple[float, float]:
    """Return from when to when every chart over time goes: what is judged."""
    return round(measurement.span.opens_s, 2), round(measurement.span.closes_s, 2)


def server_charts(measurement: Measurement) -> dict[str, Chart]:
    """Give each chart by the name of its file; none of what was not seen."""
    within = [moment for moment in measurement.server.moments if _judged(measurement, moment.at_s)]
    drawn = {**_processes(measurement, within), **_database(within), **_lateness(measurement)}
    return {
        name: Lines(
            title=one.title,
            description=one.description,
            x=SINCE,
            y=one.y,
            lines=tuple(_lines(one.lines)),
            reach=reach(measurement),
        )
        for name, one in drawn.items()
        if any(one.lines.values())
    }


def _processes(measurement: Measurement, within: Sequence[Moment]) -> dict[str, Drawn]:
    cores = _points(within, lambda moment: moment.cpu_cores)
    held = _points(within, lambda moment: sum(moment.own_mib.values()) if moment.own_mib else None)
    return {
        "processor": Drawn(
            "Processor over time",
            "Cores that the release used, all its processes together, and that each generator did, of one at the most.",
            Axis(label="cores used"),
            {"release": cores, **_of_each(measurement, _shares)},
        ),
        "memory": Drawn(
            "Memory over time",
            "Memory of all processes of the release that none of them shares.",
            Axis(label="memory", unit="MiB"),
            {"release": held},
        ),
    }


def _database(within: Sequence[Moment]) -> dict[str, Drawn]:
    return {
        "connections": Drawn(
            "Database connections over time",
            "Connections to the release's database: open, at work, and waiting for a lock.",
            Axis(label="connections"),
            {
                "open": _points(within, lambda moment: moment.connections),
                "at work": _points(within, lambda moment: moment.active),
                "waiting for a lock": _points(within, lambda moment: moment.blocked),
            },
        ),
        "statements": Drawn(
            "Database statements over time",
            "Statements that ended in a second (pg_stat_statements), and the milliseconds that all of them took.",
            Axis(label="in a second"),
            {
                "ms that they took": _points(within, lambda moment: moment.statements_ms_per_s),
                "statements": _points(within, lambda moment: moment.statements_per_s),
            },
        ),
    }


def _lateness(measurement: Measurement) -> dict[str, Drawn]:
    return {
        "generator": Drawn(
            "Generator over time",
            "How late requests left, 99 % of those of a second, and at the worst in it each generator's event loop.",
            Axis(label="late", unit="ms"),
            {"requests": _slips(measurement), **_of_each(measurement, _delays)},
        ),
    }


def _judged(measurement: Measurement, at_s: float) -> bool:
    return measurement.span.opens_s <= at_s <= measurement.span.closes_s


def _of_each(measurement: Measurement, readings: Callable[[Vitals], Points]) -> dict[str, Points]:
    """Give a line for each generator, the worst where they are many: of each second, or few, its worst reading."""
    several = {f"generator {number}": part.vitals for number, part in enumerate(measurement.parts, start=1)}
    lines = {
        name: _worst([point for point in readings(vitals) if _judged(measurement, point[0])], _width_s(measurement))
        for name, vitals in (several or {"generator": measurement.vitals}).items()
    }
    worst = sorted(lines, key=lambda name: -max((value for _, value in lines[name]), default=0.0))[: MOST_LINES - 1]
    return {name: points for name, points in lines.items() if name in worst}


def _delays(vitals: Vitals) -> Points:
    return list(zip(vitals.lag_at_s, vitals.lag_ms, strict=False))


def _shares(vitals: Vitals) -> Points:
    return list(zip(vitals.cpu_at_s, vitals.cpu_ratio, strict=False))


def _slips(measurement: Measurement) -> Points:
    """Give how late requests left, second by second, or of a few together."""
    opens_s, width_s = measurement.span.opens_s, _width_s(measurement)
    found: dict[int, list[float]] = {}
    for sample in measurement.window:
        if not math.isnan(sample.slip_ms):
            found.setdefault(int((sample.at_s - opens_s) // width_s), []).append(sample.slip_ms)
    return [
        (opens_s + number * width_s, max(0.0, nearest_rank(ordered(slips), 0.99)))
        for number, slips in sorted(found.items())
    ]


def _worst(points: Points, width_s: int) -> Points:
    """Keep the worst of so many seconds each: of a spike that is left out nobody would know."""
    together = itertools.groupby(points, key=lambda point: point[0] // width_s)
    return [max(them, key=lambda point: point[1]) for _, them in together]


def _width_s(measurement: Measurement) -> int:
    """Return of how many seconds a point of the generator is."""
    return max(1, math.ceil(measurement.span.lasted_s / (MOST - 1)))


def _points(moments: Iterable[Moment], read: Read) -> Points:
    return [(moment.at_s, value) for moment in moments if (value := read(moment)) is not None]


def _lines(named: dict[str, Points]) -> Iterable[Line]:
    for name, points in named.items():
        step = max(1, math.ceil(len(points) / MOST))
        thinned = tuple((round(at_s, 2), round(value, 3)) for at_s, value in points[::step])
        if thinned:
            yield Line(name=name, points=thinned)
