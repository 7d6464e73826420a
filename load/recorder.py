"""Every request as it was asked, sent and answered. Nothing is summarised before the end, and nothing is lost."""

from __future__ import annotations

import math
import time
from array import array
from collections import deque
from collections.abc import Iterator, Sequence
from itertools import chain
from typing import NamedTuple

from load.quantile import nearest_rank, ordered
from load.schedule import Plan

DROPPED, UNANSWERED, NOT_ASKED = "dropped", "unanswered", "not asked"
"""An arrival that no user was free for in time; a request that was still in flight when the run ended; an arrival that
we did not get to, or that a generator took with it."""

MOST_NAMES, REST = 1000, "further names"
"""Kinds of request that are told apart: a locustfile that groups nothing has one for each address."""

RECENT = 1000
"""Requests that the progress line's p95 looks back on."""


class Sample(NamedTuple):
    """One arrival. Latency counts from the intended start, service time from when it was sent.

    `status` is 0 without an answer. `error` is empty where the answer was as declared. `slip_ms` is how late we were
    ourselves: up to the sending, or only up to the hand-over where all users were waiting for the release.
    """

    name: str
    at_s: float
    latency_ms: float
    service_ms: float
    status: int
    size_bytes: int
    error: str
    slip_ms: float

    @property
    def finished_s(self) -> float:
        """When the answer was complete, from the start of the run."""
        return self.at_s + self.latency_ms / 1000


class Answer(NamedTuple):
    """How a request ended; `status` is 0 without an answer, and `error` is empty where it was as declared."""

    service_ms: float
    status: int
    size_bytes: int
    error: str


class Row(NamedTuple):
    """What is known of one arrival of a plan, by its number: enough to tell it to somebody who has the plan, too."""

    number: int
    slip_s: float
    sent_s: float
    service_ms: float
    status: int
    size_bytes: int
    error: str


