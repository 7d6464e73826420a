"""Watch ourselves: a generator that cannot keep up measures itself, and calls it the release."""

from __future__ import annotations

import time

import gevent  # type: ignore[import-untyped]
import psutil

from load.measurement import Vitals

LAG_EVERY_S = 0.1
CPU_EVERY = 10
"""The event loop's lag is sampled every LAG_EVERY_S, our CPU share with every CPU_EVERY-th of those samples."""


class Watch:
    """Samples from a greenlet of its own, from the start of the measuring window on."""

    def __init__(self) -> None:
        """Take psutil's first reading now: it is always 0, and void."""
        self.lag_ms: list[float] = []
        self.cpu_ratio: list[float] = []
        self.accidents: list[str] = []
        self._told = 0, 0, 0
        self._process = psutil.Process()
        self._process.cpu_percent()

    def run(self) -> None:
        """Sample until killed."""
        self._process.cpu_percent()
        while True:
            before = time.perf_counter()
            gevent.sleep(LAG_EVERY_S)
            self.lag_ms.append((time.perf_counter() - before - LAG_EVERY_S) * 1000)
            if len(self.lag_ms) % CPU_EVERY == 0:
                self.cpu_ratio.append(self._process.cpu_percent() / 100)

    def vitals(self) -> Vitals:
        """Tell how we were."""
        return Vitals(self.lag_ms, self.cpu_ratio, self.accidents)

    def fresh(self) -> Vitals:
        """Tell what is new since this was asked last."""
        lags, cpus, accidents = self._told
        self._told = len(self.lag_ms), len(self.cpu_ratio), len(self.accidents)
        return Vitals(self.lag_ms[lags:], self.cpu_ratio[cpus:], self.accidents[accidents:])
