"""The workers of a master: how they join, and what it knows of each."""

from __future__ import annotations

import contextlib
import math
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import gevent.socket  # type: ignore[import-untyped]

from checks.permission import is_loopback
from evidence.errors import InputError
from load.channel import Channel, Lost
from load.config import Load
from load.measurement import Unreachable, Vitals, together
from load.recorder import Recorder

LOOK_EVERY_S = 0.2
JOINED_WITHIN_S = 60.0
"""Between looks whether all workers have joined, and until when they must have."""


@dataclass(eq=False)
class Member:
    """A worker, as its master knows it."""

    number: int
    of: int
    channel: Channel
    recorder: Recorder
    told_vitals: list[Vitals] = field(default_factory=list)
    peer: str = ""
    heard: float = 0.0
    ready = done = False
    asked_s: float = -1.0
    clock: tuple[float, float] | None = None
    """Its clock and ours, when it was asked last."""
    clock_within_s: float = math.nan

    @property
    def name(self) -> str:
        """For people."""
        return f"generator {self.number + 1} of {self.of} ({self.peer})"

    @property
    def vitals(self) -> Vitals:
        """How it was, as far as it has told."""
        return replace(together(self.told_vitals), clock_within_ms=self.clock_within_s * 1000)

    def share(self, of_all: int) -> int:
        """How many of all it is dealt."""
        return len(range(self.number, of_all, self.of))

    def told(self) -> bool:
        """Whether it has told its clock."""
        return self.clock is not None


class Gone(Exception):
    """A worker was lost."""

    def __init__(self, member: Member, why: str) -> None:
        """Say which, and why: what it told last of itself, else what we saw."""
        since_s = member.recorder.now_s()
        when = "before the start" if math.isnan(since_s) else f"{since_s:.1f} s after the start"
        super().__init__(f"{member.name} was lost {when}: {'; '.join(member.vitals.accidents) or why}")


def gather(
    listener: gevent.socket.socket,
    workers: int,
    key: str,
    missed: Callable[[], str] = str,
    within_s: float = JOINED_WITHIN_S,
) -> list[Channel]:
    """Wait for so many workers that know the key; Unreachable where they do not come, or `missed` says why not."""
    channels: list[Channel] = []
    deadline = time.monotonic() + within_s
    listener.settimeout(LOOK_EVERY_S)
    why = ""
    while len(channels) < workers and not why:
        with contextlib.suppress(TimeoutError):
            channels.extend(_joined(Channel(listener.accept()[0]), key))
        late = time.monotonic() > deadline
        why = missed() or (f"{len(channels)} of {workers} workers joined within {within_s:.0f} s" if late else "")
    if len(channels) < workers:
        for channel in channels:
            channel.close()
        raise Unreachable(why)
    return channels


def _joined(channel: Channel, key: str) -> list[Channel]:
    """Return the worker where it is one; whoever else it was, the workers are still to come."""
    try:
        channel.prove(key, master=True)
    except Lost as error:
        sys.stderr.write(f"no worker of ours: {error}\n")
        sys.stderr.flush()
        channel.close()
        return []
    return [channel]


def check_number(load: Load, generators: int) -> None:
    """Refuse, before any is started, what so many cannot share out."""
    if load.locustfile:
        msg = "[load] locustfile is run by one process: without --processes or --master"
        raise InputError(msg)
    if load.in_flight < generators:
        field = "users" if load.users else "max_in_flight"
        msg = f"[load] {field} is {load.in_flight}, less than the {generators} generators"
        raise InputError(msg)


def check_way(url: str, peer: str) -> None:
    """Refuse a target on our loopback for a worker elsewhere: there it is the worker's own."""
    if is_loopback(url) and not is_loopback(f"http://{peer if ':' not in peer else f'[{peer}]'}"):
        msg = f"TARGET_URL is {url}, this machine itself, which the worker at {peer} does not reach by that name"
        raise InputError(msg)
