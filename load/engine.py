"""Send the load: one greenlet hands arrivals over at their time, Locust's users send them, the recorder keeps them.

An open model: arrivals come whether or not the release keeps up. One that finds all users busy waits, and its latency
counts from when it was to start; one that waits longer than a request may take is dropped, and counted.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import gevent  # type: ignore[import-untyped]
import gevent.queue  # type: ignore[import-untyped]
import gevent.socket  # type: ignore[import-untyped]
from locust import FastHttpUser, constant, task
from locust.env import Environment

from load.client import connections
from load.config import Load, Request
from load.generator import Watch
from load.measurement import Measurement, Vitals
from load.quantile import is_precise
from load.recorder import Answer, Recorder
from load.schedule import closings, draw

AGENT = "release-verification"
REACHED_WITHIN_S = 5.0
PROGRESS_EVERY_S = 2.0
DRAIN_EVERY_S = 0.02
SLACK_S = 20.0
"""Named waits: for the first connection, between progress lines, between looks at what is in flight, and beyond the
run's own length before it is given up as hung."""
PRECISE = 0.5
"""How wide the confidence interval of the p95 may be, as a share of it, for the window to close before its longest."""

# What goes wrong in a user is told once, in the evidence, and not as a traceback.
logging.getLogger("locust").addHandler(logging.NullHandler())


class Unreachable(Exception):
    """The target does not answer, or the run hangs: nothing can be said."""


def run(url: str, load: Load) -> Measurement:
    """Send the declared load to the target; Unreachable where there is none."""
    _reach(url)
    ends_within_s = load.warmup_s + load.most_s + load.timeout_s + SLACK_S
    hung = Unreachable(f"the load did not end within {ends_within_s:.0f} s and was given up")
    with gevent.Timeout(ends_within_s, hung):
        return _measure(url, load)


def _measure(url: str, load: Load) -> Measurement:
    recorder, watch, accidents = Recorder(draw(load)), Watch(), list[str]()
    numbers = gevent.queue.Queue()
    environment = Environment(user_classes=[_user(url, load, recorder, numbers)])
    # The type only: the text may quote the request and its secrets.
    environment.events.user_error.add_listener(  # type: ignore[no-untyped-call]
        lambda exception, **_: accidents.append(f"an error of its own, {type(exception).__name__}")
    )
    runner = environment.create_local_runner()
    runner.spawn_users({"Visitor": load.max_in_flight})
    gevent.sleep(0)  # every user is waiting before the clock starts
    recorder.begin()
    try:
        with _beside(load, recorder, watch):
            lasted = load.lasting(_hand_over(recorder, numbers, load) - load.warmup_s)
            _drain(recorder, lasted)
        return Measurement(lasted, recorder.samples(lasted.ends_s), Vitals(watch.lag_ms, watch.cpu_ratio, accidents))
    finally:
        runner.quit()


def _user(url: str, load: Load, recorder: Recorder, numbers: Any) -> type[FastHttpUser]:  # noqa: ANN401 - gevent is untyped
    class Visitor(FastHttpUser):
        host = url
        wait_time = constant(0)
        client_pool = connections(url, load)

        def on_start(self) -> None:
            """Leave statuses and redirects to the recorder."""
            agent: Any = self.client.client
            agent.valid_response_codes, agent.redirect_response_codes = frozenset(range(100, 600)), frozenset()

        @task
        def visit(self) -> None:
            number = numbers.get()
            arrival = recorder.arrivals[number]
            if recorder.now_s() - arrival.at_s > load.timeout_s:
                recorder.drop()
                return
            recorder.send(number)
            recorder.answer(number, _send(self, arrival.request))

    return Visitor


def _send(user: FastHttpUser, request: Request) -> Answer:
    headers = {"User-Agent": AGENT, **request.headers}
    # `catch_response` leaves the verdict to us, and with it Locust's rounded statistics empty.
    response = user.client.request(
        request.method, request.path, headers=headers, json=request.json, catch_response=True
    )
    service_ms, size = response.request_meta["response_time"], response.request_meta["response_length"]
    if exception := response.request_meta["exception"]:
        return Answer(service_ms, 0, size, type(exception).__name__)
    unexpected = response.status_code != request.expect
    error = f"{response.status_code} instead of {request.expect}" if unexpected else ""
    return Answer(service_ms, response.status_code, size, error)


def _hand_over(recorder: Recorder, numbers: Any, load: Load) -> float:  # noqa: ANN401 - gevent is untyped
    """Hand arrivals over until the window closes; return when that was."""
    later = closings(load)
    closes_s = later.pop(0)
    for number, arrival in enumerate(recorder.arrivals):
        if arrival.at_s >= closes_s:
            if is_precise(recorder.good_latencies_ms(load.warmup_s), 0.95, PRECISE):
                break
            closes_s = later.pop(0)
        gevent.sleep(max(0.0, arrival.at_s - recorder.now_s()))  # late or not, the users get their turn
        recorder.hand_over(number, free=recorder.in_flight < load.max_in_flight)
        numbers.put(number)
    return closes_s


def _drain(recorder: Recorder, load: Load) -> None:
    """Wait for what is in flight, as long as a request may take; what is left is unanswered."""
    until_s = load.ends_s + load.timeout_s
    while recorder.in_flight and recorder.now_s() < until_s:
        gevent.sleep(DRAIN_EVERY_S)


@contextmanager
def _beside(load: Load, recorder: Recorder, watch: Watch) -> Iterator[None]:
    """Watch ourselves during the measuring window, and say how far we are."""
    greenlets = [gevent.spawn_later(load.warmup_s, watch.run), gevent.spawn(_tell, load, recorder)]
    try:
        yield
    finally:
        gevent.killall(greenlets)


def _tell(load: Load, recorder: Recorder) -> None:
    last_s = load.warmup_s + load.most_s
    at_most = f", at the most {last_s:.1f} s" if last_s > load.ends_s else ""
    while True:
        gevent.sleep(PROGRESS_EVERY_S)
        sys.stderr.write(
            f"load {recorder.now_s():6.1f} of {load.ends_s:.1f} s{at_most}: {recorder.handed_over} arrivals, "
            f"{recorder.in_flight} in flight, {recorder.errors} errors, recent p95 {recorder.recent_p95_ms():.1f} ms\n"
        )
        sys.stderr.flush()


def _reach(url: str) -> None:
    address = urlsplit(url)
    try:
        port = address.port or (443 if address.scheme == "https" else 80)
        gevent.socket.create_connection((address.hostname, port), REACHED_WITHIN_S).close()
    except (OSError, ValueError) as error:
        where = f"{address.scheme}://{address.netloc.rpartition('@')[2]}"
        reason = (isinstance(error, OSError) and error.strerror) or error
        msg = f"the target {where} does not answer: {reason}"
        raise Unreachable(msg) from None
