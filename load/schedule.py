"""When requests arrive: drawn before the start, so that a slow release cannot slow down its own test."""

from __future__ import annotations

import itertools
import random
from array import array
from typing import NamedTuple

from load.config import MOST_ARRIVALS, Load
from load.sequential import closings, edges
from load.shape import Part, Stage, parts

LOOK_WARMUP_EVERY_S = 2.5
"""How often warm-up that lasts longer is looked at, whether it is over."""


class Plan(NamedTuple):
    """Intended starts and kinds of request, first those of warm-up, in seconds from the start of the run.

    From `first` on they are the window's, in seconds from its opening: when that is, warm-up decides. `looks_s` is when
    warm-up may end, `closings_s` how long after its opening the window may close.
    """

    at_s: array[float]
    kinds: array[int]
    first: int
    looks_s: tuple[float, ...]
    closings_s: tuple[float, ...]
    number: int = 0
    of: int = 1
    """Which part of a plan this is, and of how many."""

    def whole(self, number: int) -> int:
        """Return the number that an arrival of this part has in the whole."""
        return self.number + number * self.of

    @property
    def most(self) -> int:
        """How many arrivals this part may come to, where nobody knows beforehand how many there will be."""
        return MOST_ARRIVALS // self.of

    def dealt(self, number: int, generators: int) -> Plan:
        """Return one generator's part: together all of them send exactly what was drawn."""
        if generators == 1:
            return self
        first = len(range(number, self.first, generators))
        return self._replace(
            at_s=self.at_s[number::generators],
            kinds=self.kinds[number::generators],
            first=first,
            number=number,
            of=generators,
        )


def draw(load: Load) -> Plan:
    """Draw Poisson arrivals, warm-up first; the same seed gives the same arrivals in the window, whatever came before.

    Given their number, the arrivals of a Poisson process are independent and uniform. Fixing the number to the asked
    one keeps the bursts, and takes the luck of the draw out of asked against achieved.
    """
    looks_s = tuple(edges(load.warmup_s, LOOK_WARMUP_EVERY_S, load.most_warmup_s)) if load.warmup_s else ()
    closings_s = closings(load)
    stages = parts(load.stages) if load.stages else _steady(closings_s, load)
    window = _starts(random.Random(load.seed), stages, load)  # noqa: S311 - repeatable on purpose
    warmup = _starts(random.Random(~load.seed), _steady(looks_s, load), load)  # noqa: S311 - the same
    at_s, kinds = array("d", warmup[0] + window[0]), array("H", warmup[1] + window[1])
    return Plan(at_s, kinds, len(warmup[0]), looks_s, closings_s)


def _steady(edges: tuple[float, ...], load: Load) -> list[Part]:
    """Return the parts between neighbouring edges, at the one rate."""
    return [
        Part(Stage(rate_per_s=load.rate_per_s, for_s=1), begin, end) for begin, end in itertools.pairwise((0.0, *edges))
    ]


def _starts(source: random.Random, stages: list[Part], load: Load) -> tuple[list[float], list[int]]:
    """Draw the starts of each part by itself, and what is asked at each."""
    at_s = [
        start
        for stage, begin, end in stages
        for start in sorted(source.uniform(begin, end) for _ in range(round(stage.rate_per_s * (end - begin))))
    ]
    if not at_s:  # a closed model asks by itself
        return [], []
    weights = [request.weight for request in load.requests]
    return at_s, source.choices(range(len(weights)), weights, k=len(at_s))
