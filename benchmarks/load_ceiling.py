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

from load import engine
from load.config import Load, Request
from load.generator import Watch
from load.recorder import Answer, Recorder
from load.schedule import draw
from load.steering import Decision

HOME = (Request(name="home", path="/"),)
USERS, FLAT_S, FIT_S = 20, 4.0, 3.0
FIRST_PER_S, STEP = 200.0, 1.15
"""From which rate on it is tried, and by how much more each time, until the generator says that it was late: twice, as
once may be the machine."""


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
    """Return the highest rate of scheduled arrivals that was tried, and that left the generator fit."""
    rate = highest = FIRST_PER_S
    while any(_is_fit(url, rate) for _ in range(2)):
        highest, rate = rate, rate * STEP
    return highest if rate > FIRST_PER_S else 0.0


def _is_fit(url: str, rate: float) -> bool:
    run = engine.run(url, Load(rate_per_s=rate, warmup_s=1, longest_warmup_s=1, duration_s=FIT_S, requests=HOME))
    return not run.unfit()


def flat(url: str, *, recorded: bool) -> float:
    """Return how many requests users get answered who ask again at once, for a second of our own processor.

    By the processor's time and not the clock's: on a busy machine the clock tells of others.
    """
    load = Load(model="closed", users=USERS, warmup_s=0, duration_s=FLAT_S, requests=HOME)
    recorder = (Recorder if recorded else Unrecorded)(draw(load), ["home"])
    if not recorded:
        recorder.learn(0.0, 0)
    before_s = time.process_time()
    engine.send(url, load, recorder, Decision(load, [recorder]), Watch())
    return recorder.finished / (time.process_time() - before_s)


if __name__ == "__main__":
    what, where, *how = sys.argv[1:]
    sys.stdout.write(f"{fit(where) if what == 'fit' else flat(where, recorded=how == ['yes']):.1f}\n")
