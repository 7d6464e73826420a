"""How a page felt while it loaded, from what the browser itself wrote down: painted, moved, blocked, transferred."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
from playwright.sync_api import BrowserContext, Page, Request

TOLD_WITHIN_MS = 3_000
"""Named wait: for the browser to say what it painted."""
SLOW_TASK_MS = 50
"""What a task may take before a user notices: a longer one blocks by the rest."""
SHIFTS_TOGETHER_MS, SHIFTS_LONGEST_MS = 1_000, 5_000
"""Shifts within a second of each other are one; the worst such group, of at most five seconds, is what counts."""
TIMELINE = """within => new Promise(done => {
  const seen = { "largest-contentful-paint": [], "layout-shift": [], longtask: [], paint: [] };
  const plain = one => ({
    name: one.name, at: one.startTime, lasted: one.duration, moved: one.hadRecentInput ? 0 : one.value ?? 0,
  });
  for (const type of Object.keys(seen))
    new PerformanceObserver(list => seen[type].push(...list.getEntries().map(plain))).observe({ type, buffered: true });
  const until = performance.now() + within;
  const ask = () => seen["largest-contentful-paint"].length || performance.now() > until
    ? setTimeout(() => done(seen), 50) : setTimeout(ask, 20);
  ask();
})"""


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One entry of the browser's performance timeline; `moved` is a layout shift's value that no input explains."""

    at: float
    name: str = ""
    lasted: float = 0.0
    moved: float = 0.0


class Timeline(msgspec.Struct, frozen=True, kw_only=True):
    """What the browser wrote down of one load."""

    largest: tuple[Entry, ...] = msgspec.field(name="largest-contentful-paint", default=())
    shifts: tuple[Entry, ...] = msgspec.field(name="layout-shift", default=())
    tasks: tuple[Entry, ...] = msgspec.field(name="longtask", default=())
    paints: tuple[Entry, ...] = msgspec.field(name="paint", default=())


class Vitals(msgspec.Struct, frozen=True, kw_only=True):
    """One load, or the median of several: largest paint, layout shift, time blocked after the first paint, bytes."""

    lcp_ms: float
    cls: float
    tbt_ms: float
    transferred_bytes: float


class Transferred:
    """Counts what comes over the wire in a context."""

    def __init__(self, context: BrowserContext) -> None:
        """Nothing has come yet."""
        self._finished: list[Request] = []
        context.on("requestfinished", self._keep)

    def bytes(self) -> int:
        """Count the bytes until now, headers included."""
        return sum(map(_size, self._finished))

    def _keep(self, request: Request) -> None:
        self._finished.append(request)


def read(page: Page, transferred_bytes: int) -> Vitals | None:
    """Read a page that has loaded; None where it painted nothing."""
    return vitals(msgspec.convert(page.evaluate(TIMELINE, TOLD_WITHIN_MS), Timeline), transferred_bytes)


def vitals(timeline: Timeline, transferred_bytes: int) -> Vitals | None:
    """Reduce a timeline to four numbers; None where nothing was painted."""
    if not timeline.largest:
        return None
    first = min((one.at for one in timeline.paints if one.name == "first-contentful-paint"), default=0.0)
    return Vitals(
        lcp_ms=timeline.largest[-1].at,
        cls=shifted(timeline.shifts),
        tbt_ms=sum(blocked_ms(task, first) for task in timeline.tasks),
        transferred_bytes=transferred_bytes,
    )


def shifted(shifts: Iterable[Entry]) -> float:
    """Sum the shifts of the worst group."""
    worst = group = 0.0
    began = last = float("-inf")
    for shift in sorted(shifts, key=lambda one: one.at):
        if shift.at - last > SHIFTS_TOGETHER_MS or shift.at - began > SHIFTS_LONGEST_MS:
            began, group = shift.at, 0.0
        last, group = shift.at, group + shift.moved
        worst = max(worst, group)
    return worst


def blocked_ms(task: Entry, first_paint: float) -> float:
    """Tell how long a task kept a user waiting who could already see something."""
    return max(0.0, task.at + task.lasted - max(task.at + SLOW_TASK_MS, first_paint))


def median(loads: Sequence[Vitals]) -> Vitals:
    """Take the median of each number: one unlucky load is no verdict."""
    middles: dict[str, Any] = {
        name: statistics.median(getattr(load, name) for load in loads) for name in Vitals.__struct_fields__
    }
    return Vitals(**middles)


def _size(request: Request) -> int:
    sizes = request.sizes()
    return int(sizes["responseBodySize"]) + int(sizes["responseHeadersSize"])
