"""What a run came to: the samples of the measuring window, and whether we were fit to take them."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import chain
from typing import NamedTuple

from evidence.errors import CannotTell
from load import room
from load.baseline import NOT_COMPARED, Compared
from load.compression import NOT_WEIGHED, Weighed
from load.config import Load
from load.instances import NOT_SCALED, Scaled
from load.quantile import nearest_rank, ordered
from load.recorder import DROPPED, NOT_ASKED, Sample
from load.server import NOTHING, Server
from load.shape import peak

SLIP_P99_MS = 20.0
CPU_RATIO = 0.9
HANDED_OVER_RATIO = 0.98
LAG_P99_MS = 100.0
"""Beyond these the generator is saturated, and its numbers are its own: the 99th percentile of how late it was, its
share of one core, the arrivals that it handed over within the window; and where nobody schedules anything, so that
nothing can be late, the 99th percentile of how late its event loop was."""


class Unreachable(CannotTell):
    """The target does not answer, or the run hangs: nothing can be said."""


class Span(NamedTuple):
    """When the measuring window was open, and from when on latencies were steady: None where that was not seen."""

    opens_s: float
    closes_s: float
    steady_s: float | None

    @property
    def lasted_s(self) -> float:
        """How long it was open."""
        return self.closes_s - self.opens_s


@dataclass(frozen=True)
class Vitals:
    """How the generator was while it measured."""

    lag_ms: Sequence[float]
    cpu_ratio: Sequence[float]
    accidents: Sequence[str] = ()
    """What went wrong in our own code: each an error of ours, not of the release."""
    notes: Sequence[str] = ()
    """What befell us without harm to what was measured: people are told."""
    clock_within_ms: float | None = None
    """How far its clock may have been from the master's, at the most, where it had one."""
    lag_at_s: Sequence[float] = ()
    cpu_at_s: Sequence[float] = ()
    """When a delay was over, and the middle of the time that a share is of, since the load began."""

    def within(self, begin_s: float, end_s: float) -> Vitals:
        """Keep the readings of a time; of shares at least the nearest. Without times all are of it."""
        lags = list(zip(self.lag_at_s, self.lag_ms, strict=False))
        shares = list(zip(self.cpu_at_s, self.cpu_ratio, strict=False))
        kept = [share for at_s, share in shares if begin_s <= at_s < end_s]
        middle_s = (begin_s + end_s) / 2
        nearest = [share for _, share in sorted(shares, key=lambda each: abs(each[0] - middle_s))[:1]]
        late = [lag for at_s, lag in lags if begin_s <= at_s and at_s - lag / 1000 < end_s]
        return replace(
            self,
            lag_ms=late if lags else self.lag_ms,
            cpu_ratio=(kept or nearest) if shares else self.cpu_ratio,
            lag_at_s=(),
            cpu_at_s=(),
        )


def together(parts: Iterable[Vitals], notes: Sequence[str] = ()) -> Vitals:
    """Put the readings of several times, or of several generators, into one."""
    every = list(parts)
    return Vitals(
        lag_ms=list(chain.from_iterable(one.lag_ms for one in every)),
        cpu_ratio=list(chain.from_iterable(one.cpu_ratio for one in every)),
        accidents=list(chain.from_iterable(one.accidents for one in every)),
        notes=notes,
        lag_at_s=list(chain.from_iterable(one.lag_at_s for one in every)),
        cpu_at_s=list(chain.from_iterable(one.cpu_at_s for one in every)),
    )


