"""The most that the load stage's own engine can send, and what recording every request takes of it.

`python -m benchmarks.load_ceiling fit URL` tells the highest rate of scheduled arrivals at which the generator was fit.
`python -m benchmarks.load_ceiling flat URL yes|no` tells the requests of users that never pause, for a second of our
own processor, recorded or not. Each prints one number, for load_peers.
"""

from __future__ import annotations

import sys
import time

# Before anything else of ours: importing Locust patches sockets and ssl for everything after it.
import locust  # noqa: F401

from benchmarks.load_search import highest
from load import engine
from load.config import Load, Request
from load.generator import Watch
from load.recorder import Answer, Recorder
from load.schedule import draw
from load.steering import Decision

HOME = (Request(name="home", path="/"),)
USERS, FLAT_S, FIT_S, FIRST_PER_S = 20, 4.0, 3.0, 500.0
LEFT_AFTER_S = 1.0
"""What a rate that is too high leaves behind is not waited for: whether we were late is known by then."""


class Unrecorded(Recorder):
    """Counts what was answered and keeps nothing: what is left is Locust's and the users' own."""

    def arrive(self, kind: int, since_s: float = 0.0) -> int:  # noqa: ARG002 - as Recorder
        """Everybody's number is 0."""
        self.handed_over += 1
        return 0

    def send(self, number: int) -> None:
        """Keep nothing."""

    def answer(self, number: int, answer: Answer) -> None:  # noqa: ARG002 - as Recorder
        """Count."""
        self.finished += 1


def fit(url: str) -> float:
    """Return the highest rate of scheduled arrivals, within a tenth, that left the generator fit."""
    return highest(lambda rate: not engine.run(url, _at(rate)).unfit(), FIRST_PER_S)


def _at(rate: float) -> Load:
    return Load(
        rate_per_s=rate,
        rest_s=0,
        warmup_s=0.5,
        longest_warmup_s=0.5,
        duration_s=FIT_S,
        timeout_s=LEFT_AFTER_S,
        requests=HOME,
    )


def flat(url: str, *, recorded: bool) -> float:
    """Return how many requests users get answered who ask again at once, for a second of our own processor.

    By the processor's time and not the clock's: on a busy machine the clock tells of others.
    """
    load = Load(model="closed", users=USERS, rest_s=0, warmup_s=0, duration_s=FLAT_S, requests=HOME)
    recorder = (Recorder if recorded else Unrecorded)(draw(load), ["home"])
    if not recorded:
        recorder.learn(0.0, 0)
    before_s = time.process_time()
    engine.send(url, load, recorder, Decision(load, [recorder]), Watch())
    return recorder.finished / (time.process_time() - before_s)


if __name__ == "__main__":
    what, where, *how = sys.argv[1:]
    sys.stdout.write(f"{fit(where) if what == 'fit' else flat(where, recorded=how == ['yes']):.1f}\n")
