"""Whole runs against a server whose faults are known."""

from __future__ import annotations

import math
import signal
import time

import pytest

from evidence import run as runs
from evidence.model import Outcome
from load.checks import CHECKS
from tests.conftest import RELEASE
from tests.load.conftest import UNSEEN, Command, Ran
from tests.load.server import FAST_S, FREEZE_S, RESETS, SLOW_S, Server

FAULTS = """
rate_per_s = 150
warmup_s = 0.5
duration_s = 2
timeout_s = 1
headers = { Authorization = "Bearer ${SHOP_KEY}" }
requests = [
    { name = "mixed", path = "/mixed", weight = 5 },
    { name = "limited", path = "/limited" },
    { name = "reset", path = "/reset", weight = 2 },
    { name = "endless", path = "/endless", weight = 0.3 },
]
"""
FREEZING = """
rate_per_s = 100
warmup_s = 0
duration_s = 2
requests = [{ name = "freezing", path = "/freezing" }]
"""
TOO_SLOW = """
rate_per_s = 100
warmup_s = 0
duration_s = 2
timeout_s = 0.3
max_in_flight = 3
requests = [{ name = "slow", path = "/slow" }]
"""
TOO_QUICK = """
rate_per_s = 250
warmup_s = 0
duration_s = 2
timeout_s = 0.6
max_in_flight = 40
requests = [{ name = "queued", path = "/queued" }]
"""
TOO_MUCH = """
rate_per_s = 40000
warmup_s = 0
duration_s = 2
timeout_s = 0.2
max_in_flight = 50
requests = [{ name = "home", path = "/" }]
"""


@pytest.fixture(scope="module")
def faulty(tmp_path_factory: pytest.TempPathFactory) -> tuple[Ran, Server]:
    """One run against every fault, and the server's own account of it."""
    folder = tmp_path_factory.mktemp("a shop")
    (folder / "src").mkdir()
    (folder / "src" / "app.py").touch()
    (folder / "release.toml").write_text(RELEASE)
    with Server() as server:
        command = Command(folder / "release.toml", folder / "run")
        return command(server.url, FAULTS, SHOP_KEY="hunter2hunter2", RELEASE_SECRETS="SHOP_KEY"), server


def test_every_reset_is_seen(faulty: tuple[Ran, Server]) -> None:
    """Each request is sent once, also on connections that had served before: no repetition hides a reset."""
    ran, server = faulty
    broken = [row for row in ran.rows if row["name"] == "reset" and row["error"]]

    for name in ran.summary["requests"]:
        rows = [row for row in ran.rows if row["name"] == name]
        # On a busy machine one may find no user, or no connection, in time: it was never seen.
        certain = sum(row["status"] != "0" or row["error"] == "HTTPConnectionClosed" for row in rows)
        assert certain <= server.seen[f"/{name}"] <= len(rows)
    assert (RESETS, {("0", "HTTPConnectionClosed")}) == (len(broken), {(row["status"], row["error"]) for row in broken})
    assert server.reused > RESETS / 2


def test_percentiles_are_the_servers(faulty: tuple[Ran, Server]) -> None:
    """A server that is slow for one request in ten has that as its p95, and not as its median, exactly as recorded."""
    ran = faulty[0]
    mixed, start = ran.summary["requests"]["mixed"], ran.summary["window_s"][0]
    recorded = sorted(
        float(row["latency_ms"]) for row in ran.rows if row["name"] == "mixed" and float(row["at_s"]) >= start
    )

    # A busy machine makes everything slower than the server is, never quicker.
    assert FAST_S * 1000 < mixed["p50_ms"]
    assert SLOW_S * 1000 < mixed["p95_ms"]
    for share, measure in ((0.5, "p50_ms"), (0.95, "p95_ms")):
        assert recorded[math.ceil(share * len(recorded)) - 1] == pytest.approx(mixed[measure], abs=0.01)
    assert {} == mixed["errors"]


def test_errors_are_measured_beside_latency(faulty: tuple[Ran, Server]) -> None:
    """Latency is of the requests answered as declared; all else counts as an error, by name."""
    ran, _ = faulty
    window = [row for row in ran.rows if float(row["at_s"]) >= ran.summary["window_s"][0]]
    good = [row for row in window if not row["error"]]
    latency, errors = ran.evidence["LOAD-001"].measured, ran.evidence["LOAD-002"]

    assert (300, 300) == (len(window), errors.measured["samples_total"])
    assert len(good) == latency["samples_total"]
    assert 300 - len(good) == errors.measured["errors_total"]
    assert sum(row["status"] == "429" for row in window) == errors.measured["limited_total"]
    assert f"endless: {sum(row['error'] == 'unanswered' for row in window)} x unanswered" in errors.detail
    assert "429 instead of 200" in errors.detail


def test_a_run_leaves_evidence_and_no_secret(faulty: tuple[Ran, Server]) -> None:
    """The checks measured, which is all they do; progress was told; the key that was sent is in no file and no line."""
    ran, _ = faulty
    files = [path.read_bytes() for path in ran.run.rglob("*") if path.is_file() and path.suffix != ".gz"]

    outcomes = dict.fromkeys(ran.evidence, Outcome.ERRORED if ran.unfit else Outcome.PASSED)
    # Two kinds are never answered as declared.
    outcomes["LOAD-004"] = Outcome.ERRORED if ran.unfit else Outcome.FAILED
    outcomes |= dict.fromkeys(UNSEEN, Outcome.SKIPPED)
    if min(ran.rows, key=lambda row: float(row["at_s"]))["error"] and not ran.unfit:
        outcomes["LOAD-010"] = Outcome.FAILED
    assert outcomes == {check: one.outcome for check, one in ran.evidence.items()}, ran.output
    assert "recent p95" in ran.output
    assert "hunter2" not in f"{ran.output}{files}{ran.rows}"


