"""Killed without warning at any moment, a command loses no committed backup, and nothing half is taken for whole."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from fixtures.postgres import Postgres
from restore_drills.backups import proof
from restore_drills.backups.model import by_id, chain
from restore_drills.backups.repository import Repository
from restore_drills.backups.retention import Rules, plan
from tests.restore_drills.backups_called import run, started
from tests.restore_drills.backups_world import repository

KILLS = int(os.environ.get("RELEASE_KILLS", "3"))
"""How often each command is killed."""
SEED = 20261125
COMMANDS = (["full"], ["incremental"], ["logical"], ["prune", "--yes"], ["restore", "--quiet", "--to"])
GONE_WITHIN_S = 30.0


@pytest.fixture
def target() -> Iterator[Path]:
    """Where restores go: the server's own user may pass there."""
    with tempfile.TemporaryDirectory(prefix="release-verification-killed-", ignore_cleanup_errors=True) as name:
        Path(name).chmod(0o755)
        yield Path(name, "copy")


def killed(process: subprocess.Popen[str], after: float) -> bool:
    """Kill without warning; say whether it was still at it."""
    time.sleep(after)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    return process.returncode == -signal.SIGKILL


def lasts(folder: Path, server: Postgres, arguments: list[str]) -> float:
    """Run it undisturbed: the moments to kill at are shares of how long it takes on this machine."""
    began = time.monotonic()
    code, _, said = run(folder, server, *arguments)
    assert 0 == code, said
    return time.monotonic() - began


def turns(commands: list[list[str]], hits: Counter[str]) -> Iterator[list[str]]:
    """Give each command in turn until it was killed at work often enough, or missed too often."""
    for _ in range(3 * KILLS):
        yield from (arguments for arguments in commands if hits[arguments[0]] < KILLS)


@pytest.mark.timeout(60 + 60 * KILLS)
def test_killed_at_any_moment_nothing_committed_is_lost(folder: Path, server: Postgres, target: Path) -> None:
    """Every backup is whole or not there, chains included; a copy has its name only when it is whole, and isolated."""
    dice, hits = random.Random(SEED), Counter[str]()  # noqa: S311 - a seed, so that a failure comes again
    place = repository(folder / "the store")
    commands = [[*each, str(target)] if each[0] == "restore" else each for each in COMMANDS]
    takes = {arguments[0]: lasts(folder, server, arguments) for arguments in commands}
    _removed(target)
    for arguments in turns(commands, hits):
        longest = takes[arguments[0]]
        before = place.manifests()
        stay = {one.id for one in before}
        if arguments[0] == "prune":
            stay = set(plan(before, {"full": Rules(last=1)}).keep)
        moment = dice.uniform(0.2, 0.9) * longest
        if killed(started(folder, server, *arguments, "--wait", "60"), moment):
            hits[arguments[0]] += 1
        else:
            takes[arguments[0]] = moment  # the machine has become faster
        _whole(place, stay, arguments[0])
        _isolated(target)
    with place.lock(60):
        place.settle()

    assert {each[0]: KILLS for each in COMMANDS} == hits, "too few were killed at work"
    assert ["lock"] == [path.name for path in place.work.iterdir()]
    assert {one.id for one in place.manifests()} == {entry.key.split("/")[1] for entry in place.store.list("backups/")}
    assert [] == proof.stored(place, place.manifests()[-1])


def _whole(place: Repository, stay: set[str], command: str) -> None:
    left = place.manifests()
    assert stay <= {one.id for one in left}, f"{command} lost a backup"
    for one in left:
        assert [] == proof.stored(place, one), command
        assert chain(one, by_id(left)), command


def test_a_copy_gets_its_name_when_it_is_whole_and_archives_nothing(
    folder: Path, server: Postgres, target: Path
) -> None:
    """Killed at the very moment when data files have their name: whoever starts them disturbs no live archive."""
    assert 0 == run(folder, server, "full")[0]
    process = started(folder, server, "restore", "--quiet", "--to", str(target))
    while process.poll() is None and not (target / "data").exists():
        time.sleep(0.001)
    assert killed(process, 0)

    assert not (target / "data.part").exists()
    assert (target / "data" / "global" / "pg_control").exists()
    _isolated(target)


def _isolated(target: Path) -> None:
    """Whatever a killed restore left: no server runs on it, and none that is started on it archives."""
    if (data := target / "data").exists():
        assert "archive_mode = off" in (data / "postgresql.auto.conf").read_text().splitlines()
        until = time.monotonic() + GONE_WITHIN_S
        while _runs(data) and time.monotonic() < until:
            time.sleep(0.1)
        assert not _runs(data), "the server of a killed restore runs on"
    _removed(target)


def _runs(data: Path) -> bool:
    try:
        os.kill(int((data / "postmaster.pid").read_text().split()[0]), 0)
    except (OSError, ValueError, IndexError):
        return False
    return True


def _removed(target: Path) -> None:
    for _ in range(100):
        shutil.rmtree(target, ignore_errors=True)
        if not target.exists():
            return
        time.sleep(0.1)
