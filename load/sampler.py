"""`python -m load.sampler [STATISTICS]`: look at the release once a second until told to end, then print what was seen.

A process of its own takes no time from the generator, and a database is never asked through Locust's patched sockets.
It says `ready` after its first look, ends on the line `end`, and at once, without a word, where who started it is gone.
"""

from __future__ import annotations

import os
import select
import signal
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any

import msgspec
import psutil

from load.server import Moment, Server
from load.statements import Database

EVERY_S = 1.0
MIB = 1024 * 1024
Look = Callable[[], dict[str, Any]]


class Processes:
    """A process and all that descend from it."""

    def __init__(self, pid: int) -> None:
        """Nothing is known before the first look."""
        self._root = psutil.Process(pid)
        self._spent_s: dict[str, float] = {}
        self._at_s = time.perf_counter()

    def look(self) -> dict[str, Any]:
        """Tell the processor time since the last look, and the memory."""
        spent, own, resident = dict[str, float](), dict[str, float](), 0
        for process in (self._root, *self._root.children(recursive=True)):
            try:
                with process.oneshot():
                    name = f"{process.name()} {process.pid}"
                    times, memory = process.cpu_times(), process.memory_info()
            except psutil.Error:
                continue  # it ended just now
            spent[name] = times.user + times.system
            # Linux counts what processes share, as PostgreSQL's do their buffers, in each of them.
            own[name] = round((memory.rss - getattr(memory, "shared", 0)) / MIB, 3)
            resident += memory.rss
        before, now = self._spent_s, time.perf_counter()
        used = sum(seconds - before.get(name, 0.0) for name, seconds in spent.items())
        cores, first = used / (now - self._at_s), not before
        self._spent_s, self._at_s = spent, now
        return {
            "cpu_cores": None if first else round(cores, 4),
            "resident_mib": round(resident / MIB, 3),
            "own_mib": own,
        }


class Sampler:
    """What is looked at, and what was seen of it; a look that breaks is not tried again, and said."""

    def __init__(self, looks: dict[str, Look]) -> None:
        """`looks` by what they are of."""
        self.moments: list[Moment] = []
        self.notes: list[str] = []
        self._looks = looks

    def look(self) -> None:
        """Take one moment."""
        at_s, seen = time.perf_counter(), dict[str, Any]()
        for what, look in list(self._looks.items()):
            try:
                seen.update(look())
            except Exception as error:  # noqa: BLE001 - whatever it is, the rest can still be seen
                del self._looks[what]
                self.notes.append(f"its {what} were not seen any more: {_line(error)}")
        self.moments.append(Moment(at_s=at_s, **seen))


def main(arguments: Sequence[str]) -> int:
    """Sample, and print."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # who started us says when to end
    looks, database, notes = dict[str, Look](), None, list[str]()
    if pid := os.environ.get("TARGET_PID"):
        try:
            looks["processes"] = Processes(int(pid)).look
        except (psutil.Error, ValueError) as error:
            notes.append(f"its processes were not seen: {_line(error)}")
    if address := os.environ.get("TARGET_DATABASE"):
        database = Database(address, *arguments)
        looks["connections"] = database.activity
        database.begin()
        if not database.unseen:
            looks["statements a second"] = database.statements
    sampler = Sampler(looks)
    sampler.look()
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    due = time.monotonic() + EVERY_S
    while not select.select([sys.stdin], [], [], max(0.0, due - time.monotonic()))[0]:
        sampler.look()
        due = max(due + EVERY_S, time.monotonic())
    if sys.stdin.readline() != "end\n":
        return 1
    statements, unseen = database.costliest() if database else ((), ())
    said = (*notes, *sampler.notes, *unseen)
    server = Server(moments=tuple(sampler.moments), statements=statements, notes=said)
    sys.stdout.write(msgspec.json.encode(server).decode())
    return 0


def _line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
