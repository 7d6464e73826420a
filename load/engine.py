"""Send the load: one greenlet hands arrivals over at their time, Locust's users send them, the recorder keeps them.

An open model: arrivals come whether or not the release keeps up. One that finds all users busy waits, and its latency
counts from when it was to start; one that waits longer than a request may take is dropped, and counted. In a closed one
the plan is empty, and the users ask by themselves.
"""

from __future__ import annotations

import logging
import math
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import gevent  # type: ignore[import-untyped]
import gevent.queue  # type: ignore[import-untyped]
import gevent.socket  # type: ignore[import-untyped]
import msgspec

from load.config import Load, Request
from load.generator import Watch
from load.measurement import Measurement, Unreachable
from load.recorder import Recorder
from load.schedule import draw
from load.steering import Decision, Steering
from load.team import Team
from load.users import READY_WITHIN_S, Crowd, Unready

REACHED_WITHIN_S = 5.0
PROGRESS_EVERY_S = 2.0
SLACK_S = 20.0
"""Named waits: for the first connection, between progress lines, and beyond the run's own length before it is given up
as hung."""

# What goes wrong in a user is told once, in the evidence, and not as a traceback.
logging.getLogger("locust").addHandler(logging.NullHandler())


def run(url: str, load: Load) -> Measurement:
    """Send the declared load to the target; Unreachable where there is none."""
    reach(url)
    ends_within_s = most_s(load) + (READY_WITHIN_S if load.login else 0)
    hung = Unreachable(f"the load did not end within {ends_within_s:.0f} s and was given up")
    recorder, watch = Recorder(draw(load), [request.name for request in load.requests]), Watch()
    decision = Decision(load, [recorder])
    with gevent.Timeout(ends_within_s, hung), telling(load, [recorder]):
        closed_s = send(url, load, recorder, decision, watch)
    if load.locustfile:  # only now it is known what it asks
        asked = tuple(Request(name=name, path="/") for name in recorder.names)
        load = msgspec.structs.replace(load, requests=asked, locustfile="")
    samples = sorted(recorder.samples(closed_s), key=lambda sample: sample.at_s)
    span = decision.span(recorder.opens_s, closed_s)
    return Measurement(load, span, samples, watch.vitals(), recorder.began_s)


def most_s(load: Load) -> float:
    """Return how long a run may take before it is given up as hung; signing in comes on top."""
    return load.rest_s + load.most_warmup_s + load.most_s + load.timeout_s + SLACK_S


def send(url: str, load: Load, recorder: Recorder, steering: Steering, watch: Watch) -> float:
    """Send the recorder's plan, as the steering says; return when the window closed."""
    numbers = gevent.queue.Queue()
    crowd = (Team if load.locustfile else Crowd)(url, load, recorder, numbers)
    try:
        runner = crowd.prepare(watch)
        gevent.sleep(0)  # every user is waiting before the clock starts
        crowd.wait()
    except Unready as error:
        raise Unreachable(str(error)) from None
    recorder.begin(steering.starts())
    gevent.sleep(max(0.0, -recorder.now_s()))  # the release rests, and users who ask by themselves wait for it, too
    crowd.begin(runner)
    watching = None
    try:
        _warm_up(recorder, numbers, load, steering)
        watching = gevent.spawn(watch.run, recorder.now_s)
        closed_s = _measure(recorder, numbers, load, steering)
        crowd.stopped = True
        crowd.drain(runner, watch, max(0.0, closed_s + load.timeout_s - recorder.now_s()))
        if len(recorder.at_s) >= recorder.plan.most and load.model == "closed":
            watch.accidents.append(f"its users asked {recorder.plan.most} times, and no more is kept")
    finally:
        gevent.killall(list(filter(None, [watching])))
        crowd.end(runner)
    return closed_s


def _warm_up(recorder: Recorder, numbers: Any, load: Load, steering: Steering) -> None:  # noqa: ANN401 - gevent is untyped
    """Send until the steering says that warm-up is over, and open the window."""
    opens_s, number = 0.0, 0
    for look_s in recorder.plan.looks_s:
        number = _hand_over(recorder, numbers, range(number, recorder.plan.first), look_s, load)
        answer, opens_s = gevent.spawn(steering.opens, look_s), look_s + steering.notice_s
        number = _hand_over(recorder, numbers, range(number, recorder.plan.first), opens_s, load)
        if answer.get():
            break
    recorder.open(opens_s)


def _measure(recorder: Recorder, numbers: Any, load: Load, steering: Steering) -> float:  # noqa: ANN401 - gevent is untyped
    """Send until the window closes; return when that was."""
    closes_s, number = 0.0, recorder.plan.first
    for closing in recorder.plan.closings_s:
        closes_s = recorder.opens_s + closing
        number = _hand_over(recorder, numbers, range(number, len(recorder.plan.at_s)), closes_s, load)
        answer = gevent.spawn(steering.closes, closes_s)
        number = _hand_over(
            recorder, numbers, range(number, len(recorder.plan.at_s)), closes_s + steering.notice_s, load
        )
        if answer.get():
            break
    return closes_s


def _hand_over(recorder: Recorder, numbers: Any, these: range, until_s: float, load: Load) -> int:  # noqa: ANN401
    """Hand over, at their time, the arrivals that start before `until_s`; return the first that does not, then."""
    next_one = these.start
    for next_one in these:
        if recorder.at_s[next_one] >= until_s:
            break
        gevent.sleep(max(0.0, recorder.at_s[next_one] - recorder.now_s()))  # late or not, the users get their turn
        recorder.hand_over(next_one, free=recorder.in_flight < load.max_in_flight)
        numbers.put(next_one)
    else:
        next_one = these.stop
    gevent.sleep(max(0.0, until_s - recorder.now_s()))
    return next_one


@contextmanager
def telling(load: Load, recorders: Sequence[Recorder]) -> Iterator[None]:
    """Say beside the run how far it is."""
    greenlet = gevent.spawn(_tell, load, recorders)
    try:
        yield
    finally:
        gevent.kill(greenlet)


def _tell(load: Load, recorders: Sequence[Recorder]) -> None:
    one = recorders[0]
    while True:
        gevent.sleep(PROGRESS_EVERY_S)
        opened = math.isfinite(one.opens_s)
        doing = f"window since {one.opens_s:.1f} s" if opened else "warm-up"
        shortest = (one.opens_s if opened else load.warmup_s) + (load.most_s if load.stages else load.duration_s)
        arrivals, in_flight, errors = (
            sum(getattr(recorder, name) for recorder in recorders) for name in ("handed_over", "in_flight", "errors")
        )
        sys.stderr.write(
            f"load {one.now_s():6.1f} of {shortest:.1f} s or more, {doing}: {arrivals} arrivals, "
            f"{in_flight} in flight, {errors} errors, recent p95 {one.recent_p95_ms():.1f} ms\n"
        )
        sys.stderr.flush()


def reach(url: str) -> None:
    """Connect once; Unreachable where nobody answers."""
    address = urlsplit(url)
    try:
        port = address.port or (443 if address.scheme == "https" else 80)
        gevent.socket.create_connection((address.hostname, port), REACHED_WITHIN_S).close()
    except (OSError, ValueError) as error:
        where = f"{address.scheme}://{address.netloc.rpartition('@')[2]}"
        reason = (isinstance(error, OSError) and error.strerror) or error
        msg = f"the target {where} does not answer: {reason}"
        raise Unreachable(msg) from None
