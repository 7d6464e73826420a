"""Whether the number of instances follows the load: by a count that is played, and by one of real processes."""

from __future__ import annotations

import dataclasses
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import pytest

from evidence.errors import CannotTell, InputError
from evidence.model import Outcome
from evidence.release import Undeclared, convert
from load import check_instances  # the functions' names would be collected
from load.config import Load
from load.instances import Instances, Scaled, counter, ramp
from load.measurement import Measurement, Vitals
from tests.load.conftest import Command
from tests.load.server import Server
from tests.load.test_checks import LOAD, WELL, measured, sample

MARK = f"an instance of test {os.getpid()}"
COUNT = f"import psutil; print(sum({MARK!r} in one.cmdline() for one in psutil.Process({os.getpid()}).children()))"
LOOK_S, CROWD = 0.5, 12
"""How often the pool looks at what came, and more than how many requests since then it brings one more up for."""
SCALED = f"""
rate_per_s = 10
warmup_s = 0
duration_s = 2
requests = [{{ name = "home", path = "/" }}]
[load.instances]
command = [{sys.executable!r}, "-c", {COUNT!r}]
rate_per_s = 80
rises_within_s = 20
"""
INSTANCES = Instances(command=("count",), rate_per_s=500, rises_within_s=30, falls_within_s=3, looks_every_s=0.001)


def played(
    counts: list[int], vitals: Vitals = WELL, rises_within_s: float = 30
) -> tuple[Scaled, list[tuple[float, float]]]:
    """A ramp on a release with these counts, look by look, the last one for good; and what was sent, for how long."""
    sent: list[tuple[float, float]] = []
    told: Iterator[int] = iter(counts)
    looks = [0]

    def count() -> int:
        looks[0] += 1
        return next(told, counts[-1])

    def send(load: Load) -> Measurement:
        sent.append((load.rate_per_s, load.duration_s))
        return measured([sample(2)], vitals)

    # A second for each look, and the length of what is sent.
    declared = msgspec.structs.replace(INSTANCES, rises_within_s=rises_within_s)
    scaled = ramp(declared, count, send, LOAD, lambda: looks[0] + sum(length for _, length in sent))
    return scaled, sent


def test_a_ramp_ends_where_the_count_rises() -> None:
    """The rate doubles up to its own end; then nothing is sent, until the count is back."""
    scaled, sent = played([2, 2, 2, 2, 3, 4, 3, 2])

    assert [(200, 5), (400, 5), (500, 5), (500, 5)] == sent
    assert Scaled(before=2, most=4, last=2, rose_s=23, fell_s=2) == scaled


def test_the_last_look_comes_when_the_declared_time_is_over() -> None:
    """No piece of the ramp goes on for long after it: what is seen then was late."""
    _, sent = played([1], rises_within_s=7.5)

    assert [(200, 5), (400, 2.5)] == sent


@pytest.mark.parametrize(
    ("late", "message"),
    [
        (Scaled(before=1, most=3, last=1, rose_s=40.0, fell_s=2.0), "they rose, .* after 40.0 s: .* within the 30 s"),
        (Scaled(before=1, most=3, last=1, rose_s=6.0, fell_s=40.0), "they fell, .* after 40.0 s: .* within the 3 s"),
    ],
)
def test_a_count_that_was_seen_to_follow_late_is_no_pass(late: Scaled, message: str) -> None:
    """Requests in flight may keep us from looking in time: it may have been in time, and nobody knows."""
    with pytest.raises(CannotTell, match=message):
        check_instances.check_instances_follow_the_load(run(late))


def test_a_count_that_never_rises_fails_the_check() -> None:
    """With how long it was waited for."""
    scaled, sent = played([1])

    assert (None, 6) == (scaled.rose_s, len(sent))
    with pytest.raises(AssertionError, match="still 1 instances 30 s after the load began to rise to 500 requests"):
        check_instances.check_instances_follow_the_load(run(scaled))


def test_a_count_that_never_falls_fails_the_check() -> None:
    """What was brought up stays, and costs."""
    scaled, _ = played([1, 3, 3])

    with pytest.raises(AssertionError, match="from 1 to 3 instances, and still 3 3 s after the load ended"):
        check_instances.check_instances_follow_the_load(run(scaled))


def test_a_generator_that_could_not_send_the_ramp_says_nothing() -> None:
    """The count did not rise, but perhaps the load did not either."""
    scaled, _ = played([1], Vitals(lag_ms=[1.0], cpu_ratio=[0.99]))

    with pytest.raises(CannotTell, match="generator saturated"):
        check_instances.check_instances_follow_the_load(run(scaled))


def test_a_count_that_follows_is_measured() -> None:
    """The times are the policy's to limit further."""
    found = check_instances.check_instances_follow_the_load(run(played([1, 3, 1])[0]))

    measures = {"rose_after_s": 5, "fell_after_s": 0, "instances_before_total": 1, "instances_most_total": 3}
    assert measures == found.measured
    assert "from 1 to 3 instances after 5 s of a rising load, and back to 1 0 s after its end" == found.detail


def test_what_is_not_declared_is_skipped() -> None:
    """With the mend."""
    with pytest.raises(Undeclared, match=r"\[load.instances\] is not declared"):
        check_instances.check_instances_follow_the_load(measured([sample(2)]))


