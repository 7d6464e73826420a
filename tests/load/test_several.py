"""Whole runs by several generators: processes of this machine, and workers that join a master."""

from __future__ import annotations

import re
import subprocess
import time
from dataclasses import replace

import psutil
import pytest

from evidence.chart import Lines, decode
from evidence.model import Outcome
from load.config import Load, Request
from load.measurement import Vitals
from load.schedule import draw
from tests.load.conftest import UNSEEN, Command, Ran
from tests.load.server import Server
from tests.load.test_checks import measured, steady

LOAD = """
rate_per_s = 50
warmup_s = 1
duration_s = 3
requests = [{ name = "home", path = "/" }]
"""
UNSURE = """
rate_per_s = 50
warmup_s = 0
duration_s = 2
longest_s = 9
precise = 0.0001
requests = [{ name = "drawn", path = "/lognormal" }]
"""
CLOSED = """
model = "closed"
users = 3
think_s = [0.03, 0.05]
warmup_s = 1
duration_s = 3
rows = [{ item = "a" }]
requests = [{ name = "echo", path = "/echo/{item}-{n}" }]
"""
KEY = "a word that nobody guesses"


def generators(master: subprocess.Popen[str]) -> list[psutil.Process]:
    """The generators that a master has started, once all of them are there."""
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        found = [child for child in psutil.Process(master.pid).children() if "--worker" in child.cmdline()]
        if len(found) == 2:
            return found
        time.sleep(0.05)
    raise TimeoutError


def wait_for(server: Server, path: str, number: int) -> None:
    """Wait until so many requests have come."""
    deadline = time.monotonic() + 30
    while server.seen[path] < number and time.monotonic() < deadline:
        time.sleep(0.01)
    assert number <= server.seen[path]


def test_processes_send_together_what_one_would(command: Command) -> None:
    """What was drawn once is asked, each arrival once, and every request of every process is in the record."""
    with Server() as server:
        ran = command(server.url, LOAD, "--processes", "2")
    opened_s = ran.summary["window_s"][0]
    asked = [float(row["at_s"]) - opened_s for row in ran.rows if float(row["at_s"]) >= opened_s]
    plan = draw(Load(rate_per_s=50, warmup_s=1, duration_s=3, requests=(Request(name="home", path="/"),)))

    assert pytest.approx(list(plan.at_s[plan.first :]), abs=0.001) == asked
    assert {""} == {row["error"] for row in ran.rows}
    # One machine has one clock: asking it cannot take long.
    assert [(1, 75), (2, 75)] == [(one["number"], one["asked"]) for one in ran.summary["generators"]]
    assert max(one["clock_within_ms"] for one in ran.summary["generators"]) < 500
    # What was under way when the window closed was sent, and is not in it.
    assert len(ran.rows) <= server.seen["/"] <= len(ran.rows) + 50
    for name in ("processor", "generator"):
        drawn = decode((ran.run / "attachments" / "load" / f"{name}.chart.json").read_bytes(), name)
        assert isinstance(drawn, Lines)
        # Each has its own line, on the seconds that are judged: no longer for being two.
        assert {"generator 1", "generator 2"} <= {line.name for line in drawn.lines}
        assert all(opened_s <= at_s <= opened_s + 3 for line in drawn.lines for at_s, _ in line.points)
    expected = Outcome.ERRORED if ran.unfit else Outcome.PASSED
    assert {expected} == ran.outcomes, ran.output


def test_processes_that_cannot_keep_up_say_nothing_of_the_release(command: Command) -> None:
    """Each is judged by itself, and named."""
    saturating = LOAD.replace("50", "30000").replace("warmup_s = 1", "warmup_s = 0\ntimeout_s = 0.5")
    with Server() as server:
        ran = command(server.url, saturating, "--processes", "2")

    assert (1, {Outcome.ERRORED}) == (ran.code, ran.outcomes)
    assert re.search(r"generator saturated.*generator [12] of 2: ", ran.evidence["LOAD-001"].detail)


def test_one_saturated_generator_of_many_is_enough() -> None:
    """Its share of the late requests may be below one in a hundred: the others do not hide it."""
    good = measured(steady())
    bad = replace(good, vitals=Vitals(lag_ms=[1.0], cpu_ratio=[0.99]))
    together = replace(good, parts=[good, bad, good])

    assert "generator 2 of 3: it used 99% of a core (bound 90%)" in together.unfit()
    assert "" == replace(good, parts=[good, good]).unfit()


