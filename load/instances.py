"""Whether the release scales: a ramp of load must raise the number of its instances, and the rest after it lower it."""

from __future__ import annotations

import json
import subprocess
import time
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import msgspec

from evidence.errors import CannotTell
from evidence.release import Command

if TYPE_CHECKING:
    from load.config import Load
    from load.measurement import Measurement

COUNTED_WITHIN_S = 30.0
PIECE_S = 5.0
SHORTEST_S = 1.0
LATE_S = 1.5
"""Named waits: for the count; between two looks at it while the ramp goes on, at the most and at the least; and how
much later than declared a look may be, since the last piece of a ramp is not cut shorter."""
Seconds = Annotated[float, msgspec.Meta(gt=0, le=3600)]


class Instances(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`[load.instances]`: what tells how many run, and within which times a ramp must raise that, and rest lower it.

    `command` prints the number, or `url` answers it, in the `field` of a JSON object where it names one (dotted). The
    ramp doubles `rate_per_s` of the load every few seconds, up to its own `rate_per_s`.
    """

    rate_per_s: Annotated[float, msgspec.Meta(gt=0, le=1_000_000)]
    command: Command = ()
    url: str | None = None
    field: str = ""
    rises_within_s: Seconds = 120
    falls_within_s: Seconds = 600
    looks_every_s: Seconds = 1

    def __post_init__(self) -> None:
        """Refuse none, and both."""
        if bool(self.url) == bool(self.command):
            msg = "instances needs exactly one of `command` and `url`, which tell how many there are"
            raise ValueError(msg)


@dataclass(frozen=True)
class Scaled:
    """How many there were at first, at most and at last, and after how long they rose and fell; or why none is known.

    A time is None where it did not come to that.
    """

    before: int = 0
    most: int = 0
    last: int = 0
    rose_s: float | None = None
    fell_s: float | None = None
    problem: str = ""


NOT_SCALED = Scaled(problem="the load on this release did not end, so that no ramp was sent")
Count = Callable[[], int]


def ramp(
    instances: Instances, count: Count, send: Callable[[Load], Measurement], load: Load, clock: Callable[[], float]
) -> Scaled:
    """Ask more and more until there are more instances, then nothing until there are no more than before.

    The time of a look is when the count was asked for; the last one comes when the declared time is over.
    """
    before = most = count()
    began_s, rate, unfit, rising_s = clock(), load.rate_per_s, "", 0.0
    while most <= before and rising_s < instances.rises_within_s:
        rate, left_s = min(2 * rate, instances.rate_per_s), instances.rises_within_s - rising_s
        unfit = send(_piece(load, rate, min(PIECE_S, max(SHORTEST_S, left_s)))).unfit() or unfit
        rising_s = clock() - began_s
        most = count()
    if most <= before:
        return Scaled(before, most, most, problem=unfit)
    began_s, last, falling_s = clock(), most, 0.0
    while last > before and falling_s < instances.falls_within_s:
        time.sleep(min(instances.looks_every_s, instances.falls_within_s - falling_s))
        falling_s = clock() - began_s
        last = count()
        most = max(most, last)
    return Scaled(before, most, last, rising_s, None if last > before else falling_s)


def counter(instances: Instances, root: Path) -> Count:
    """Return what tells how many instances there are; CannotTell where it does not."""
    return lambda: _number(_asked(instances.url) if instances.url else _run(instances.command, root), instances)


def _piece(load: Load, rate: float, for_s: float) -> Load:
    asked = {"rate_per_s": rate, "rest_s": 0, "warmup_s": 0, "duration_s": for_s, "longest_s": None}
    return msgspec.structs.replace(load, **asked, shape="steady", held_ms=None)


def _run(command: Command, root: Path) -> str:
    try:
        done = subprocess.run(  # noqa: S603 - the release's own command
            command, cwd=root, capture_output=True, text=True, timeout=COUNTED_WITHIN_S, check=True
        )
    except (OSError, subprocess.SubprocessError) as error:
        msg = f"[load.instances] command {command[0]!r} does not tell how many there are ({type(error).__name__})"
        raise CannotTell(msg) from None
    return done.stdout


def _asked(url: str) -> str:
    try:
        with urllib.request.urlopen(url, timeout=COUNTED_WITHIN_S) as answer:  # noqa: S310 - the URL of release.toml
            return str(answer.read(100_000).decode(errors="replace"))
    except (OSError, ValueError) as error:
        msg = f"[load.instances] url does not tell how many there are ({error})"
        raise CannotTell(msg) from None


def _number(text: str, instances: Instances) -> int:
    try:
        found: Any = json.loads(text)
        for part in filter(None, instances.field.split(".")):
            found = found[part]
        if type(found) is int and found >= 0:
            return found
    except (ValueError, KeyError, TypeError):
        pass
    field = f" with a number in {instances.field!r}" if instances.field else ", a number"
    msg = f"[load.instances] should tell how many there are{field}, and told {text.strip()[:60]!r}"
    raise CannotTell(msg)
