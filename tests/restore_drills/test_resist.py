"""A full disk, a store that is gone half-way, a clock that jumps back: said in a sentence, and nothing is lost."""

from __future__ import annotations

import contextlib
import datetime as dt
import os
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import BinaryIO

import psycopg
import pytest

from evidence.errors import InputError
from fixtures.postgres import Postgres, postgres
from restore_drills.backups import proof, take
from restore_drills.backups.crypt import Keys
from restore_drills.backups.findings import find
from restore_drills.backups.model import Manifest
from restore_drills.backups.programs import Say
from restore_drills.backups.repository import Repository
from restore_drills.backups.restore import Target, choose, recovered
from restore_drills.backups.retention import Rules, plan
from restore_drills.backups.store import Folder, StoreError
from tests.restore_drills.backups_world import PROGRAMS, execute, older_server

NOON = dt.datetime(2026, 11, 25, 12, tzinfo=dt.UTC)


@pytest.fixture(scope="module")
def server() -> Iterator[Postgres]:
    """One small server for all."""
    with postgres() as running:
        execute(running.dsn, "CREATE TABLE item AS SELECT n FROM generate_series(1, 1000) n")
        yield running


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that the server's user may pass."""
    with tempfile.TemporaryDirectory(prefix="release-verification-resist-", ignore_cleanup_errors=True) as name:
        Path(name).chmod(0o755)
        yield Path(name)


@contextlib.contextmanager
def small_disk(folder: Path, megabytes: int) -> Iterator[Path]:
    """A disk of so many megabytes: a real one, which only root may make."""
    if os.geteuid():
        pytest.skip("only root may mount a small disk")
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m,mode=755", "tmpfs", str(folder)]
    if subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("this machine lets nobody mount")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def repository(store: Folder, work: Path) -> Repository:
    """A repository whose unfinished work does not lie in its store."""
    place = Repository(store, work, Keys(), Say(quiet=True))
    place.work.mkdir(parents=True, exist_ok=True)
    return place


def test_a_store_that_is_full_is_said_and_filled_up_later(server: Postgres, folder: Path) -> None:
    """What was there stays whole; the backup that found no room is finished by the next run that finds some."""
    with small_disk(folder / "disk", 160) as disk:
        place = repository(Folder(disk / "store"), folder / "work")
        first = take.physical(place, PROGRAMS, server.dsn, None)
        with (disk / "ballast").open("wb") as file:
            room = os.statvfs(disk)
            file.write(bytes(room.f_bavail * room.f_frsize - (1 << 20)))
        with pytest.raises(StoreError, match="No space left on device; make room"):
            take.physical(place, PROGRAMS, server.dsn, None)
        assert [first] == place.manifests()
        assert [] == proof.stored(place, first)
        (disk / "ballast").unlink()
        place.settle()

        assert 2 == len(place.manifests())
        assert [[], []] == [proof.stored(place, one) for one in place.manifests()]


def test_a_disk_that_is_full_is_not_taken_for_damage(server: Postgres, folder: Path) -> None:
    """Restored onto too small a disk a backup is not called damaged, and half a copy is not left."""
    place = repository(Folder(folder / "store"), folder / "work")
    one = take.physical(place, PROGRAMS, server.dsn, None)
    with small_disk(folder / "disk", 12) as disk:
        with (
            pytest.raises(InputError, match=r"no room for .*base\.tar; make room, or name another folder") as said,
            recovered(place, PROGRAMS, one, Target("backup"), disk / "copy"),
        ):
            pass
        assert InputError is said.type
        assert [] == list(disk.iterdir())


class Going(Folder):
    """A store that is gone after so many more openings or puts, until it is back."""

    left = 10**6

    def put(self, key: str, path: Path) -> None:
        """Put, as long as it is there."""
        self._spent()
        super().put(key, path)

    @contextlib.contextmanager
    def open(self, key: str) -> Iterator[BinaryIO]:
        """Open, as long as it is there."""
        self._spent()
        with super().open(key) as file:
            yield file

    def _spent(self) -> None:
        self.left -= 1
        if self.left == 0:
            self.root.rename(self.root.with_name("unplugged"))

    def back(self) -> None:
        """Be there again."""
        self.root.with_name("unplugged").rename(self.root)


