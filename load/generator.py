"""Watch ourselves: a generator that cannot keep up measures itself, and calls it the release."""

from __future__ import annotations

import time
from collections.abc import Callable

import gevent  # type: ignore[import-untyped]

from load.measurement import Vitals

LAG_EVERY_S = 0.1
CPU_EVERY_S = 1.0
"""How often the event loop's lag is sampled, and our share of a core; less often where we do not get to it."""


class Watch:
    """Samples from a greenlet of its own, from the start of the measuring window on."""

    def __init__(self) -> None:
        """Nothing is known before the start."""
        self.lag_ms: list[float] = []
        self.lag_at_s: list[float] = []
        self.cpu_ratio: list[float] = []
        self.cpu_at_s: list[float] = []
        self.accidents: list[str] = []
        self._told = 0, 0, 0

    def run(self, clock: Callable[[], float]) -> None:
        """Sample until killed; `clock` tells the time since the load began."""
        looked_s, spent_s = clock(), time.process_time()  # which opens no file: there may be none left to open
        while True:
            before = time.perf_counter()
            gevent.sleep(LAG_EVERY_S)
            self.lag_ms.append((time.perf_counter() - before - LAG_EVERY_S) * 1000)
            now_s, all_s = clock(), time.process_time()
            self.lag_at_s.append(now_s)
            if now_s - looked_s >= CPU_EVERY_S:
                self.cpu_ratio.append((all_s - spent_s) / (now_s - looked_s))
                self.cpu_at_s.append((looked_s + now_s) / 2)
                looked_s, spent_s = now_s, all_s

    def vitals(self) -> Vitals:
        """Tell how we were."""
        return self._since(0, 0, 0)

    def fresh(self) -> Vitals:
        """Tell what is new since this was asked last."""
        told, self._told = self._told, (len(self.lag_ms), len(self.cpu_ratio), len(self.accidents))
        return self._since(*told)

    def _since(self, lags: int, cpus: int, accidents: int) -> Vitals:
        return Vitals(
            lag_ms=self.lag_ms[lags:],
            cpu_ratio=self.cpu_ratio[cpus:],
            accidents=self.accidents[accidents:],
            lag_at_s=self.lag_at_s[lags:],
            cpu_at_s=self.cpu_at_s[cpus:],
        )
