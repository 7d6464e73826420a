"""How the release's own side went, on the same axis as rate and latency."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable

from evidence.chart import Axis, Chart, Line, Lines
from load.measurement import Measurement
from load.server import Moment

MOST = 200
"""Points of a line; of more moments, every second is drawn, or every third, and so on."""
Read = Callable[[Moment], float | None]
SINCE = Axis(label="since the load began", unit="s")


def server_charts(measurement: Measurement) -> dict[str, Chart]:
    """Give each chart by the name of its file; none of what was not seen."""
    opens_s, closes_s = measurement.span.opens_s, measurement.span.closes_s
    within = [moment for moment in measurement.server.moments if opens_s <= moment.at_s <= closes_s]
    generator = [(opens_s + number + 1, ratio) for number, ratio in enumerate(measurement.vitals.cpu_ratio)]
    drawn = {
        "processor": (
            "Processor over time",
            "Cores that the release used, all its processes together, and that the generator did.",
            Axis(label="cores used"),
            {"release": _points(within, lambda moment: moment.cpu_cores), "generator": generator},
        ),
        "memory": (
            "Memory over time",
            "Memory of all processes of the release that none of them shares.",
            Axis(label="memory", unit="MiB"),
            {"release": _points(within, lambda moment: sum(moment.own_mib.values()) if moment.own_mib else None)},
        ),
        "connections": (
            "Database connections over time",
            "Connections to the release's database: open, at work, and waiting for a lock.",
            Axis(label="connections"),
            {
                "open": _points(within, lambda moment: moment.connections),
                "at work": _points(within, lambda moment: moment.active),
                "waiting for a lock": _points(within, lambda moment: moment.blocked),
            },
        ),
    }
    return {
        name: Lines(title=title, description=description, x=SINCE, y=y, lines=tuple(_lines(lines)))
        for name, (title, description, y, lines) in drawn.items()
        if next(iter(lines.values()))
    }


def _points(moments: Iterable[Moment], read: Read) -> list[tuple[float, float]]:
    return [(moment.at_s, value) for moment in moments if (value := read(moment)) is not None]


def _lines(named: dict[str, list[tuple[float, float]]]) -> Iterable[Line]:
    for name, points in named.items():
        step = max(1, math.ceil(len(points) / MOST))
        thinned = tuple((round(at_s, 2), round(value, 3)) for at_s, value in points[::step])
        if thinned:
            yield Line(name=name, points=thinned)
