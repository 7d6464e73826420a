"""One run of the load stage's engine, or of Locust as it comes, for load_peers: one line of JSON at the end.

`python -m benchmarks.load_peers_ours engine|locust URL SECONDS RATE`; a rate of 0 is as fast as it can.
"""

from __future__ import annotations

import json
import sys
import time
from urllib.parse import urlsplit

# Before anything else of ours: importing Locust patches sockets and ssl for everything after it.
from locust import FastHttpUser, constant, constant_throughput, task
from locust.env import Environment

from load import engine
from load.config import Load, Request
from load.quantile import nearest_rank, ordered

NEARLY_PER_S, CONNECTIONS, USERS = 1_000, 20, 30
"""What the engine, whose arrivals are scheduled, is asked for at full speed; Locust's users then, and at a rate."""


def of_engine(url: str, seconds: int, rate: int) -> tuple[float, int, bool]:
    """Measure as the load stage does; return its p95 in ms, its requests, and whether it was late itself."""
    address = urlsplit(url)
    requests = (Request(name="one", path=address.path or "/"),)
    load = Load(rate_per_s=rate or NEARLY_PER_S, warmup_s=0, duration_s=seconds, requests=requests)
    run = engine.run(f"{address.scheme}://{address.netloc}", load)
    return nearest_rank(ordered([sample.latency_ms for sample in run.good]), 0.95), len(run.sent), bool(run.unfit())


def of_locust(url: str, seconds: int, rate: int) -> tuple[float, int, bool]:
    """Let Locust's own statistics say it."""
    import gevent  # type: ignore[import-untyped]  # noqa: PLC0415 - after Locust

    class Plain(FastHttpUser):
        host = url
        wait_time = constant_throughput(rate / USERS) if rate else constant(0)

        @task
        def get(self) -> None:
            self.client.get("")

    environment = Environment(user_classes=[Plain], stop_timeout=2)
    runner = environment.create_local_runner()
    runner.spawn_users({"Plain": USERS if rate else CONNECTIONS})
    gevent.sleep(seconds)
    runner.quit()
    total = environment.stats.total
    return float(total.get_response_time_percentile(0.95)), total.num_requests, False


if __name__ == "__main__":
    which, url, seconds, rate = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
    before = time.process_time()
    p95_ms, sent, unfit = {"engine": of_engine, "locust": of_locust}[which](url, seconds, rate)
    cpu_s = time.process_time() - before
    sys.stdout.write(json.dumps({"p95_ms": p95_ms, "requests": sent, "cpu_s": cpu_s, "unfit": unfit}) + "\n")
