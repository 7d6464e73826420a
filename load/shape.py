"""Shapes of load, as data: how many requests arrive in each stage of the measuring window, and which stages are judged.

A preset is stages in terms of `rate_per_s` and `duration_s`. Which part is judged is known before the start.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Annotated, Final, Literal, NamedTuple

import msgspec

Preset = Literal["smoke", "steady", "ramp", "spike", "soak", "stress"]
JUDGED: Final = True

PRESETS: Final[dict[Preset, tuple[tuple[float, float, bool], ...]]] = {
    "smoke": ((0.2, 1, JUDGED),),
    "steady": (),
    "ramp": (
        (0.25, 0.5, False),
        (0.5, 0.5, False),
        (0.75, 0.5, False),
        (1, 1, JUDGED),
        (1.25, 0.5, False),
        (1.5, 0.5, False),
        (2, 0.5, False),
    ),
    "spike": ((1, 0.5, False), (4, 0.25, False), (1, 1, JUDGED)),
    "soak": ((1, 40, JUDGED),),
    "stress": ((1, 1, JUDGED), (2, 0.5, False), (3, 0.5, False), (4, 0.5, False), (1, 0.5, False)),
}
"""Of each stage: its part of rate_per_s, of duration_s, and whether it is judged. `steady` has none: its window closes
when enough is known. A spike is judged after it: what came back must be as good as before. Soak's 40 parts make ten
minutes of the usual 15 s."""


class Stage(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One stage of the measuring window."""

    rate_per_s: Annotated[float, msgspec.Meta(gt=0, le=1_000_000)]
    for_s: Annotated[float, msgspec.Meta(ge=1, le=86_400)]
    judged: bool = False


class Part(NamedTuple):
    """A stage, and when it begins and ends, in seconds from the opening of the window."""

    stage: Stage
    begin_s: float
    end_s: float


def stages(shape: Preset | tuple[Stage, ...], rate_per_s: float, duration_s: float) -> tuple[Stage, ...]:
    """Return a shape's stages; none is the window that closes when enough is known."""
    if not isinstance(shape, str):
        return shape
    return tuple(
        Stage(rate_per_s=rate * rate_per_s, for_s=seconds * duration_s, judged=judged)
        for rate, seconds, judged in PRESETS[shape]
    )


def parts(sequence: Sequence[Stage]) -> list[Part]:
    """Return when each stage is."""
    edges = [0.0, *itertools.accumulate(stage.for_s for stage in sequence)]
    return [Part(stage, begin, end) for stage, (begin, end) in zip(sequence, itertools.pairwise(edges), strict=True)]


def judged(sequence: Sequence[Stage]) -> tuple[float, float]:
    """Return from when until when is judged; ValueError where that is nothing, or not in one piece."""
    chosen = [number for number, stage in enumerate(sequence) if stage.judged]
    if not chosen:
        msg = "no stage of shape has `judged = true`: at least one stage decides"
        raise ValueError(msg)
    if chosen != list(range(chosen[0], chosen[-1] + 1)):
        msg = "the stages of shape with `judged = true` are not next to each other"
        raise ValueError(msg)
    # One rate decides: a percentile over two would be that of neither.
    if len({sequence[number].rate_per_s for number in chosen}) > 1:
        msg = "the stages of shape with `judged = true` differ in rate_per_s: one rate is judged"
        raise ValueError(msg)
    every = parts(sequence)
    return every[chosen[0]].begin_s, every[chosen[-1]].end_s


def peak(sequence: Sequence[Stage]) -> float:
    """Return how many times the judged rate is asked at the most, up to the end of what is judged."""
    if not sequence:
        return 1.0
    last = max(number for number, stage in enumerate(sequence) if stage.judged)
    return max(stage.rate_per_s for stage in sequence[: last + 1]) / sequence[last].rate_per_s