@pytest.mark.parametrize(
    ("requests", "message"),
    [
        (0, "a generator ended with -9 before it joined"),
        (10, r"generator [12] of 2 \(127\.0\.0\.1\) was lost .* s after the start: .*before the window could close"),
    ],
)
def test_a_generator_lost_too_early_leaves_nothing_to_say(command: Command, requests: int, message: str) -> None:
    """Half of the load is not the load that is declared: no verdict; it is said at once which was lost, and when."""
    with Server() as server:
        process = command.start(server.url, LOAD.replace("duration_s = 3", "duration_s = 60"), "--processes", "2")
        wait_for(server, "/", requests)
        generators(process)[1].kill()
        ran = command.ended(process)

    assert (1, {Outcome.ERRORED}) == (ran.code, ran.outcomes)
    assert re.search(message, ran.evidence["LOAD-001"].detail)


def test_a_generator_lost_when_enough_is_known_costs_only_the_rest(command: Command) -> None:
    """The window closes where it last might, with all that was asked until then known; the loss is said."""
    with Server() as server:
        process = command.start(server.url, UNSURE, "--processes", "2")
        wait_for(server, "/lognormal", 200)  # 4 s: it might have closed after 2, and might after 7
        generators(process)[0].kill()
        ran = command.ended(process)

    assert [0.0, 2.0] == ran.summary["window_s"]
    assert (100, {""}) == (len(ran.rows), {row["error"] for row in ran.rows})
    for one in (ran.evidence[check] for check in ran.evidence.keys() - UNSEEN):
        assert (Outcome.ERRORED if ran.unfit else Outcome.PASSED) is one.outcome
        assert re.search(r"generator [12] of 2 \S+ was lost [\d.]+ s after the start.*closed before that", one.detail)


def test_a_killed_master_leaves_no_generator(command: Command) -> None:
    """They end when it does, whatever ended it."""
    with Server() as server:
        process = command.start(server.url, LOAD.replace("duration_s = 3", "duration_s = 60"), "--processes", "2")
        wait_for(server, "/", 1)
        found = generators(process)
        process.kill()
        process.communicate(timeout=10)
        _, alive = psutil.wait_procs(found, timeout=10)

    assert [] == alive


def waiting(command: Command, url: str, *options: str, load: str = LOAD) -> tuple[subprocess.Popen[str], str]:
    """A master that waits for workers, and its port."""
    master = command.start(url, load, "--master", "--port", "0", *options, RELEASE_LOAD_KEY=KEY)
    assert master.stdout
    found = re.search(r"waiting for \d workers at .*:(\d+)", master.stdout.readline())
    assert found
    return master, found[1]


def test_workers_join_a_master_by_one_key(command: Command) -> None:
    """Who has another key gets nothing and changes nothing; the workers send what is declared."""
    with Server() as server:
        master, port = waiting(command, server.url, "--bind", "127.0.0.1", "--workers", "2")
        join = ("--worker", "127.0.0.1", "--port", port)
        stranger = command.process("", *join, RELEASE_LOAD_KEY="another word of length")
        told, _ = stranger.communicate(timeout=30)
        workers = [command.process("", *join, RELEASE_LOAD_KEY=KEY) for _ in range(2)]
        ran = command.ended(master)
        codes = [worker.wait(10) for worker in workers]

    assert (1, [0, 0]) == (stranger.returncode, codes)
    assert "has another RELEASE_LOAD_KEY" in told
    assert "no worker of ours" in ran.output
    assert {"home"} == {row["name"] for row in ran.rows}
    assert [1, 150] == [
        *{one.cases for one in ran.evidence.values()},
        ran.evidence["LOAD-002"].measured["samples_total"],
    ]


def test_workers_of_a_master_share_the_users_of_a_closed_model(command: Command) -> None:
    """Each of the users asks by itself, whichever worker it is with, and the master knows of every request."""
    with Server() as server:
        options = ("--bind", "127.0.0.1", "--workers", "2")
        master, port = waiting(command, server.url, *options, load=CLOSED)
        join = ("--worker", "127.0.0.1", "--port", port)
        workers = [command.process("", *join, RELEASE_LOAD_KEY=KEY) for _ in range(2)]
        ran = command.ended(master)
        codes = [worker.wait(10) for worker in workers]
    asked = {path for path, _, _ in server.kept}

    assert [0, 0] == codes
    assert (len(server.kept), True) == (len(asked), len(ran.rows) <= len(asked) <= len(ran.rows) + 50)
    assert {""} == {row["error"] for row in ran.rows}
    first, second = sorted(one["asked"] for one in ran.summary["generators"])
    assert 1.5 < second / first < 2.5
    assert_closed(ran)


SCALING = """
[load.instances]
command = ["echo", "1"]
rate_per_s = 100
rises_within_s = 2
"""


