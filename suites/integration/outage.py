"""What the health paths say while a dependency is gone or hangs, and once it is back: seen once, for several checks."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import httpx

from evidence.errors import CannotTell
from suites.integration.contract import Health

POLL_S = 0.1
WAYS = {"down": "up", "pause": "resume", "slow": "fast"}
"""How a dependency is taken away, and what brings it back."""


@dataclass(frozen=True, kw_only=True)
class Told:
    """How long a path took to answer as it should; `seen` is what it said instead, at last, where it never did."""

    seconds: float
    seen: str = ""


@dataclass(frozen=True, kw_only=True)
class Outage:
    """One dependency, taken away in one way and brought back."""

    gone: Told
    back: Told
    alive: dict[str, str]


class Outages:
    """Takes each dependency away once in each way, however many checks ask."""

    def __init__(self, http: httpx.Client, health: Health, hook: Callable[[str], None]) -> None:
        """Nothing is taken away yet."""
        self._http, self._health, self._hook = http, health, hook
        self._seen: dict[tuple[str, str], Outage] = {}

    def of(self, dependency: str, way: str) -> Outage:
        """See one outage; CannotTell where the path is ill to begin with, and what a hook that fails raises."""
        if (dependency, way) not in self._seen:
            self._seen[dependency, way] = self._watched(dependency, way)
        return self._seen[dependency, way]

    def _watched(self, dependency: str, way: str) -> Outage:
        path = self._health.follows[dependency]
        if (before := self._answer(path)) != "200":
            msg = f"{path} answers {before} before {dependency} is taken away: whether it follows cannot be told"
            raise CannotTell(msg)
        try:
            self._hook(f"{dependency}_{way}")
            gone = self._until(path, "503")
            alive = {each: self._answer(each) for each in self._health.alive}
        finally:
            self._hook(f"{dependency}_{WAYS[way]}")
        return Outage(gone=gone, back=self._until(path, "200"), alive=alive)

    def _until(self, path: str, status: str) -> Told:
        started, seen = time.monotonic(), "no answer"
        while (waited := time.monotonic() - started) < self._health.within_s:
            seen = self._answer(path)
            if seen == status:
                return Told(seconds=time.monotonic() - started)
            time.sleep(POLL_S)
        return Told(seconds=waited, seen=seen)

    def _answer(self, path: str) -> str:
        try:
            return str(self._http.get(path, timeout=self._health.within_s).status_code)
        except httpx.TransportError as error:
            return f"no answer ({type(error).__name__})"
