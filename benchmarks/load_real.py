"""The load stage's engine on a server whose latencies are known, and what recording costs: see load_calibration."""

from __future__ import annotations

import os
import time

# Before anything else of ours: importing Locust patches sockets and ssl for everything after it.
import locust  # noqa: F401

from benchmarks.load_server import server
from load import engine
from load.config import Load, Request
from load.quantile import TooFewSamples, effective_size, interval, nearest_rank, ordered
from load.recorder import Answer, Recorder
from load.schedule import draw
from tests.load.server import P95_MS, RARE_MS, SERVICE_MS

TRUTHS = {
    # What is drawn; the freeze takes one arrival in ten, evenly from all of it to none.
    "lognormal": (P95_MS, 15),
    "bimodal": (RARE_MS, 15),
    "stalling": (500 + SERVICE_MS, 20),
}
REPETITIONS = 3
EVENTS = 200_000


def real() -> str:
    """How far off the p95 is, on what kind of machine, and what a request's recording takes."""
    lines = ["| server | true p95 | measured | off by | interval | unfit |", "|---|---|---|---|---|---|"]
    for name, (truth_ms, seconds) in TRUTHS.items():
        for _ in range(REPETITIONS):
            with server() as url:
                lines.append(row(name, truth_ms, url, seconds))
    busy, cores = os.getloadavg()[0], os.cpu_count()
    where = f"150 requests a second for 15 or 20 s; {cores} cores, load average {busy:.1f} at the end."
    return "\n".join([where, "", *lines, "", cost(), ""])


def row(name: str, truth_ms: float, url: str, seconds: float) -> str:
    """Measure once."""
    requests = (Request(name=name, path=f"/{name}"),)
    run = engine.run(url, Load(rate_per_s=150, warmup_s=0, duration_s=seconds, requests=requests))
    latencies = [sample.latency_ms for sample in run.good]
    p95 = nearest_rank(ordered(latencies), 0.95)
    try:
        low, high = interval(ordered(latencies), 0.95, effective_size(latencies, 0.95))
        told = f"{low:.1f} to {high:.1f} ms"
    except TooFewSamples:
        told = "none: not independent"
    unfit = "yes" if run.unfit() else "no"
    return f"| {name} | {truth_ms:g} ms | {p95:.1f} ms | {p95 / truth_ms - 1:+.1%} | {told} | {unfit} |"


def cost() -> str:
    """What the recorder takes of a request, and of Locust's own ceiling on this machine."""
    load = Load(rate_per_s=EVENTS / 60, duration_s=60, warmup_s=0, requests=(Request(name="x", path="/"),))
    recorder, answer = Recorder(draw(load), ["x"]), Answer(1.0, 200, 2, "")
    recorder.begin()
    recorder.open(0.0)
    started = time.perf_counter()
    for number in range(EVENTS):
        recorder.hand_over(number, free=True)
        recorder.send(number)
        recorder.answer(number, answer)
    each_us = (time.perf_counter() - started) / EVENTS * 1e6
    whole_us = 1e6 / ceiling()
    share = f"{each_us / whole_us:.1%}"
    return f"Recording takes {each_us:.2f} us of Locust's own {whole_us:.0f} us a request at its ceiling: {share}."


def ceiling(users: int = 20, seconds: float = 4.0) -> float:
    """Requests a second of Locust's FastHttpUser, as it comes, without anything of ours."""
    import gevent  # type: ignore[import-untyped]  # noqa: PLC0415 - after Locust
    from locust import FastHttpUser, constant, task  # noqa: PLC0415
    from locust.env import Environment  # noqa: PLC0415

    with server() as url:

        class Plain(FastHttpUser):
            host = url
            wait_time = constant(0)

            @task
            def get(self) -> None:
                self.client.get("/")

        environment = Environment(user_classes=[Plain])
        runner = environment.create_local_runner()
        runner.spawn_users({"Plain": users})
        gevent.sleep(seconds)
        done = environment.stats.total.num_requests
        runner.quit()
    return done / seconds
