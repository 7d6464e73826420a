"""`--worker HOST`: send the part of the plan that a master deals to us, and tell it all that happened."""

from __future__ import annotations

import os
import sys
import time
from array import array
from collections.abc import Callable
from typing import NoReturn

import gevent  # type: ignore[import-untyped]
import gevent.event  # type: ignore[import-untyped]
import gevent.queue  # type: ignore[import-untyped]
import gevent.socket  # type: ignore[import-untyped]

from load import engine
from load.channel import Answered, Asked, Begin, Channel, Done, Lost, Ping, Pong, Ready, Report, Start
from load.config import Load
from load.generator import Watch
from load.measurement import Unreachable, Vitals
from load.recorder import Recorder
from load.schedule import Plan

JOINED_WITHIN_S = 60.0
JOIN_AGAIN_AFTER_S = 0.2
REPORT_EVERY_S = 0.5
NOTICE_S = 0.25
ANSWERED_WITHIN_S = 60.0
"""Named waits: for a master, between tries to reach it, between reports; how long after a look its answer holds, so
that the load goes on while the answer travels; and for an answer, after which the master is taken for gone."""

SENT, LEFT = 0, 1


def work(host: str, port: int, key: str) -> int:
    """Join the master, do what it says, and return 0, or 1 where it was lost."""
    try:
        channel = join(host, port, key)
        begin = channel.receive()
        if isinstance(begin, Begin):
            Worker(channel, begin).run()
    except (Lost, Unreachable, gevent.Timeout, gevent.queue.Empty) as error:
        sys.stderr.write(f"worker of {host}:{port}: {error or 'the master did not answer'}\n")
        return LEFT
    return SENT


def join(host: str, port: int, key: str, within_s: float = JOINED_WITHIN_S) -> Channel:
    """Connect to the master, which may come up later than we do; Lost where it does not, or has another key."""
    deadline = time.monotonic() + within_s
    while True:
        try:
            connection = gevent.socket.create_connection((host, port), within_s)
            break
        except OSError as error:
            if time.monotonic() > deadline:
                msg = f"no master within {within_s:.0f} s: {error.strerror or error}"
                raise Lost(msg) from None
            gevent.sleep(JOIN_AGAIN_AFTER_S)
    channel = Channel(connection)
    channel.prove(key, master=False)
    return channel


class Worker:
    """One run; steers nothing itself, but asks the master."""

    notice_s = NOTICE_S

    def __init__(self, channel: Channel, begin: Begin) -> None:
        """Take the part that we are dealt."""
        self._channel, self._begin = channel, begin
        at_s, kinds = array("d"), array("H")
        at_s.frombytes(begin.at_s)
        kinds.frombytes(begin.kinds)
        plan = Plan(at_s, kinds, begin.first, begin.looks_s, begin.closings_s, begin.number, begin.of)
        self.load: Load = begin.load
        self.recorder = Recorder(plan, [request.name for request in self.load.requests])
        self.watch = Watch()
        self._told = len(at_s)
        self._start = gevent.event.AsyncResult()
        self._answers = gevent.queue.Queue()

    def run(self) -> None:
        """Send all of it and tell all of it; where the master is gone, leave at once: nobody waits for the rest."""
        greenlets = [gevent.spawn(_or_leave, self._listen), gevent.spawn(_or_leave, self._report_on)]
        try:
            engine.reach(self._begin.url)
            engine.send(self._begin.url, self.load, self.recorder, self, self.watch)
            self.report(self.recorder.left())
            self._channel.send(Done())
        except Unreachable as error:
            self._channel.send(Report((), Vitals((), (), (str(error),))))
            raise
        finally:
            gevent.killall(greenlets)

    def starts(self) -> float:
        """When the master says."""
        self._channel.send(Ready())
        at: float = self._start.get(timeout=ANSWERED_WITHIN_S)
        return at

    def opens(self, at_s: float) -> bool:
        """What the master says."""
        return self._ask(at_s)

    def closes(self, at_s: float) -> bool:
        """What the master says."""
        return self._ask(at_s)

    def report(self, left: list[int] | None = None) -> None:
        """Tell what is new."""
        news, self.recorder.news = self.recorder.news, []
        rows = tuple(map(self.recorder.row, [*news, *(left or ())]))
        came = range(self._told, len(self.recorder.at_s))
        self._told = came.stop
        arrivals = tuple((self.recorder.at_s[number], self.recorder.plan.kinds[number]) for number in came)
        self._channel.send(Report(rows, self.watch.fresh(), arrivals))

    def _ask(self, at_s: float) -> bool:
        self.report()
        self._channel.send(Asked(at_s))
        yes: bool = self._answers.get(timeout=ANSWERED_WITHIN_S)
        return yes

    def _report_on(self) -> NoReturn:
        while True:
            gevent.sleep(REPORT_EVERY_S)
            self.report()

    def _listen(self) -> NoReturn:
        while True:
            match self._channel.receive():
                case Ping():
                    self._channel.send(Pong(time.perf_counter()))
                case Start(clock_s):
                    self._start.set(clock_s)
                case Answered(yes):
                    self._answers.put(yes)
                case said:
                    msg = f"the master said {type(said).__name__}, which workers say"
                    raise Lost(msg)


def _or_leave(function: Callable[[], NoReturn]) -> None:
    try:
        function()
    except Lost as error:
        sys.stderr.write(f"the master of this worker is gone: {error}\n")
        sys.stderr.flush()
        os._exit(LEFT)