@dataclass(frozen=True)
class Measurement:
    """The run: what was asked of it, when it really measured, every request, how we were, and how the release was.

    `began_s` is when the load began, by the machine's clock.
    """

    load: Load
    span: Span
    everything: Sequence[Sample]
    vitals: Vitals
    began_s: float = 0.0
    server: Server = NOTHING
    parts: Sequence[Measurement] = ()
    """What each of several generators sent, and how that one was."""
    compared: Compared = NOT_COMPARED
    scaled: Scaled = NOT_SCALED
    weighed: Weighed = NOT_WEIGHED

    @cached_property
    def window(self) -> list[Sample]:
        """Arrivals of the measuring window, in order of intended start."""
        return [sample for sample in self.everything if self.span.opens_s <= sample.at_s < self.span.closes_s]

    @cached_property
    def sent(self) -> list[Sample]:
        """Those that were sent."""
        return [sample for sample in self.window if sample.error not in {DROPPED, NOT_ASKED}]

    @cached_property
    def good(self) -> list[Sample]:
        """Those that were answered as declared: a fast refusal is no fast answer."""
        return [sample for sample in self.sent if not sample.error]

    @cached_property
    def errors(self) -> Counter[tuple[str, str]]:
        """Requests that failed, by name and reason."""
        return Counter((sample.name, sample.error) for sample in self.sent if sample.error)

    @property
    def dropped(self) -> int:
        """Arrivals that found no free user in time."""
        return sum(1 for sample in self.window if sample.error == DROPPED)

    @property
    def asked(self) -> int:
        """Arrivals that were asked of the release: those that we did not get to are our fault."""
        return len(self.sent) + self.dropped

    @cached_property
    def answered_in_window(self) -> int:
        """Answers of any status that were complete within the window, whenever they were asked for."""
        begin, end = self.span.opens_s, self.span.closes_s
        return sum(1 for sample in self.everything if sample.status and begin <= sample.finished_s < end)

    @cached_property
    def slip_p99_ms(self) -> float:
        """How late the generator was; without end where nothing left."""
        left = [sample.slip_ms for sample in self.window if not math.isnan(sample.slip_ms)]
        return nearest_rank(ordered(left), 0.99) if left else math.inf

    @cached_property
    def seen(self) -> Vitals:
        """How we were within the window: what else was asked, faster perhaps, is not judged."""
        return self.vitals.within(self.span.opens_s, self.span.closes_s)

    @cached_property
    def lag_p99_ms(self) -> float:
        """How late our event loop was; where it never came to look, all of the window."""
        return nearest_rank(ordered(self.seen.lag_ms or [self.span.lasted_s * 1000]), 0.99)

    @property
    def cpu_max_ratio(self) -> float:
        """Our largest share of one core in a second; where we never came to look, all of it."""
        return max(self.seen.cpu_ratio, default=1.0)

    @cached_property
    def handed_over_ratio(self) -> float:
        """Arrivals that the generator handed over before the window closed, of those asked."""
        in_time = sum(1 for sample in self.window if sample.at_s + sample.slip_ms / 1000 < self.span.closes_s)
        return in_time / len(self.window)

    def reasons(self) -> list[str]:
        """Say how a generator did not keep up; of several, each is judged by itself, and one is enough."""
        if self.parts:
            named = enumerate((part.reasons() for part in self.parts), start=1)
            return [f"generator {number} of {len(self.parts)}: {one}" for number, them in named for one in them]
        reasons = list(dict.fromkeys(self.vitals.accidents))
        if not self.window:  # one of many generators had no arrival in it
            return reasons
        if SLIP_P99_MS < self.slip_p99_ms < math.inf:
            reasons.append(
                f"1 request in 100 left more than {self.slip_p99_ms:.0f} ms late (bound {SLIP_P99_MS:.0f} ms)"
            )
        if self.cpu_max_ratio > CPU_RATIO:
            reasons.append(f"it used {self.cpu_max_ratio:.0%} of a core (bound {CPU_RATIO:.0%})")
        if self.handed_over_ratio < HANDED_OVER_RATIO:
            reasons.append(
                f"it got to {self.handed_over_ratio:.1%} of the arrivals in time (bound {HANDED_OVER_RATIO:.0%})"
            )
        return [*reasons, *(self._late_loop() if self.load.model == "closed" else self._cramped())]

    def _late_loop(self) -> Iterator[str]:
        """An event loop that stands still reads answers late, which then look slow."""
        if self.lag_p99_ms > LAG_P99_MS:
            yield f"its event loop was {self.lag_p99_ms:.0f} ms late 1 time in 100 (bound {LAG_P99_MS:.0f} ms)"

    def _cramped(self) -> Iterator[str]:
        """What waited for a user of ours is not the release's, unless that is why none was free."""
        waited_ms, users = room.waited_ms(self.window), self.load.max_in_flight
        if waited_ms <= SLIP_P99_MS:
            return
        rate_per_s = len(self.window) / self.span.lasted_s * peak(self.load.stages)
        needed, calm_ms = room.needed(self.everything, users, rate_per_s)
        if needed > users:
            waited = f"waited {waited_ms:.0f} ms for a free user" if math.isfinite(waited_ms) else "found no free user"
            yield (
                f"arrivals {waited}, and not because the release was pressed: with few requests at work one takes "
                f"{calm_ms:.0f} ms already, so that {rate_per_s:.0f} a second need up to {needed} users; raise [load] "
                f"max_in_flight, which is {users}"
            )

    def unfit(self) -> str:
        """Say why nothing can be said about the release; empty where every generator kept up."""
        reasons = self.reasons()
        if not reasons:
            return ""
        mend = "give it a core of its own, or lower [load] rate_per_s"
        return f"generator saturated, so that nothing can be said about the release: {'; '.join(reasons)}; {mend}"
