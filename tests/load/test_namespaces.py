"""A master and two workers, each in a network of its own, with cables between them that can be pulled."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from evidence.model import Outcome
from tests.conftest import RELEASE
from tests.load.conftest import TREE, Command
from tests.load.test_several import KEY

pytestmark = pytest.mark.skipif(
    os.geteuid() != 0 or not shutil.which("ip"), reason="network namespaces need root and iproute2"
)
HUB = f"rv-{os.getpid()}-hub"
LOAD = """
rate_per_s = 40
warmup_s = 1
duration_s = 3
requests = [{ name = "home", path = "/" }]
"""


def ip(*words: str) -> None:
    """Run `ip`."""
    subprocess.run(["ip", *words], check=True, capture_output=True)


def within(namespace: str) -> tuple[str, ...]:
    """What starts a process in a namespace."""
    return "ip", "netns", "exec", namespace


@pytest.fixture
def workers() -> Iterator[list[str]]:
    """Two namespaces, each with a cable to a third, where master and server are: 10.213.N.2 at 10.213.N.1."""
    names = [f"rv-{os.getpid()}-{number}" for number in (1, 2)]
    try:
        for name in (HUB, *names):
            ip("netns", "add", name)
            ip("-n", name, "link", "set", "lo", "up")
        for number, name in enumerate(names, start=1):
            ip("link", "add", f"h{number}", "netns", HUB, "type", "veth", "peer", "name", "w", "netns", name)
            for where, device, address in ((HUB, f"h{number}", 1), (name, "w", 2)):
                ip("-n", where, "address", "add", f"10.213.{number}.{address}/24", "dev", device)
                ip("-n", where, "link", "set", device, "up")
            ip("-n", name, "route", "add", "default", "via", f"10.213.{number}.1")
        yield names
    finally:
        for name in (HUB, *names):
            subprocess.run(["ip", "netns", "delete", name], check=False, capture_output=True)


@contextmanager
def serving(host: str) -> Iterator[str]:
    """A server in the hub, and where it is."""
    command = [*within(HUB), sys.executable, "-m", "tests.load.server", host]
    server = subprocess.Popen(command, cwd=TREE, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert server.stdout
    yield server.stdout.readline().strip()
    server.communicate()


@pytest.fixture
def command(release_file: Path, tmp_path: Path) -> Command:
    """The command, on a release elsewhere that allows load."""
    release_file.write_text(f'{RELEASE}\n[target]\nallow = ["load"]\n')
    return Command(release_file, tmp_path / "runs" / "r1")


def started(command: Command, url: str, workers: list[str], load: str) -> tuple[subprocess.Popen[str], ...]:
    """The master, and its workers, which may come first."""
    joining = [_worker(command, name, f"10.213.{number}.1") for number, name in enumerate(workers, start=1)]
    command.within = within(HUB)
    return command.start(url, load, "--master", "--workers", "2", RELEASE_LOAD_KEY=KEY), *joining


def _worker(command: Command, namespace: str, master: str) -> subprocess.Popen[str]:
    command.within = within(namespace)
    return command.process("", "--worker", "--master-host", master, RELEASE_LOAD_KEY=KEY)


def test_workers_elsewhere_send_all_of_it(command: Command, workers: list[str]) -> None:
    """By their own networks; each arrival once, and every answer is known to the master."""
    with serving("10.213.1.1") as url:
        master, *others = started(command, url, workers, LOAD)
        ran = command.ended(master)

    assert [0, 0] == [other.wait(10) for other in others], ran.output
    assert 120 == ran.evidence["LOAD-002"].measured["samples_total"]
    assert {""} == {row["error"] for row in ran.rows}


def test_a_worker_whose_cable_is_pulled_is_missed(command: Command, workers: list[str]) -> None:
    """No connection ends, and no signal comes: it is silent, and then nothing can be said of the release."""
    with serving("10.213.1.1") as url:
        master, *others = started(command, url, workers, LOAD.replace("duration_s = 3", "duration_s = 60"))
        assert master.stdout
        while "arrivals" not in master.stdout.readline():
            pass
        ip("-n", workers[1], "link", "set", "w", "down")
        ran = command.ended(master)
        for other in others:
            other.kill()

    assert (1, {Outcome.ERRORED}) == (ran.code, ran.outcomes)
    lost = r"generator [12] of 2 \(10\.213\.2\.2\) was lost [\d.]+ s after the start: it was silent for \d+\.\d s"
    assert re.search(lost, ran.evidence["LOAD-001"].detail)


def test_a_target_on_the_master_s_own_loopback_is_refused(command: Command, workers: list[str]) -> None:
    """A worker elsewhere would load itself, or nobody."""
    with serving("127.0.0.1") as url:
        master, *others = started(command, url, workers, LOAD)
        ran = command.ended(master)

    assert (2, [1, 1]) == (ran.code, [other.wait(10) for other in others])
    assert "this machine itself, which the worker at 10.213." in ran.evidence["LOAD-001"].detail
