"""Users with data and sessions, users that ask by themselves, and those of a locustfile of the team."""

from __future__ import annotations

import json
import re

import pytest

from evidence.model import Outcome
from tests.load.conftest import Command
from tests.load.server import RESETS, SLOW_S, Server

DATA = """
rate_per_s = 20
warmup_s = 0
duration_s = 2
max_in_flight = 4
data = "items.csv"
headers = { Authorization = "Bearer {token}" }
login = { path = "/login", json = { email = "{email}" }, data = "people.csv", token = "token" }
[[load.requests]]
name = "item"
path = "/echo/{item}"
method = "POST"
json = { name = "{item}", count = "{count:json}", key = "k-{n}" }
"""
CLOSED = """
model = "closed"
users = 5
think_s = [0.05, 0.15]
warmup_s = 0
duration_s = 4
requests = [
    { name = "home", path = "/", weight = 3 },
    { name = "frozen", path = "/freezing" },
]
"""
THEIRS = """
model = "closed"
users = 3
warmup_s = 0
duration_s = 3
locustfile = "their_users.py"
"""
LOCUSTFILE = """
from locust import FastHttpUser, HttpUser, constant, events, task

@events.test_start.add_listener
def started(environment, **_):
    print("their own start at", environment.host)

class Reader(FastHttpUser):
    wait_time = constant(0.05)
    weight = 2
    @task
    def read(self):
        self.client.get("/mixed", name="mixed")

class Writer(HttpUser):
    wait_time = constant(0.1)
    @task
    def write(self):
        self.client.post("/limited", json={"secret": "hunter2"}, name="limited")
"""


def beside(command: Command, name: str, text: str) -> None:
    """Put a file beside release.toml."""
    command.release_file.with_name(name).write_text(text)


def test_rows_and_sessions_are_filled_in(command: Command) -> None:
    """Each user signs in once as a person of its own; each request has the next row, escaped, typed, and its number."""
    beside(command, "items.csv", "item,count\na b/c?,1\nü,2\n")
    beside(command, "people.csv", "email\n" + "".join(f"p{number}@shop.example\n" for number in range(4)))
    with Server() as server:
        ran = command(server.url, DATA)
    logins = [json.loads(body)["email"] for path, _, body in server.kept if path == "/login"]
    asked = [(path, head, json.loads(body)) for path, head, body in server.kept if path != "/login"]

    assert [f"p{number}@shop.example" for number in range(4)] == sorted(logins)
    assert {"/echo/a%20b%2Fc%3F": {"a b/c?"}, "/echo/%C3%BC": {"ü"}} == {
        path: {body["name"] for other, _, body in asked if other == path} for path, _, _ in asked
    }
    assert [*range(40)] == sorted(int(body["key"].removeprefix("k-")) for _, _, body in asked)
    assert {1, 2} == {body["count"] for _, _, body in asked}
    for _, head, _ in asked:
        token, cookie = re.search(r"Bearer t-(\d+)", head), re.search(r"(?i)cookie: session=s-(\d+)", head)
        assert token
        assert cookie
        assert token[1] == cookie[1]
    assert {"item"} == {row["name"] for row in ran.rows}
    assert {""} == {row["error"] for row in ran.rows}


def test_a_user_who_cannot_sign_in_is_no_verdict(command: Command) -> None:
    """Nothing was asked: nothing is said of the release."""
    beside(command, "items.csv", "item,count\n1,1\n")
    beside(command, "people.csv", "email\na\n")
    with Server() as server:
        ran = command(server.url, DATA.replace('path = "/login"', 'path = "/refused"'))

    assert (1, {Outcome.ERRORED}) == (ran.code, ran.outcomes)
    assert re.search(r"user \d could not sign in: 401 instead of 200", ran.evidence["LOAD-001"].detail)
    assert {"/refused"} == set(server.seen)


def test_users_of_a_closed_model_do_not_wait_for_each_other(command: Command) -> None:
    """There are as many connections as users, whatever bounds those of an open model."""
    with Server() as server:
        ran = command(
            server.url, f"max_in_flight = 1\n{CLOSED}".replace("/freezing", "/slow").replace('"/"', '"/slow"')
        )

    assert SLOW_S * 1000 <= ran.evidence["LOAD-001"].measured["p50_ms"] < 2 * SLOW_S * 1000


def test_a_closed_model_says_what_it_hides(command: Command) -> None:
    """Users that wait for a frozen release do not ask: hardly a request is slow, and the evidence says so."""
    with Server() as server:
        ran = command(server.url, CLOSED)
    latency = ran.evidence["LOAD-001"]
    slow = [row["name"] for row in ran.rows if row["error"] == "" and float(row["latency_ms"]) > 300]

    assert "closed model: 5 users" in ran.summary["model"]
    assert "coordinated omission is not avoided" in latency.detail
    # Each user waits once, and asks nothing meanwhile. Where others are slow too it is this machine that stalls.
    assert "frozen" in slow
    assert len(slow) <= 5 or "home" in slow
    assert {"home", "frozen"} == {row["name"] for row in ran.rows}
    assert 0.9 < sum(server.seen.values()) / len(ran.rows) < 1.1
    starts = [float(row["at_s"]) for row in ran.rows]
    assert sorted(starts) == starts
    # They start spread out, not in step.
    assert max(starts[:5]) - min(starts[:5]) > 0.1