def test_a_stall_is_seen_in_the_percentile(command: Command) -> None:
    """Arrivals do not wait for a frozen server, and what came together is not taken for independent."""
    with Server() as server:
        ran = command(server.url, FREEZING)
    latency = ran.evidence["LOAD-001"]

    # Half a second of two: a quarter of the arrivals waited, evenly from all of the freeze to none of it.
    assert 600 * (FREEZE_S[1] - FREEZE_S[0]) < latency.measured["p95_ms"] < 1000
    # Nothing above 20 ms is sure, and nothing below the longest that a request may take.
    assert latency.measured["p95_low_ms"] < latency.measured["p95_ms"] < latency.measured["p95_high_ms"]
    assert "cannot bound the 95% quantile" in latency.detail
    assert 0 == ran.evidence["LOAD-002"].measured["errors_total"]


def test_a_release_that_cannot_keep_up_is_not_our_fault(command: Command) -> None:
    """It serves 100 of 250 a second, one after the other: the rest is dropped and counted, and we are not blamed."""
    with Server() as server:
        ran = command(server.url, TOO_QUICK)
    rate = ran.evidence["LOAD-003"]

    assert "max_in_flight" not in ran.unfit
    assert (Outcome.ERRORED if ran.unfit else Outcome.PASSED) is rate.outcome
    assert 50 < rate.measured["achieved_per_s"] <= 101
    assert 250 == rate.measured["asked_per_s"]
    assert sum(row["error"] == "dropped" for row in ran.rows) == rate.measured["dropped_total"] > 50
    # Nobody waits longer for a user than timeout_s.
    assert ran.evidence["LOAD-001"].measured["max_ms"] < 2000
    assert ran.evidence["LOAD-001"].measured["p50_ms"] > 200


def test_users_that_are_too_few_say_nothing_of_the_release(command: Command) -> None:
    """Three users of 200 ms make 15 requests a second of a release that would serve all: what is dropped is ours."""
    with Server() as server:
        ran = command(server.url, TOO_SLOW)
    rate = ran.evidence["LOAD-003"]

    assert (1, {Outcome.ERRORED}) == (ran.code, ran.outcomes)
    assert "raise [load] max_in_flight, which is 3" in rate.detail
    assert sum(row["error"] == "dropped" for row in ran.rows) == rate.measured["dropped_total"] > 50
    assert ran.evidence["LOAD-001"].measured["p50_ms"] > 1.5 * SLOW_S * 1000


def test_connections_that_we_may_not_open_are_no_error_of_the_release(command: Command) -> None:
    """A process that may have 60 files open cannot have 100 requests at work: nothing is said, and what to raise is."""
    command.within = ("sh", "-c", 'ulimit -n 60; exec "$@"', "sh")
    with Server() as server:
        ran = command(server.url, TOO_SLOW.replace("max_in_flight = 3", "max_in_flight = 150").replace("100", "500"))

    assert {"EMFILE"} <= {row["error"] for row in ran.rows}
    assert (1, {Outcome.ERRORED}) == (ran.code, ran.outcomes)
    assert "EMFILE: this process may open no more connections; raise its limit" in ran.evidence["LOAD-002"].detail


def test_the_release_rests_before_its_first_request(command: Command) -> None:
    """Nothing is asked for `rest_s`, from the last sign-in on."""
    login = 'rest_s = 1.5\nlogin = { path = "/login" }\nmax_in_flight = 5\n'
    with Server() as server:
        ran = command(server.url, f"{login}{FREEZING}")

    assert 1.5 <= server.first_s["/freezing"] - server.last_s["/login"] < 3
    assert 1.5 == ran.evidence["LOAD-010"].measured["rested_s"]


def test_a_saturated_generator_says_nothing_of_the_release(command: Command) -> None:
    """When we cannot send what was asked, all that was seen is an error of ours: neither a pass nor a failure."""
    with Server() as server:
        ran = command(server.url, TOO_MUCH)

    assert (1, {Outcome.ERRORED}) == (ran.code, ran.outcomes)
    assert "generator saturated" in ran.evidence["LOAD-003"].detail


def test_a_dead_target_is_one_line(command: Command) -> None:
    """Where nobody answers, nothing is said of the release, and no traceback is printed."""
    ran = command("http://127.0.0.1:9", FREEZING)

    assert (1, {Outcome.ERRORED}) == (ran.code, ran.outcomes)
    assert "the target http://127.0.0.1:9 does not answer: Connection refused\n" == ran.output


def test_an_interrupted_run_claims_nothing(command: Command) -> None:
    """Ctrl-C ends the run at once, with 130 and without a result."""
    with Server() as server:
        process = command.start(server.url, FREEZING)
        deadline = time.monotonic() + 30
        while not server.seen and time.monotonic() < deadline:
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        output, _ = process.communicate(timeout=2)
    found = runs.read_stage(command.run / "evidence" / "load.jsonl")

    assert (130, "") == (process.returncode, output)
    assert (130, (), len(CHECKS)) == (found.record.exit_code, found.evidence, len(found.record.planned))
