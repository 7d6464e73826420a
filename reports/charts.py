"""The charts that checks left: read, put beside the baseline's, and given the limits that belong on their axes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from evidence.chart import LARGEST, SUFFIX, Chart, Lines, decode
from evidence.errors import InputError
from reports.model import ChartLimit, JudgedChart, JudgedRule

MOST = 24
"""Charts of one run; more would be looked at by nobody."""


class Read(NamedTuple):
    """Charts by their path in the run's folder, and why others are none."""

    charts: dict[str, Chart]
    notes: tuple[str, ...]


def read(folder: Path) -> Read:
    """Read every chart of a run's folder; what is none is noted, and not fatal: a chart decides nothing."""
    charts: dict[str, Chart] = {}
    notes = []
    paths = sorted(path for path in folder.glob(f"attachments/**/*{SUFFIX}") if path.is_file())
    for path in paths[:MOST]:
        name = path.relative_to(folder).as_posix()
        try:
            with path.open("rb") as file:
                charts[name] = decode(file.read(LARGEST + 1), name)
        except InputError as error:
            notes.append(str(error))
        except OSError as error:
            notes.append(f"{name}: cannot be read ({error.strerror})")
    if len(paths) > MOST:
        notes.append(f"{len(paths) - MOST} more charts are not drawn")
    return Read(charts, tuple(notes))


def judged(
    rules: Sequence[JudgedRule], charts: Mapping[str, Chart], before: Mapping[str, Chart]
) -> tuple[JudgedChart, ...]:
    """Give the charts that judged evidence names, with the limits of the rules that name them."""
    naming: dict[str, list[JudgedRule]] = {}
    for rule in rules:
        for path in rule.attachments:
            if path in charts:
                naming.setdefault(path, []).append(rule)
    return tuple(
        JudgedChart(
            check=own[0].check,
            stage=own[0].stage,
            path=path,
            chart=charts[path],
            before=_comparable(charts[path], before.get(path)),
            limits=tuple(_limits(charts[path], own)),
        )
        for path, own in naming.items()
    )


def _comparable(chart: Chart, before: Chart | None) -> Chart | None:
    """Leave out a baseline's chart that is of another kind, or on other axes."""
    if isinstance(chart, Lines) and isinstance(before, Lines) and (chart.x, chart.y) != (before.x, before.y):
        return None
    return before if type(before) is type(chart) else None


def _limits(chart: Chart, rules: Iterable[JudgedRule]) -> Iterable[ChartLimit]:
    marks = {mark.measure: mark.axis for mark in chart.marks} if isinstance(chart, Lines) else {}
    for rule in rules:
        for limit in rule.limits:
            if limit.measure in marks:
                yield ChartLimit(axis=marks[limit.measure], measure=limit.measure, value=limit.limit)