def test_a_team_s_own_locustfile_is_recorded_as_it_is(command: Command) -> None:
    """Every request that its users report, of Locust's clients both, by its own name; what failed, without its text."""
    beside(command, "their_users.py", LOCUSTFILE)
    with Server() as server:
        ran = command(server.url, THEIRS)
    counted = {name: [row for row in ran.rows if row["name"] == name] for name in ("mixed", "limited")}

    assert f"their own start at {server.url}" in ran.output
    for name, rows in counted.items():
        assert 0 <= server.seen[f"/{name}"] - len(rows) <= 3
    assert {("200", "")} == {(row["status"], row["error"]) for row in counted["mixed"]}
    assert {("429", "429")} == {(row["status"], row["error"]) for row in counted["limited"]}
    assert ran.summary["requests"]["limited"]["limited"] == len(counted["limited"])
    assert "3 users of their_users.py, run by Locust as they are" in ran.evidence["LOAD-001"].detail
    assert "hunter2" not in f"{ran.output}{ran.evidence}"


def test_a_locustfile_with_a_shape_of_its_own_is_refused(command: Command) -> None:
    """How many users there are is said in one place."""
    shape = "from locust import LoadTestShape\nclass Waves(LoadTestShape):\n    def tick(self):\n        return None\n"
    beside(command, "their_users.py", LOCUSTFILE + shape)
    with Server() as server:
        ran = command(server.url, THEIRS)

    assert {Outcome.ERRORED} == ran.outcomes
    assert "has a LoadTestShape, and how many users there are is what [load] users says" in ran.output


def test_a_user_that_does_not_end_its_task_is_no_verdict(command: Command) -> None:
    """What it asked is not known: nothing passes on what the others did."""
    endless = LOCUSTFILE.replace('self.client.get("/mixed", name="mixed")', "__import__('time').sleep(60)")
    beside(command, "their_users.py", endless)
    with Server() as server:
        ran = command(server.url, f"timeout_s = 0.5\n{THEIRS}")

    assert {Outcome.ERRORED, Outcome.SKIPPED} == ran.outcomes
    assert (
        "2 users of their_users.py had not ended their task 0.5 s after the window" in ran.evidence["LOAD-001"].detail
    )


def test_no_user_of_theirs_repeats_a_request_silently(command: Command) -> None:
    """Every reset that the server made is in the record, of both of Locust's clients; their file is as it was."""
    resetting = LOCUSTFILE.replace('self.client.get("/mixed", name="mixed")', 'self.client.get("/reset")')
    only_fast = resetting.replace("weight = 2", "fixed_count = 3")
    beside(command, "their_users.py", only_fast)
    with Server() as server:
        ran = command(server.url, THEIRS)
    rows = [row for row in ran.rows if row["name"] == "/reset"]

    assert RESETS == sum(bool(row["error"]) for row in rows)
    assert {("0", "HTTPConnectionClosed")} == {(row["status"], row["error"]) for row in rows if row["error"]}
    assert 0 <= server.seen["/reset"] - len(rows) <= 3


@pytest.mark.parametrize("client", ["FastHttpUser", "HttpUser"])
def test_connections_that_their_users_may_not_open_are_ours(command: Command, client: str) -> None:
    """However deep their client has wrapped it."""
    users = f"class Many({client}):\n    @task\n    def ask(self):\n        self.client.get('/slow')\n"
    beside(command, "their_users.py", f"from locust import {client}, task\n{users}")
    command.within = ("sh", "-c", 'ulimit -n 40; exec "$@"', "sh")
    with Server() as server:
        ran = command(server.url, THEIRS.replace("users = 3", "users = 60"))

    assert {"EMFILE"} <= {row["error"] for row in ran.rows}, ran.output
    assert {Outcome.ERRORED, Outcome.SKIPPED} == ran.outcomes
    assert "this process may open no more connections" in ran.evidence["LOAD-002"].detail


def test_a_locustfile_that_holds_everybody_up_is_no_verdict(command: Command) -> None:
    """A library that Locust cannot wait beside stops its event loop: what is read late then looks slow."""
    held = LOCUSTFILE.replace(
        'self.client.get("/mixed", name="mixed")', "__import__('ctypes').CDLL(None).usleep(300_000)"
    )
    beside(command, "their_users.py", held)
    with Server() as server:
        ran = command(server.url, THEIRS)

    assert re.search(r"its event loop was \d{3,} ms late", ran.evidence["LOAD-002"].detail)
    assert {Outcome.ERRORED, Outcome.SKIPPED} == ran.outcomes
