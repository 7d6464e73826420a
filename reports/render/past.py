"""What earlier runs came to: requirements by run, and measured numbers as sparklines."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from reports.model import Gate, JudgedLimit, Judgement, Past
from reports.render.plot import spark

MOST_ROWS, MOST_TRENDS = 100, 40
DRILLS = 12
SPARK = (120.0, 24.0)
"""Width and height of a sparkline in its own units."""


Limits = Mapping[str, Sequence[JudgedLimit]]
"""The limits of each rule, by its check, in the policy's order."""


class Row(NamedTuple):
    """One requirement and what it came to in each run, oldest first; None where the run did not judge it."""

    check: str
    judgements: list[Judgement | None]


class Trend(NamedTuple):
    """One measured number in each run, oldest first, with its limit; None where it was not measured."""

    check: str
    limit: JudgedLimit
    numbers: list[float | None]
    points: str
    limit_at: float


class Drill(NamedTuple):
    """What one run's drills measured of the objectives of recovery, in seconds: the worst of them."""

    past: Past
    objectives: dict[str, float]


class Runs(NamedTuple):
    """The runs that are shown, the newest last; `steady` are the requirements that passed in all of them."""

    runs: list[Past]
    rows: list[Row]
    more: int
    steady: list[str]
    trends: list[Trend]
    drills: list[Drill]


def of_gate(gate: Gate) -> Runs:
    """Lay out the earlier runs that a gate.json has, and its own."""
    return layout([*gate.previous, this(gate)], limits_of(gate))


def limits_of(gate: Gate) -> Limits:
    """Give the limits of each rule."""
    return {rule.check: rule.limits for rule in gate.rules}


def layout(runs: list[Past], limits: Limits) -> Runs:
    """Lay out runs by the rules of the newest; requirements that passed in every run are only named."""
    rows = [Row(check, [past.judgements.get(check) for past in runs]) for check in limits]
    changing = [row for row in rows if set(row.judgements) != {Judgement.PASS}]
    return Runs(
        runs=runs,
        rows=changing[:MOST_ROWS],
        more=max(0, len(changing) - MOST_ROWS),
        steady=[row.check for row in rows if set(row.judgements) == {Judgement.PASS}],
        trends=list(_trends(runs, limits))[:MOST_TRENDS],
        drills=_drills(runs)[-DRILLS:],
    )


def this(gate: Gate) -> Past:
    """Give this run in the shape of the earlier ones."""
    return Past(
        run=gate.run,
        version=gate.release.version,
        verdict=gate.verdict,
        judged_at=gate.judged_at,
        judgements={rule.check: rule.judgement for rule in gate.rules},
        measured={rule.check: rule.measured for rule in gate.rules if rule.measured},
    )


def _trends(runs: Sequence[Past], limits: Limits) -> Iterable[Trend]:
    for check, own in limits.items():
        for limit in own:
            numbers = [past.measured.get(check, {}).get(limit.measure) for past in runs]
            if limit.margin is not None and sum(number is not None for number in numbers) > 1:
                yield Trend(check, limit, numbers, *spark(numbers, limit.limit, *SPARK))


def _drills(runs: Iterable[Past]) -> list[Drill]:
    """Find the runs whose drill measured the time, or the loss, of a recovery."""
    found = []
    for past in runs:
        objectives: dict[str, float] = {}
        for numbers in past.measured.values():
            for name in {"rto_s", "rpo_s"} & numbers.keys():
                objectives[name] = max(numbers[name], objectives.get(name, 0))
        if objectives:
            found.append(Drill(past, objectives))
    return found
