"""The charts that checks left: read, put beside the baseline's, and given the limits that belong on their axes."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from evidence.chart import LARGEST, SUFFIX, Chart, Lines, Timeline, decode
from evidence.errors import InputError
from reports.model import ChartLimit, JudgedChart, JudgedRule

MOST = 24
"""Charts of one run; more would be looked at by nobody."""


class Read(NamedTuple):
    """Charts by their path in the run's folder, and why others are none."""

    charts: dict[str, Chart]
    notes: tuple[str, ...]


def read(folder: Path, named: Collection[str]) -> Read:
    """Read the charts of a run's folder that are named; what is none is noted, and not fatal: a chart decides nothing.

    Others are not opened: a file that nothing speaks of must not keep away what evidence names.
    """
    charts: dict[str, Chart] = {}
    notes = []
    found = {path.relative_to(folder).as_posix(): path for path in folder.glob(f"attachments/**/*{SUFFIX}")}
    names = sorted(found.keys() & named)
    for name in names[:MOST]:
        try:
            charts[name] = decode(_content(found[name]), name)
        except InputError as error:
            notes.append(str(error))
        except OSError as error:
            notes.append(f"{name}: cannot be read ({error.strerror})")
    if len(names) > MOST:
        notes.append(f"{len(names) - MOST} more charts are not drawn")
    return Read(charts, tuple(notes))


def _content(path: Path) -> bytes:
    """Read a file and no more of it than a chart may have; a link, a pipe or a device is none, and is not opened."""
    if path.is_symlink() or not path.is_file():
        raise OSError(0, "not a file")
    with path.open("rb") as file:
        return file.read(LARGEST + 1)


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


def _comparable(chart: Chart, before: Chart | None) -> Lines | Timeline | None:
    """Leave out a baseline's chart that is of another kind, or on other axes, and every table."""
    match chart, before:
        case Lines(), Lines():
            return before if (chart.x, chart.y) == (before.x, before.y) else None
        case Timeline(), Timeline():
            return before
        case _:
            return None


def _limits(chart: Chart, rules: Iterable[JudgedRule]) -> Iterable[ChartLimit]:
    marks = {mark.measure: mark for mark in chart.marks} if isinstance(chart, Lines) else {}
    for rule in rules:
        for limit in rule.limits:
            if mark := marks.get(limit.measure):
                yield ChartLimit(axis=mark.axis, measure=limit.measure, value=limit.limit, at=mark.at)
