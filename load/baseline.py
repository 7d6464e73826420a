"""The last promoted release, asked in turns with this one: what slows the machine down slows both."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

import msgspec

from evidence.errors import CannotTell
from evidence.release import Command
from fixtures import credentials, target
from load.paired import FEWEST, Pair

if TYPE_CHECKING:
    from load.config import Load
    from load.measurement import Measurement


class Baseline(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`[load.baseline]`: where the last promoted release runs (`url`), or how it is brought up (`start`, in `folder`).

    Both releases are asked in blocks of `block_s`, `pairs` of them each, after one of each that does not count. What
    `start` tells in its ready line is known to the requests, as it is of the candidate.
    """

    url: str | None = None
    start: Command = ()
    folder: str = "."
    health: str = "/"
    ready_within_s: Annotated[float, msgspec.Meta(gt=0)] = target.READY_WITHIN_S
    block_s: Annotated[float, msgspec.Meta(ge=1, le=60)] = 3
    pairs: Annotated[int, msgspec.Meta(ge=FEWEST, le=200)] = 10

    def __post_init__(self) -> None:
        """Refuse none, and both."""
        if bool(self.url) == bool(self.start):
            msg = "baseline needs exactly one of `url` (already running) and `start` (a command)"
            raise ValueError(msg)


class Side(NamedTuple):
    """A running release, and the load as its requests are sent to it."""

    url: str
    load: Load


@dataclass(frozen=True)
class Compared:
    """What both answered, or why there is nothing to compare; `left_out` pairs are our own fault."""

    pairs: tuple[Pair, ...] = ()
    problem: str = ""
    left_out: int = 0


NOT_COMPARED = Compared(problem="the load on this release did not end, so that it was not compared")


@contextmanager
def promoted(baseline: Baseline, root: Path, log: Path, fill: Callable[[Mapping[str, str]], Load]) -> Iterator[Side]:
    """Bring the last promoted release up, and take it down; `fill` puts its own variables into the requests."""
    declared = target.Target(
        url=baseline.url, start=baseline.start, health=baseline.health, ready_within_s=baseline.ready_within_s
    )
    log.parent.mkdir(parents=True, exist_ok=True)
    secrets: dict[str, str] = {}
    try:
        with log.open("wb") as written, target.up(declared, root / baseline.folder, written) as (ready, _):
            secrets |= {**ready.env, **({"TARGET_DATABASE": ready.database} if ready.database else {})}
            yield Side(ready.url.rstrip("/"), fill({**os.environ, **ready.env}))
    except target.TargetError as error:
        msg = f"the last promoted release, [load.baseline]: {error}; its log: {log.name}"
        raise CannotTell(msg) from None
    finally:
        credentials.take_out(log, secrets)


def in_turns(attack: Callable[[str, Load], Measurement], now: Side, before: Side, baseline: Baseline) -> Compared:
    """Ask both in turns, the other one first every other time, by the same arrivals within a pair.

    A pair in which we were late ourselves is left out; where too few are left, nothing is compared.
    """
    pairs, unfit = [], ""
    for number in range(baseline.pairs + 1):
        order = (("now", now), ("before", before))[:: 1 if number % 2 else -1]
        block = {name: attack(side.url, _block(side.load, baseline.block_s, number)) for name, side in order}
        if number == 0:  # warms both up
            continue
        if late := block["now"].unfit() or block["before"].unfit():
            unfit = late
            continue
        pairs.append(Pair(**{name: [one.latency_ms for one in measured.good] for name, measured in block.items()}))
    return Compared(tuple(pairs), unfit if len(pairs) < FEWEST else "", baseline.pairs - len(pairs))


def _block(load: Load, block_s: float, number: int) -> Load:
    return msgspec.structs.replace(
        load,
        rest_s=0,
        warmup_s=0,
        duration_s=block_s,
        longest_s=None,
        shape="steady",
        held_ms=None,
        seed=load.seed + number,
    )
