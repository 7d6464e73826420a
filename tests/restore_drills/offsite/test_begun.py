"""A place that is empty is taken for a store only where somebody says so: a disk may not be mounted."""

from __future__ import annotations

import os
import shutil
import time
from pathlib import Path

import pytest

from restore_drills.backups.begun import EMPTY, MARK
from restore_drills.backups.timelines import segment
from tests.restore_drills.backups_world import repository
from tests.restore_drills.offsite.world import AWAY, SIZE, Ask, away, logged, made, whole


@pytest.mark.parametrize("mounted", [False, True], ids=["missing", "empty"])
def test_nothing_is_copied_to_an_empty_place(folder: Path, ask: Ask, mounted: bool) -> None:  # noqa: FBT001
    """The run after says so, `verify` finds it, and nothing is written there."""
    everything = {one.id for one in made(folder)}
    assert 0 == ask("offsite")[0]
    there = folder / AWAY
    there.rename(folder / "on the disk")
    if mounted:
        there.mkdir()
    code, told = ask("offsite", "--now")
    assert (2, f"{there}: {EMPTY}; mount it, or begin it by --init") == (code, told["error"])
    assert (mounted, []) == (there.exists(), [path for path in there.glob("**/*") if path.name != "lock"])
    code, told = ask("verify")
    assert (1, True) == (code, {"place": f"{there} (off-site)", "problem": EMPTY} in told["findings"]), told
    shutil.rmtree(there, ignore_errors=True)
    (folder / "on the disk").rename(there)

    assert 0 == ask("offsite")[0]
    assert everything == whole(away(folder))


def test_a_new_place_is_begun_once(anywhere: Path, ask: Ask) -> None:
    """By --init, which is refused where something lies: nobody leaves it in a cron table."""
    made(anywhere)
    away(anywhere).store.delete(MARK)
    code, told = ask("offsite", "--init")
    assert (0, 2) == (code, len(told["copied"])), told
    code, told = ask("offsite", "--init")
    assert (2, True) == (code, "was begun already; leave out --init" in told["error"])
    away(anywhere).store.delete(MARK)

    assert 0 == ask("offsite")[0], "a store of before there were marks goes on"


@pytest.mark.parametrize("command", ["full", "logical", "wal", "prune --yes"])
def test_nothing_is_backed_up_to_an_empty_place(folder: Path, ask: Ask, command: str) -> None:
    """The first store may be a disk as well: nothing is put there, and the log stays where the server archives it."""
    shutil.rmtree(folder / "the store")
    (folder / "wal spool").mkdir()
    segments = folder / "wal spool" / segment(1, 7, SIZE)
    segments.write_bytes(b"log")
    code, told = ask(*command.split())

    assert (2, f"{folder / 'the store'}: {EMPTY}; mount it, or begin it by --init") == (code, told["error"])
    assert segments.exists()
    assert not (folder / "the store").exists()
    assert EMPTY in ask("list")[1]["said"]


def test_the_log_goes_on_between_two_copies(anywhere: Path, ask: Ask) -> None:
    """No backup is due for days, and what was archived since the newest copy is brought all the same, once."""
    _, _, two, _ = made(anywhere)
    assert 0 == ask("offsite")[0]
    place = repository(anywhere / "the store")
    for number in (6, 7):
        logged(place, number)
    code, told = ask("offsite")
    assert (0, [], [segment(1, number, SIZE) for number in (6, 7)]) == (code, told["copied"], told["log"]), told
    assert [] == ask("offsite")[1]["log"]
    place.remove(two)
    logged(place, 8)

    assert [segment(1, 8, SIZE)] == ask("offsite")[1]["log"], "also behind a copy whose original was pruned"


def test_a_log_that_is_not_brought_is_found(folder: Path, ask: Ask) -> None:
    """With `wal_every`, which says how often it is; a segment that has just come is not late."""
    made(folder)
    assert 0 == ask("offsite")[0]
    key = logged(repository(folder / "the store"), 6)
    with (folder / "backup.toml").open("a") as file:
        file.write("wal_every = 1\n")
    assert [] == [each for each in ask("verify")[1]["findings"] if "off-site" in each["place"]]
    long_ago = time.time() - 3 * 3600
    os.utime(folder / "the store" / key, (long_ago, long_ago))
    (late,) = [each for each in ask("verify")[1]["findings"] if "off-site" in each["place"]]

    lacks = f"lacks {segment(1, 6, SIZE)}, which came 3.0 h ago: the log is brought every 1 h"
    assert {"place": f"{folder / AWAY} (off-site)", "problem": lacks} == late
