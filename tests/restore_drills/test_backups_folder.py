"""A store in a folder: what of it cannot be read is said by name, and never taken for what is not there."""

from __future__ import annotations

import argparse
import contextlib
import datetime as dt
import errno
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from restore_drills.backups import commands, config, proof
from restore_drills.backups.repository import Repository
from restore_drills.backups.store import Entry, Folder, StoreError
from tests.restore_drills.backups_world import NOON, PROGRAMS, committed, manifest, repository

UNREADABLE = "/proc/self/mem"
"""A file of Linux that can be opened, and whose beginning reads as an input/output error."""
NOBODY = 65534
OLD, NEW = (
    manifest(when=NOON - dt.timedelta(days=1), files={"base.tar": b"old"}),
    manifest(number=9, files={"base.tar": b"new"}),
)


@pytest.fixture
def open_place() -> Iterator[Repository]:
    """Two backups, and a segment of the log that the older one needs, in a folder that everybody may pass through."""
    with tempfile.TemporaryDirectory(prefix="release-verification-store-") as name:
        Path(name).chmod(0o755)
        place = repository(Path(name) / "the store")
        for one, content in ((OLD, b"old"), (NEW, b"new")):
            committed(place, one, {"base.tar": content})
        segment = Path(name) / "segment"
        segment.write_bytes(b"log")
        place.store.put(f"wal/7/{'0' * 7}1{'0' * 14}02-{'0' * 64}.gz", segment)
        for path in (Path(name), *Path(name).rglob("*")):
            os.chown(path, *(NOBODY, NOBODY) if os.geteuid() == 0 else (-1, -1))
        yield place


@contextlib.contextmanager
def ordinary() -> Iterator[None]:
    """Be an ordinary user for a while: root may read whatever its mode is."""
    if (own := os.geteuid()) == 0:
        os.setegid(NOBODY)
        os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(own)
        os.setegid(os.getgid())


def test_a_folder_that_cannot_be_read_is_no_empty_one(open_place: Repository) -> None:
    """Whoever lists the store is told which it is, and does not see a store without it."""
    folder = Path(open_place.store.name, "backups", OLD.id)
    folder.chmod(0)
    with ordinary(), pytest.raises(StoreError, match=f"backups/{OLD.id}: Permission denied; give permission"):
        list(open_place.store.list("backups/"))
    with ordinary(), pytest.raises(StoreError, match=OLD.id):
        open_place.manifests()


def test_a_file_systems_own_folder_is_not_looked_into(open_place: Repository) -> None:
    """Where a disk is mounted there is one that only root may read."""
    (folder := Path(open_place.store.name, "lost+found")).mkdir(mode=0)
    there = list(open_place.store.list(""))
    with ordinary():
        assert there == list(open_place.store.list(""))
    folder.rmdir()


def test_nothing_is_pruned_where_a_backup_cannot_be_seen(open_place: Repository) -> None:
    """It may need what would go: of its log, nothing is planned, and nothing is removed."""
    (file := Path(open_place.store.name).parent / "backup.toml").write_text('database = ""\nstore = "the store"\n')
    log = list(open_place.store.list("wal/"))
    Path(open_place.store.name, "backups", OLD.id).chmod(0)
    with ordinary(), pytest.raises(StoreError, match=OLD.id):
        commands.prune(config.load(file), open_place, PROGRAMS, argparse.Namespace(yes=True))

    assert log == list(open_place.store.list("wal/"))
    assert 1 == len(log)


def test_a_file_that_goes_while_it_is_listed_is_not_there(tmp_path: Path) -> None:
    """Another machine prunes: the others are listed all the same."""
    (tmp_path / "backups").mkdir()
    (tmp_path / "backups" / "a").symlink_to("gone")
    (tmp_path / "backups" / "b").write_bytes(b"x")

    assert [Entry("backups/b", 1)] == list(Folder(tmp_path).list("backups/"))


def test_a_file_in_place_of_a_folder_holds_nothing(tmp_path: Path) -> None:
    """Somebody's note beside the backups stops no sweep."""
    (tmp_path / "backups").mkdir()
    (tmp_path / "backups" / "README").write_bytes(b"x")

    assert [] == list(Folder(tmp_path).list("backups/README/"))


@pytest.mark.parametrize("whole", [True, False])
def test_a_file_that_reads_no_further_is_named(tmp_path: Path, whole: bool) -> None:  # noqa: FBT001
    """A bad sector is said with the object's name, however it is read."""
    (tmp_path / "base.tar").symlink_to(UNREADABLE)

    with (
        pytest.raises(StoreError, match=f"base.tar: {os.strerror(errno.EIO)}"),
        Folder(tmp_path).open("base.tar") as file,
    ):
        file.read(-1 if whole else 10)


def test_a_bad_sector_is_found_in_its_file_and_the_rest_is_looked_at(tmp_path: Path) -> None:
    """`verify` goes on: each file that is damaged is named."""
    files = {"base.tar": b"rows", "pg_wal.tar": b"log"}
    place = repository(tmp_path / "the store")
    one = committed(place, manifest(files=files), files)
    top = Path(place.store.name, "backups", one.id)
    (top / "base.tar").unlink()
    (top / "base.tar").symlink_to(UNREADABLE)
    (top / "pg_wal.tar").write_bytes(b"lag")

    assert [f"backups/{one.id}/{name}" for name in files] == [found.place for found in proof.stored(place, one)]
