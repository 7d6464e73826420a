"""When warm-up is over, and when the window may close: decided by whoever knows all that was answered."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Protocol

from load.config import Load
from load.measurement import Span
from load.recorder import Recorder
from load.sequential import enough
from load.shape import judged
from load.warmup import steady_from

Timed = tuple[float, float]


class Steering(Protocol):
    """Decides, asked when the time has come; the answer holds `notice_s` later, and the load goes on until then."""

    @property
    def notice_s(self) -> float:
        """How long an answer may take."""

    def starts(self) -> float:
        """Say when the run begins, by this process's `time.perf_counter`, once whoever sends is ready."""

    def opens(self, at_s: float) -> bool:
        """Say whether warm-up is over, so that the window opens now."""

    def closes(self, at_s: float) -> bool:
        """Say whether what was measured is enough."""


@dataclass
class Decision:
    """Decides from what the given recorders know, at once."""

    load: Load
    recorders: Iterable[Recorder]
    steady_s: float | None = None
    """From when on latencies were steady, once they were."""
    notice_s: float = 0.0

    def starts(self) -> float:
        """After the rest: whoever signed in has done so."""
        return time.perf_counter() + self.load.rest_s

    def opens(self, at_s: float) -> bool:
        """Where MSER-5 finds that the transient ended in the first half; at the latest after the longest warm-up."""
        series = self._known(Recorder.warming)
        cut = steady_from([latency for _, latency in series])
        if cut is not None:
            self.steady_s = series[cut][0]
        return cut is not None or at_s >= self.load.most_warmup_s

    def closes(self, at_s: float) -> bool:  # noqa: ARG002 - as the protocol asks
        """Where the interval says enough."""
        return enough(self.load, [latency for _, latency in self._known(Recorder.measuring)])

    def span(self, opened_s: float, closed_s: float) -> Span:
        """Give what was decided: the part that is judged, which of a shape was declared."""
        steady_s = self.steady_s if self.load.warmup_s else 0.0
        if not self.load.stages:
            return Span(opened_s, closed_s, steady_s)
        begin_s, end_s = judged(self.load.stages)
        return Span(opened_s + begin_s, opened_s + end_s, steady_s)

    def _known(self, look: Callable[[Recorder], list[Timed]]) -> list[Timed]:
        return sorted(timed for recorder in self.recorders for timed in look(recorder))
