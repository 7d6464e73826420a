"""The second store: the newest backups come there whole, or are finished by the next run, and damage is named."""

from __future__ import annotations

import gzip
import random
import shutil
import signal
import time
from pathlib import Path

import pytest

from fixtures.postgres import Given
from restore_drills.backups.begun import begin
from restore_drills.backups.store import Folder, StoreError
from restore_drills.backups.timelines import segment
from tests.restore_drills.backups_called import started
from tests.restore_drills.backups_world import (
    committed,
    manifest,
    repository,
)
from tests.restore_drills.offsite.world import (
    AWAY,
    FILES,
    KILLS,
    SEED,
    SIZE,
    Ask,
    away,
    made,
    now,
    whole,
)


def test_the_newest_comes_there_with_all_that_it_needs(anywhere: Path, ask: Ask) -> None:
    """An increment with its chain and the log since it, and a dump, byte by byte; then nothing, until it is old."""
    full, one, two, dump = made(anywhere)
    code, told = ask("offsite")
    assert (0, [dump.id, two.id]) == (code, told["copied"]), told
    assert [segment(1, number, SIZE) for number in (3, 4, 5)] == told["log"]
    assert {each.id for each in (full, one, two, dump)} == whole(away(anywhere))

    place = repository(anywhere / "the store")
    newer = committed(place, manifest(when=now(), number=4, files=FILES), FILES)
    code, told = ask("offsite")
    assert (0, []) == (code, told["copied"])
    assert f"{two.id} is 3.0 h old, and one is copied every 168 h: nothing done" in told["said"]
    assert [newer.id] == ask("offsite", "--now")[1]["copied"]
    assert "the newest, is there already" in ask("offsite", "--now")[1]["said"]
    code, told = ask("verify", "--offsite")
    assert (0, []) == (code, told["findings"]), told
    assert 5 == len(ask("list", "--offsite")[1]["backups"])


def test_cut_short_after_any_object_it_is_finished_by_the_next_run(
    folder: Path, ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The store goes away after each object in turn: nothing half is whole, and nothing is brought twice."""
    everything = {each.id for each in made(folder)}
    put, left = Folder.put, 0

    def putting(self: Folder, key: str, path: Path) -> None:
        nonlocal left
        if self.root.name == AWAY:
            left -= 1
            if left < 0:
                message = "gone"
                raise StoreError(message)
        put(self, key, path)

    monkeypatch.setattr(Folder, "put", putting)
    left = total = 1000
    assert 0 == ask("offsite")[0]
    total -= left
    for after in range(total):
        shutil.rmtree(folder / AWAY)
        begin(away(folder).store)
        left = after
        assert 2 == ask("offsite")[0], after
        assert whole(away(folder)) < everything
        left = 1000
        assert 0 == ask("offsite")[0], after
        assert (everything, total - after) == (whole(away(folder)), 1000 - left), after


def test_killed_at_any_moment_it_is_finished_by_the_next_run(folder: Path, ask: Ask) -> None:
    """SIGKILL while it copies: what is there is whole, and the next run brings the rest."""
    everything = {each.id for each in made(folder, bytes(20_000_000))}
    there, began = away(folder), time.monotonic()
    assert 0 == ask("offsite")[0]
    lasts, dice, hits = time.monotonic() - began, random.Random(SEED), 0  # noqa: S311 - a seed: it comes again
    for _ in range(5 * KILLS):
        shutil.rmtree(folder / AWAY)
        begin(there.store)
        process = started(folder, Given(""), "offsite")
        while process.poll() is None and not list((folder / AWAY).glob(".work/*-*-*")):
            time.sleep(0.001)
        time.sleep(dice.uniform(0, 0.8) * lasts)
        process.send_signal(signal.SIGKILL)
        process.communicate()
        hits += process.returncode == -signal.SIGKILL
        assert whole(there) <= everything
        assert 0 == ask("offsite", "--wait", "60")[0]
        assert everything == whole(there)
        assert ["lock"] == [path.name for path in there.work.iterdir()]
        if hits == KILLS:
            return
    pytest.fail(f"killed at work {hits} times only")


def harmed(path: Path, content: bytes | None) -> None:
    """Put something else there, or nothing."""
    path.unlink()
    if content is not None:
        path.write_bytes(content)


@pytest.mark.parametrize("content", [b"rowS", b"row", None], ids=["flip", "cut", "missing"])
def test_a_damaged_source_is_refused_by_name(folder: Path, ask: Ask, content: bytes | None) -> None:
    """It gets no manifest off-site, nor what needs it; what is well is copied all the same."""
    full, _, _, dump = made(folder)
    harmed(folder / "the store" / (key := f"backups/{full.id}/base.tar"), content)
    code, told = ask("offsite")

    assert (1, [key], [dump.id]) == (code, [each["place"] for each in told["findings"]], told["copied"]), told
    assert {dump.id} == whole(away(folder))


@pytest.mark.parametrize("content", [b"{}", None], ids=["altered", "missing"])
def test_a_manifest_that_cannot_be_read_keeps_nothing_else_from_being_copied(
    folder: Path, ask: Ask, content: bytes | None
) -> None:
    """The full backup's: it is named, as is what needs it, and the dump is off-site all the same."""
    full, _, two, dump = made(folder)
    harmed(folder / "the store" / (key := f"backups/{full.id}/manifest.json"), content)
    code, told = ask("offsite")

    places = [*([key] if content else []), two.id]
    assert (1, places, [dump.id]) == (code, [each["place"] for each in told["findings"]], told["copied"]), told
    assert {dump.id} == whole(away(folder))


@pytest.mark.parametrize(
    "content",
    [gzip.compress(b"another"), gzip.compress(b"")[:10] + b"\xff" * 20, b""],
    ids=["another one", "broken", "empty"],  # gzip writes the time, and workers must find the same tests
)
def test_a_damaged_segment_is_refused_by_name_and_its_backup_comes_there(
    folder: Path, ask: Ask, content: bytes
) -> None:
    """The log is held against the digest in its name; then `verify` finds the gap, there too."""
    made(folder)
    (path,) = (folder / "the store" / "wal" / "7").glob(f"{segment(1, 4, SIZE)}-*")
    path.write_bytes(content)
    code, told = ask("offsite")
    assert (1, [f"wal/7/{path.name}"]) == (code, [each["place"] for each in told["findings"]]), told
    assert 4 == len(whole(away(folder)))
    code, told = ask("verify", "--offsite")

    assert (1, [f"wal/7/{segment(1, 4, SIZE)}"]) == (code, [each["place"] for each in told["findings"]]), told


def test_a_store_with_nothing_in_it_copies_nothing_and_says_so(ask: Ask) -> None:
    """No data is not health."""
    code, told = ask("offsite")

    assert (1, "holds no backup: nothing was copied") == (code, told["findings"][0]["problem"])
