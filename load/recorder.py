"""Every request as it was asked, sent and answered. Nothing is summarised before the end, and nothing is lost."""

from __future__ import annotations

import csv
import gzip
import io
import math
import time
from array import array
from collections import deque
from collections.abc import Sequence
from typing import NamedTuple

from load.quantile import nearest_rank, ordered
from load.schedule import Arrival

DROPPED, UNANSWERED = "dropped", "unanswered"
"""An arrival that no user was free for in time; a request that was still in flight when the run ended."""

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


class Recorder:
    """Takes what happens, in arrays of the arrivals' length, made before the start."""

    def __init__(self, arrivals: Sequence[Arrival]) -> None:
        """Make room for all of them."""
        self.arrivals = arrivals
        self.handed_over = self.finished = self.errors = 0
        self._begun = math.nan
        self._slip_s = array("d", [math.nan]) * len(arrivals)
        self._waits = bytearray(len(arrivals))
        self._sent_s = array("d", [math.nan]) * len(arrivals)
        self._service_ms = array("d", [math.nan]) * len(arrivals)
        self._status = array("h", [0]) * len(arrivals)
        self._size = array("q", [0]) * len(arrivals)
        self._error = [DROPPED] * len(arrivals)
        self._recent_ms: deque[float] = deque(maxlen=RECENT)

    def begin(self) -> None:
        """Start the clock."""
        self._begun = time.perf_counter()

    def now_s(self) -> float:
        """Seconds since the start."""
        return time.perf_counter() - self._begun

    @property
    def in_flight(self) -> int:
        """Arrivals handed over and not over: waiting for a user, or sent."""
        return self.handed_over - self.finished

    def hand_over(self, number: int, *, free: bool) -> None:
        """An arrival goes to the users; `free`: one of them has nothing to do."""
        self._slip_s[number] = self.now_s() - self.arrivals[number].at_s
        self._waits[number] = not free
        self.handed_over += 1

    def drop(self) -> None:
        """An arrival found no user in time."""
        self.finished += 1

    def send(self, number: int) -> None:
        """A user sends it: from here on it is unanswered until answered."""
        self._sent_s[number] = self.now_s()
        self._error[number] = UNANSWERED
        if not self._waits[number]:
            self._slip_s[number] = self._sent_s[number] - self.arrivals[number].at_s

    def answer(self, number: int, answer: Answer) -> None:
        """It is over, well or not."""
        self._service_ms[number], self._status[number], self._size[number], self._error[number] = answer
        self.finished += 1
        self.errors += bool(answer.error)
        self._recent_ms.append((self._sent_s[number] - self.arrivals[number].at_s) * 1000 + answer.service_ms)

    def recent_p95_ms(self) -> float:
        """Return the p95 of the last requests that were over; not a number before the first."""
        return nearest_rank(ordered(self._recent_ms), 0.95) if self._recent_ms else math.nan

    def good_latencies_ms(self, since_s: float) -> list[float]:
        """Return the latencies so far of the arrivals since then that were answered as declared, in order of start."""
        return [
            (self._sent_s[number] - self.arrivals[number].at_s) * 1000 + self._service_ms[number]
            for number in range(self.handed_over)
            if self.arrivals[number].at_s >= since_s and not self._error[number]
        ]

    def samples(self, until_s: float = math.inf) -> list[Sample]:
        """Return all arrivals that were to come by then; those still unanswered have waited until now."""
        now = self.now_s()
        return [self._sample(number, now) for number, arrival in enumerate(self.arrivals) if arrival.at_s < until_s]

    def _sample(self, number: int, now: float) -> Sample:
        at_s, request = self.arrivals[number]
        sent, service = self._sent_s[number], self._service_ms[number]
        unanswered = self._error[number] == UNANSWERED
        return Sample(
            name=request.name,
            at_s=at_s,
            latency_ms=(now - at_s) * 1000 if unanswered else (sent - at_s) * 1000 + service,
            service_ms=(now - sent) * 1000 if unanswered else service,
            status=self._status[number],
            size_bytes=self._size[number],
            error=self._error[number],
            slip_ms=self._slip_s[number] * 1000,
        )


def to_csv(samples: Sequence[Sample]) -> bytes:
    """Return the samples as a compressed table; what never was is an empty cell."""
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(Sample._fields)
    for sample in samples:
        table.writerow([_cell(value) for value in sample])
    return gzip.compress(text.getvalue().encode(), mtime=0)


def _cell(value: float | str) -> float | str:
    if isinstance(value, float):
        return "" if math.isnan(value) else round(value, 4)
    return value
