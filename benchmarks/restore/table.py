"""Write down what was measured, as the tables of docs/drills.md."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterable, Sequence

from benchmarks.document import line
from benchmarks.restore import looks, pgbackrest, ways
from benchmarks.restore.aims import AIMS, Measured, limit, ratio, times
from benchmarks.restore.rounds import Taken
from restore_drills.backups.programs import human

NAME = "ways back"
"""Whose marks the tables stand between in the document."""
WAYS = (
    ways.LIMIT, ways.SYNCED, *ways.OURS, ways.RESTORED, ways.SCRIPT, pgbackrest.LIMIT, pgbackrest.TITLE,
)  # fmt: skip
LOOKS = (looks.READ, looks.COUNTS, looks.DIGESTS, looks.FULL)


def tables(measured: Sequence[Measured]) -> str:
    """Every table, the smallest size first: the ways back, the looks, memory, and what has become of the aims."""
    return "\n".join([back(measured), looked(measured), memory(measured), aims(measured)])


def back(measured: Sequence[Measured]) -> str:
    """Seconds to the first answered query, against the plain copy and against the script."""
    head = [[human(one.size), "x the copy", "x sooner than the script"] for one in measured]

    def cells(title: str, one: Measured) -> list[str]:
        if title not in one.back:
            return [one.absent, "", ""]
        sooner = "" if title in (pgbackrest.LIMIT, pgbackrest.TITLE) else f"{times(one, ways.SCRIPT, title):.1f}"
        return [seconds(one.back[title]), f"{times(one, title, limit(title)):.2f}", sooner]

    return written("back to the first answered query", head, WAYS, measured, cells)


def looked(measured: Sequence[Measured]) -> str:
    """Seconds of each look at a copy, against reading its data."""
    head = [[human(one.size), "x reading it"] for one in measured]

    def cells(title: str, one: Measured) -> list[str]:
        return [seconds(one.looked[title]), f"{ratio(one.looked[title], one.looked[looks.READ]):.2f}"]

    return written("look at a restored copy", head, LOOKS, measured, cells)


def memory(measured: Sequence[Measured]) -> str:
    """Peaks of our own process, and of the largest program that was started."""
    head = [[f"{human(one.size)}: ours", "largest program"] for one in measured]

    def cells(title: str, one: Measured) -> list[str]:
        if (taken := {**one.back, **one.looked}.get(title)) is None:
            return [one.absent, ""]
        return [human(taken.memory.ours), f"{human(taken.memory.largest)} {taken.memory.program}".strip()]

    return written("most memory at once", head, (*WAYS, *LOOKS), measured, cells)


def aims(measured: Sequence[Measured]) -> str:
    """Hold what was measured against what was aimed at."""
    head = [[human(one.size), ""] for one in measured]
    all_of_them = {aim.name: aim for aim in AIMS}

    def cells(name: str, one: Measured) -> list[str]:
        aim = all_of_them[name]
        found = aim.found(one, measured[0])
        met = found >= aim.limit if aim.least else found <= aim.limit
        return [f"{found:.2f}", "met" if met else "**missed**"]

    return written("aim", head, tuple(all_of_them), measured, cells)


def seconds(taken: Taken) -> str:
    """The median, and from where to where the rounds went."""
    low, middle, high = min(taken.seconds), statistics.median(taken.seconds), max(taken.seconds)
    return f"{middle:.2f} s ({low:.2f} to {high:.2f})"


def written(
    name: str,
    head: Iterable[Iterable[str]],
    titles: Sequence[str],
    measured: Sequence[Measured],
    cells: Callable[[str, Measured], list[str]],
) -> str:
    """A line a title, and the columns of each size."""
    top = [name, *(cell for one in head for cell in one)]
    rows = [[title, *(cell for one in measured for cell in cells(title, one))] for title in titles]
    return "".join(f"{line(*row)}\n" for row in [top, ["---"] * len(top), *rows])