@pytest.mark.parametrize("after", [1, 2, 3])
def test_a_store_that_goes_while_it_is_read(server: Postgres, folder: Path, after: int) -> None:
    """The restore names what it could not read and leaves nothing; with the store back it comes through."""
    store = Going(folder / "store")
    place = repository(store, folder / "work")
    one = take.physical(place, PROGRAMS, server.dsn, None)
    manifests = place.manifests
    known = manifests()
    place.manifests = lambda: known  # type: ignore[method-assign]
    store.left = after
    with pytest.raises(InputError), recovered(place, PROGRAMS, one, Target("backup"), folder / "copy"):
        pass
    assert not (folder / "copy").exists()
    store.back()

    with (
        recovered(place, PROGRAMS, one, Target("backup"), folder / "copy") as copy,
        psycopg.connect(copy.address()) as c,
    ):
        assert c.execute("SELECT count(*) FROM item").fetchone() == (1000,)


@pytest.mark.parametrize("after", [1, 2, 5])
def test_a_store_that_goes_while_it_is_written(server: Postgres, folder: Path, after: int) -> None:
    """The backup that was made is put away by the next run, whole, and nothing else is there."""
    store = Going(folder / "store")
    place = repository(store, folder / "work")
    first = take.physical(place, PROGRAMS, server.dsn, None)
    store.left = after
    with _broken(folder), pytest.raises(InputError):
        take.physical(place, PROGRAMS, server.dsn, None)
    store.back()
    assert [first] == place.manifests()
    place.settle()

    assert 2 == len(place.manifests())
    assert [[], []] == [proof.stored(place, one) for one in place.manifests()]


@contextlib.contextmanager
def _broken(folder: Path) -> Iterator[None]:
    """Where the store was, nothing can be written while it is gone; a dead mount answers so."""
    blocked = folder / "store"
    original = Path.mkdir

    def refuse(path: Path, *rest: object, **more: object) -> None:
        if blocked in (path, *path.parents) and not blocked.exists():
            raise OSError(5, "Input/output error")
        original(path, *rest, **more)  # type: ignore[arg-type]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Path, "mkdir", refuse)
        yield


@pytest.mark.parametrize("major", ["15", "16", "17"])
def test_a_server_of_an_older_version_is_backed_up_and_comes_back(folder: Path, major: str) -> None:
    """A dump into a server of ours, data files into one of their own version; each row by row."""
    with older_server(major) as server:
        execute(server.dsn, "CREATE TABLE item AS SELECT n FROM generate_series(1, 1000) n")
        place = repository(Folder(folder / "store"), folder / "work")
        for one in (take.physical(place, PROGRAMS, server.dsn, None), take.logical(place, PROGRAMS, server.dsn)):
            assert [] == proof.restored(place, PROGRAMS, one)


def test_a_clock_that_jumps_back_hides_no_backup(
    server: Postgres, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The newer backup has the older date: it is what is restored, it is not pruned, and the jump is a finding."""
    shows = [NOON + dt.timedelta(minutes=minute) for minute in (0, 1, -180, -179)]
    clock = SimpleNamespace(now=lambda _: shows.pop(0))
    monkeypatch.setattr(take, "dt", SimpleNamespace(datetime=clock, UTC=dt.UTC))
    place = repository(Folder(folder / "store"), folder / "work")
    earlier = take.physical(place, PROGRAMS, server.dsn, None)
    execute(server.dsn, "CREATE TABLE IF NOT EXISTS newer AS SELECT 1")
    later = take.physical(place, PROGRAMS, server.dsn, None)
    found = find(place.manifests(), [], {"full": 24.0}, NOON + dt.timedelta(hours=1))

    assert [later.id, earlier.id] == [one.id for one in place.manifests()]
    assert later == choose(place.manifests(), Target("latest"))
    assert _kept(place.manifests()) == {earlier.id, later.id}
    assert [(earlier.id, f"is later than {later.id} by the clock, and before it in the log")] == [
        (one.place, one.problem) for one in found
    ]


def _kept(manifests: list[Manifest]) -> set[str]:
    return set(plan(manifests, {"full": Rules(last=1)}).keep)