@pytest.mark.parametrize(("field", "printed"), [("", "3\n"), ("status.ready", '{"status": {"ready": 3}}')])
def test_a_command_tells_the_count(tmp_path: Path, field: str, printed: str) -> None:
    """A number, or a field of what it prints, in the release's own folder."""
    (tmp_path / "count.txt").write_text(printed)
    command = (sys.executable, "-c", "print(open('count.txt').read())")

    assert 3 == counter(Instances(command=command, field=field, rate_per_s=1), tmp_path)()


@pytest.mark.parametrize("printed", ["", "three", "-1", "2.5", "true", '{"ready": 3}', "[]", "null"])
def test_what_is_no_count_tells_nothing(tmp_path: Path, printed: str) -> None:
    """It is quoted, and nothing is guessed from it."""
    command = (sys.executable, "-c", f"print({printed!r})")

    with pytest.raises(CannotTell, match="should tell how many there are"):
        counter(Instances(command=command, rate_per_s=1), tmp_path)()


@pytest.mark.parametrize("command", [("/nowhere/at/all",), (sys.executable, "-c", "raise SystemExit(1)")])
def test_a_command_that_breaks_tells_nothing(tmp_path: Path, command: tuple[str, ...]) -> None:
    """Neither a missing one nor one that fails."""
    with pytest.raises(CannotTell, match="does not tell how many there are"):
        counter(Instances(command=command, rate_per_s=1), tmp_path)()


def test_an_address_tells_the_count() -> None:
    """A real answer that is no number is quoted; where nobody answers, that is said."""
    with Server() as server, pytest.raises(CannotTell, match="and told 'ok'"):
        counter(Instances(url=f"{server.url}/", rate_per_s=1), Path())()
    with pytest.raises(CannotTell, match="Connection refused"):
        counter(Instances(url="http://127.0.0.1:9/", rate_per_s=1), Path())()


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({"rate_per_s": 1}, "exactly one of `command` and `url`"),
        ({"rate_per_s": 1, "command": ["a"], "url": "http://a"}, "exactly one of `command` and `url`"),
        ({"command": ["a"]}, "missing required field `rate_per_s`"),
        ({"rate_per_s": 1, "command": ["a"], "rises_within": 3}, "unknown field `rises_within`"),
    ],
)
def test_a_wrong_table_is_refused(table: dict[str, object], message: str) -> None:
    """Field and fault are named."""
    with pytest.raises(InputError, match=message):
        convert(table, Instances, "release.toml: [load.instances]")


def run(scaled: Scaled) -> Measurement:
    """A run whose release tells its count, and what came of it."""
    declared = {"rate_per_s": 9, "duration_s": 9, "requests": [{"name": "a", "path": "/"}]}
    instances = {"command": ["count"], "rate_per_s": 500, "rises_within_s": 30, "falls_within_s": 3}
    load = convert({**declared, "instances": instances}, Load, "here")
    return dataclasses.replace(measured([sample(2)]), load=load, scaled=scaled)


@contextmanager
def pool(server: Server, *, falls: bool) -> Iterator[None]:
    """Processes that follow the load of a server: one always, another one while many requests come, if it falls."""
    over = threading.Event()

    def follow() -> None:
        came = 0
        while not over.wait(LOOK_S):
            before, came = came, sum(server.seen.values())
            if came - before > CROWD and len(running) == 1:
                running.append(instance())
            elif came - before <= CROWD and len(running) > 1 and falls:
                end(running.pop())

    running = [instance()]
    following = threading.Thread(target=follow)
    following.start()
    try:
        yield
    finally:
        over.set()
        following.join()
        for process in running:
            end(process)


def instance() -> subprocess.Popen[bytes]:
    """A process that is counted."""
    return subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)", MARK])


def end(process: subprocess.Popen[bytes]) -> None:
    """End it, and wait until it is gone."""
    process.kill()
    process.wait()


def test_processes_that_follow_the_load_are_counted(command: Command) -> None:
    """A real pool, a real ramp: one process more while it lasts, and one less after it."""
    with Server() as server, pool(server, falls=True):
        ran = command(server.url, f"{SCALED}falls_within_s = 30\n")
    found = ran.evidence["LOAD-008"]

    assert (Outcome.ERRORED if ran.unfit else Outcome.PASSED) is found.outcome, found.detail
    if not ran.unfit:
        assert (1, 2) == (found.measured["instances_before_total"], found.measured["instances_most_total"])
        assert 0 < found.measured["rose_after_s"] < 20
        assert 0 < found.measured["fell_after_s"] < 30


def test_processes_that_stay_after_the_load_fail(command: Command) -> None:
    """What was brought up is never taken down."""
    with Server() as server, pool(server, falls=False):
        ran = command(server.url, f"{SCALED}falls_within_s = 2\n")
    found = ran.evidence["LOAD-008"]

    assert (Outcome.ERRORED if ran.unfit else Outcome.FAILED) is found.outcome, found.detail
    if not ran.unfit:
        assert "from 1 to 2 instances, and still 2 2 s after the load ended" in found.detail
