"""The tables of docs/drills.md say what was measured, who is not here, and which aim was missed."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import pytest

from benchmarks.restore import looks, pgbackrest, ways
from benchmarks.restore.aims import Measured
from benchmarks.restore.rounds import Taken
from benchmarks.restore.table import LOOKS, WAYS, aims, back, looked, memory
from benchmarks.restore.watch import Memory

ABSENT = "not here: no pgbackrest"
BACK = """\
| back to the first answered query | 1.0 GB | x the copy | x sooner than the script |
| --- | --- | --- | --- |
| plain copy of the data directory: the limit | 2.00 s (1.00 to 4.00) | 1.00 | 5.0 |
| plain copy, brought to the disk | 2.50 s (1.25 to 5.00) | 1.25 | 4.0 |
| full backup | 2.50 s (1.25 to 5.00) | 1.25 | 4.0 |
| full backup, sealed by age | 4.00 s (2.00 to 8.00) | 2.00 | 2.5 |
| full + incremental, 2 % of the pages changed | 4.00 s (2.00 to 8.00) | 2.00 | 2.5 |
| full + incremental, half of the pages changed | 4.00 s (2.00 to 8.00) | 2.00 | 2.5 |
| pg_restore -j, tuned; then durable, and analyzed | 8.00 s (4.00 to 16.00) | 4.00 | 1.2 |
| gunzip \\| psql: the usual script | 10.00 s (5.00 to 20.00) | 5.00 | 1.0 |
| plain copy of a data directory of PostgreSQL 15: the limit of pgBackRest | not here: no pgbackrest |  |  |
| pgBackRest, full backup, zstd, PostgreSQL 15 | not here: no pgbackrest |  |  |
"""
LOOKED = """\
| look at a restored copy | 1.0 GB | x reading it |
| --- | --- | --- |
| read every row once: `COPY … TO '/dev/null'` | 2.00 s (1.00 to 4.00) | 1.00 |
| level `counts` | 1.00 s (0.50 to 2.00) | 0.50 |
| level `digests`, schema and roles with it | 3.00 s (1.50 to 6.00) | 1.50 |
| level `full` | 5.00 s (2.50 to 10.00) | 2.50 |
"""


def taken(times: float, ours: int = 100_000_000) -> Taken:
    """Three rounds, of which the machine made each half or twice as long as the first."""
    return Taken((2 * times, times, 4 * times), Memory(ours, 7_000_000, "tar"))


def measured(size: int = 10**9, ours: int = 100_000_000, more: Mapping[str, Taken] = MappingProxyType({})) -> Measured:
    """One size, without pgBackRest."""
    times = (1, 1.25, 1.25, 2, 2, 2, 4, 5)
    seen = dict(zip(LOOKS, (1, 0.5, 1.5, 2.5), strict=True))
    return Measured(
        size,
        {title: taken(each, ours) for title, each in zip(WAYS, times, strict=False)} | dict(more),
        {title: taken(each, ours) for title, each in seen.items()},
        ABSENT,
    )


def test_each_way_is_held_against_the_copy_and_the_script() -> None:
    """What is not here has a reason and no number; a slow round, which was slow for all, changes no ratio."""
    assert BACK == back([measured()])


def test_each_look_is_held_against_reading() -> None:
    """Each level takes so many times what reading takes."""
    assert LOOKED == looked([measured()])


def test_pgbackrest_is_held_against_the_copy_of_its_own_server() -> None:
    """Another version's server starts in another time, so its own copy is the limit."""
    lines = back([measured(more={pgbackrest.LIMIT: taken(4), pgbackrest.TITLE: taken(5)})]).splitlines()

    assert f"| {pgbackrest.TITLE} | 10.00 s (5.00 to 20.00) | 1.25 |  |" == lines[-1]


def test_memory_names_the_largest_program() -> None:
    """Ours beside the largest program's, for every size."""
    lines = memory([measured(), measured(4 * 10**9, 110_000_000)]).splitlines()

    assert f"| {ways.FULL} | 100.0 MB | 7.0 MB tar | 110.0 MB | 7.0 MB tar |" in lines
    assert f"| {pgbackrest.TITLE} | {ABSENT} |  | {ABSENT} |  |" in lines


@pytest.mark.parametrize(
    "told",
    [
        f"| {ways.FULL}: at most 1.3 x the plain copy | 1.25 | met | 1.25 | met |",
        f"| {ways.SEALED}: at most 1.3 x the plain copy | 2.00 | **missed** | 2.00 | **missed** |",
        f"| {ways.FULL}: 5 x sooner than the script | 4.00 | **missed** | 4.00 | **missed** |",
        f"| {looks.FULL}: at most 2 x reading every row | 2.50 | **missed** | 2.50 | **missed** |",
        f"| {looks.FULL}: our memory, at most 1.1 x that of the smallest size | 1.00 | met | 1.20 | **missed** |",
    ],
)
def test_an_aim_that_was_missed_is_said_to_be(told: str) -> None:
    """Each aim has its figure for each size, and whether it is met."""
    assert told in aims([measured(), measured(4 * 10**9, 120_000_000)]).splitlines()