def test_a_ramp_is_sent_by_the_master_itself(command: Command) -> None:
    """After the load that its worker sent, which has left by then: nobody is waited for again."""
    with Server() as server:
        master, port = waiting(command, server.url, "--bind", "127.0.0.1", load=f"{LOAD}{SCALING}")
        worker = command.process("", "--worker", "127.0.0.1", "--port", port, RELEASE_LOAD_KEY=KEY)
        ran = command.ended(master)
        worker.wait(10)
    scaling = ran.evidence["LOAD-008"].detail

    assert "waiting for" not in ran.output
    # On a busy machine the generator is late, and says so.
    assert re.search(r"still 1 instances 2 s after the load began to rise to 100|\d+ ms late", scaling)
    # Of the load itself, and of the ramp after it.
    assert server.seen["/"] >= len(ran.rows) + 150


@pytest.mark.parametrize(
    ("options", "key", "message"),
    [
        (["--master"], "", "RELEASE_LOAD_KEY is not set"),
        (["--worker", "127.0.0.1"], "short", "RELEASE_LOAD_KEY has 5 characters"),
        (["--worker"], KEY, "--worker needs the HOST of its master"),
        (["--processes", "0"], KEY, "argument --processes: invalid"),
        (["--master", "--bind", "203.0.113.1"], KEY, "--bind 203.0.113.1 --port 5557: nobody can join there"),
        (["--processes", "5"], KEY, "max_in_flight is 4, less than the 5 generators"),
        (["--master", "--workers", "5"], KEY, "max_in_flight is 4, less than the 5 generators"),
    ],
)
def test_a_wrong_command_line_is_named(command: Command, options: list[str], key: str, message: str) -> None:
    """What is missing or wrong is said, with exit code 2, before anything is sent."""
    with Server() as server:
        process = command.start(server.url, f"max_in_flight = 4\n{LOAD}", *options, RELEASE_LOAD_KEY=key)
        output, _ = process.communicate(timeout=60)

    assert (2, 0) == (process.returncode, server.seen.total())
    assert message in output


def test_the_users_of_a_closed_model_are_shared_out(command: Command) -> None:
    """Each asks by itself, whichever process it is in: no request is lost, and no number is given twice."""
    with Server() as server:
        ran = command(server.url, CLOSED, "--processes", "2")
    asked = {path for path, _, _ in server.kept}

    assert len(server.kept) == len(asked)
    # What was under way when the window closed was sent, and is not in it.
    assert len(ran.rows) <= len(asked) <= len(ran.rows) + 50
    assert {""} == {row["error"] for row in ran.rows}
    # One of three users is the second's: it cannot ask as often.
    first, second = (one["asked"] for one in ran.summary["generators"])
    assert 1.5 < first / second < 2.5
    assert "closed model: 3 users" in ran.evidence["LOAD-001"].detail
    starts = [float(row["at_s"]) for row in ran.rows]
    assert sorted(starts) == starts
    assert starts[0] >= 0
    assert_closed(ran)


def assert_closed(ran: Ran) -> None:
    """Whatever could be seen was; no rate was asked that could be reached."""
    assert Outcome.SKIPPED is ran.evidence["LOAD-003"].outcome
    others = {one.outcome for check, one in ran.evidence.items() if check not in {*UNSEEN, "LOAD-003"}}
    assert {Outcome.ERRORED if ran.unfit else Outcome.PASSED} == others, ran.output


def test_a_generator_of_a_closed_model_takes_its_last_requests_along(command: Command) -> None:
    """No plan says what its users asked: where one is lost nothing is verified, however late that is."""
    with Server() as server:
        process = command.start(server.url, CLOSED.replace("duration_s = 3", "duration_s = 60"), "--processes", "2")
        generators(process)
        while len(server.kept) < 10:
            time.sleep(0.01)
        generators(process)[1].kill()
        ran = command.ended(process)

    assert (1, {Outcome.ERRORED}) == (ran.code, ran.outcomes)
    assert "what its users asked last is not known" in ran.evidence["LOAD-001"].detail


@pytest.mark.parametrize(
    ("load", "message"),
    [
        (CLOSED.replace("users = 3", "users = 1"), "users is 1, less than the 2 generators"),
        ('model = "closed"\nusers = 2\nlocustfile = "release.toml"\n', "locustfile is run by one process"),
    ],
)
def test_what_cannot_be_shared_out_is_refused(command: Command, load: str, message: str) -> None:
    """It is said before any other process is started."""
    with Server() as server:
        ran = command(server.url, load, "--processes", "2")

    assert (2, 0) == (ran.code, server.seen.total())
    assert message in ran.output