class Recorder:
    """Takes what happens, in arrays of the plan's length, made before the start."""

    def __init__(self, plan: Plan, names: Sequence[str]) -> None:
        """Make room for all of them; `names` are those of the plan's kinds."""
        self.plan = plan
        self.at_s = plan.at_s[:]
        self.handed_over = self.finished = self.errors = 0
        self.opens_s = math.inf
        self.names = list(names)
        self._kinds = {name: kind for kind, name in enumerate(self.names)}
        self._first = plan.first
        self._warmed = 0
        self._begun = math.nan
        self._slip_s = array("d", [math.nan]) * len(self.at_s)
        self._waits = bytearray(len(self.at_s))
        self._sent_s = array("d", [math.nan]) * len(self.at_s)
        self._service_ms = array("d", [math.nan]) * len(self.at_s)
        self._status = array("h", [0]) * len(self.at_s)
        self._size = array("q", [0]) * len(self.at_s)
        self._error = [NOT_ASKED] * len(self.at_s)
        self._recent_ms: deque[float] = deque(maxlen=RECENT)
        self.news: list[int] = []

    def begin(self, at: float | None = None) -> None:
        """Start the clock: now, or as it was at this reading of `time.perf_counter`, which may be one to come."""
        self._begun = time.perf_counter() if at is None else at

    def now_s(self) -> float:
        """Seconds since the start."""
        return time.perf_counter() - self._begun

    def open(self, opens_s: float) -> None:
        """Declare when the measuring window opens: warm-up ends there, and the window's arrivals follow."""
        first = self._first
        # Who asks by itself may have asked since: nothing that was asked is left out.
        self._warmed = sum(1 for n in range(first) if self.at_s[n] < opens_s or self._error[n] != NOT_ASKED)
        self.at_s[first:] = array("d", map(opens_s.__add__, self.at_s[first:]))
        self.opens_s = opens_s

    def arrive(self, kind: int, since_s: float = 0.0) -> int:
        """Take a request that no plan has, and that started so long ago: somebody asks by itself. Return its number."""
        return self.learn(self.now_s() - since_s, kind)

    def learn(self, at_s: float, kind: int) -> int:
        """Take one that was asked at this time, here or by another generator; until more is told it is unanswered."""
        number = len(self.at_s)
        self._first += not math.isfinite(self.opens_s)
        self.at_s.append(at_s)
        self.plan.kinds.append(kind)
        self._slip_s.append(0.0)
        self._waits.append(0)
        self._sent_s.append(at_s)
        self._service_ms.append(math.nan)
        self._status.append(0)
        self._size.append(0)
        self._error.append(UNANSWERED)
        self.handed_over += 1
        return number

    def kind_of(self, name: str) -> int:
        """Return the kind of request with this name, which may be a new one; of too many, the rest are one."""
        name = name if name in self._kinds or len(self.names) < MOST_NAMES else REST
        if name not in self._kinds:
            self._kinds[name] = len(self.names)
            self.names.append(name)
        return self._kinds[name]

    @property
    def began_s(self) -> float:
        """When the clock was started, by the machine's own."""
        return self._begun

    @property
    def in_flight(self) -> int:
        """Arrivals handed over and not over: waiting for a user, or sent."""
        return self.handed_over - self.finished

    def hand_over(self, number: int, *, free: bool) -> None:
        """An arrival goes to the users; `free`: one of them has nothing to do."""
        self._slip_s[number] = self.now_s() - self.at_s[number]
        self._waits[number] = not free
        self._error[number] = DROPPED
        self.handed_over += 1

    def drop(self, number: int) -> None:
        """An arrival found no user in time."""
        self.finished += 1
        self.news.append(number)

    def send(self, number: int) -> None:
        """A user sends it: from here on it is unanswered until answered."""
        self._sent_s[number] = self.now_s()
        self._error[number] = UNANSWERED
        if not self._waits[number]:
            self._slip_s[number] = self._sent_s[number] - self.at_s[number]

    def answer(self, number: int, answer: Answer) -> None:
        """It is over, well or not."""
        self._service_ms[number], self._status[number], self._size[number], self._error[number] = answer
        self.finished += 1
        self.errors += bool(answer.error)
        self._recent_ms.append(self._latency_ms(number))
        self.news.append(number)

    def row(self, number: int) -> Row:
        """Tell what is known of one."""
        known = self._slip_s, self._sent_s, self._service_ms, self._status, self._size, self._error
        return Row(number, *(column[number] for column in known))  # type: ignore[arg-type]

    def take(self, row: Row) -> None:
        """Learn of one that another generator sent."""
        number, slip_s, self._sent_s[row.number], service_ms, status, size, error = row
        self.handed_over += math.isnan(self._slip_s[number])
        self._slip_s[number] = slip_s
        if error in {DROPPED, UNANSWERED}:
            self._error[number] = error
            self.finished += error == DROPPED
        else:
            self.answer(number, Answer(service_ms, status, size, error))

    def left(self) -> list[int]:
        """Return those that were handed over, and have no answer."""
        return [number for number, error in enumerate(self._error) if error in {DROPPED, UNANSWERED}]

    def known_until_s(self) -> float:
        """Until when all that was to be sent in the window is known to be over."""
        if not math.isfinite(self.opens_s):
            return -math.inf
        return min((self.at_s[n] for n in self._window() if self._error[n] == NOT_ASKED), default=math.inf)

    def recent_p95_ms(self) -> float:
        """Return the p95 of the last requests that were over; not a number before the first."""
        return nearest_rank(ordered(self._recent_ms), 0.95) if self._recent_ms else math.nan

    def warming(self) -> list[tuple[float, float]]:
        """Return start (s) and latency (ms) of the answered requests of warm-up so far."""
        return [(self.at_s[n], self._latency_ms(n)) for n in range(self._first) if self._status[n]]

    def measuring(self) -> list[tuple[float, float]]:
        """Return start (s) and latency (ms) of the requests of the window that were answered as declared so far."""
        # Of those that no plan has, some of warm-up may have been told only after the window was open.
        window = (n for n in self._window() if self.at_s[n] >= self.opens_s)
        return [(self.at_s[n], self._latency_ms(n)) for n in window if not self._error[n]]

    def samples(self, until_s: float = math.inf) -> list[Sample]:
        """Return all arrivals that were to come by then; those still unanswered have waited until now."""
        now = self.now_s()
        asked = chain(range(self._warmed), self._window())
        return [self._sample(number, now) for number in asked if self.at_s[number] < until_s]

    def _window(self) -> Iterator[int]:
        return iter(range(self._first, len(self.at_s)) if math.isfinite(self.opens_s) else ())

    def _latency_ms(self, number: int) -> float:
        return (self._sent_s[number] - self.at_s[number]) * 1000 + self._service_ms[number]

    def _sample(self, number: int, now: float) -> Sample:
        at_s, sent_s = self.at_s[number], self._sent_s[number]
        unanswered = self._error[number] == UNANSWERED
        return Sample(
            name=self.names[self.plan.kinds[number]],
            at_s=at_s,
            latency_ms=(now - at_s) * 1000 if unanswered else self._latency_ms(number),
            service_ms=(now - sent_s) * 1000 if unanswered else self._service_ms[number],
            status=self._status[number],
            size_bytes=self._size[number],
            error=self._error[number],
            slip_ms=self._slip_s[number] * 1000,
        )
