"""Nobody else on the machine reads what is backed up: rows and password hashes are in dumps, data files and the log."""

from __future__ import annotations

import gzip
import hashlib
import os
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from fixtures.folder import temporary
from fixtures.postgres import Postgres
from fixtures.server import server_user
from restore_drills.backups import shipping
from restore_drills.backups.crypt import Keys
from restore_drills.backups.repository import Repository
from restore_drills.backups.store import Folder
from restore_drills.backups.wal import Kept, gathered
from tests.restore_drills.backups_called import run
from tests.restore_drills.backups_world import committed, manifest, repository

NAME = "000000010000000000000002"
SEGMENT = shipping.LONG_HEADER.pack(0, 2, 1, 0, 0, 7, 1 << 24, 8192)


@pytest.fixture(autouse=True)
def usual() -> Iterator[None]:
    """What is usual: what is made, everybody may read."""
    before = os.umask(0o022)
    yield
    os.umask(before)


def modes(folder: Path, but: str = "") -> set[str]:
    """What may be done with what lies in a folder."""
    return {stat.filemode(path.lstat().st_mode) for path in folder.rglob("*") if path.name != but}


def spooled(folder: Path) -> Path:
    """Archive a segment."""
    (spool := folder / "spool").mkdir()
    (spool / NAME).write_bytes(SEGMENT)
    return spool


def apart(folder: Path, work: Path) -> Repository:
    """Open a repository whose work is elsewhere."""
    return Repository(Folder(folder / "the store"), work, Keys(), lambda _: None)


def test_what_is_stored_is_ours_alone(tmp_path: Path) -> None:
    """Backups and the log, however the source's modes were; also in a store that was made for all to see."""
    (tmp_path / "the store").mkdir(mode=0o755)
    place = repository(tmp_path / "the store")
    with place.lock():
        committed(place, manifest(files={"dump/toc.dat": b"x"}), {"dump/toc.dat": b"x"})
        shipping.ship(place, spooled(tmp_path))

    assert {"drwx------", "-rw-------"} == modes(tmp_path / "the store")


def test_what_comes_from_another_file_system_is_ours_alone(tmp_path: Path) -> None:
    """It is copied there, also over what a copy that was cut short has left."""
    with tempfile.TemporaryDirectory(dir="/dev/shm") as work:
        if Path(work).stat().st_dev == tmp_path.stat().st_dev:
            pytest.skip("it is no other file system here")
        place = apart(tmp_path, Path(work))
        (left := Path(place.store.name, "backups", manifest().id)).mkdir(parents=True)
        (left / ".base.tar.part").touch(0o644)
        committed(place, manifest(files={"base.tar": b"x"}), {"base.tar": b"x"})

    assert {"-rw-------"} == {stat.filemode(path.stat().st_mode) for path in left.iterdir()}


def test_a_store_whose_group_is_handed_on_is_the_groups_too(tmp_path: Path) -> None:
    """Who lets others read a store says so by the bit that hands its group on; everybody is never let."""
    (top := tmp_path / "the store").mkdir()
    top.chmod(0o2755)
    place = apart(tmp_path, tmp_path / "work")
    committed(place, manifest(files={"base.tar": b"x"}), {"base.tar": b"x"})

    assert {"drwxr-s---", "-rw-r-----"} == modes(top)


@pytest.mark.parametrize("made", [True, False])
def test_what_is_unfinished_is_ours_alone(tmp_path: Path, made: bool) -> None:  # noqa: FBT001
    """The folder that it is made in was open to all, in earlier versions."""
    place = repository(tmp_path / "the store")
    if made:
        place.work.mkdir(parents=True, mode=0o755)
    with place.lock():
        assert "drwx------" == stat.filemode(place.work.stat().st_mode)


def test_a_command_writes_for_nobody_else(folder: Path, server: Postgres) -> None:
    """Also into a folder of work that is somebody's own, and open: while a backup is made, and when it is done."""
    (folder / "own").mkdir(mode=0o755)
    text = (folder / "backup.toml").read_text().replace("[keep", 'work = "own"\n[keep')
    (folder / "backup.toml").write_text(text)
    for kind in ("full", "logical"):
        assert 0 == run(folder, server, kind, limit="umask 022;")[0]

    assert {"drwx------", "-rw-------"} == modes(folder / "the store")
    assert {"-rw-------"} == modes(folder / "own")


def test_a_dump_that_is_fetched_is_ours_alone(folder: Path, server: Postgres) -> None:
    """Whoever knows the names of its files does not come to them."""
    _, dump, _ = run(folder, server, "logical")
    with temporary("release-verification-restore-") as target:
        code, _, said = run(folder, server, "restore", dump["id"], "--to", str(target / "a"), limit="umask 022;")
        assert (0, "drwx------") == (code, stat.filemode((target / "a").stat().st_mode)), said


def owners(folder: Path) -> set[tuple[int, int]]:
    """Whose a folder is, and all in it."""
    return {((of := path.stat()).st_uid, of.st_gid) for path in (folder, *folder.rglob("*"))}


def test_the_log_that_a_server_recovers_by_is_the_servers_alone(tmp_path: Path) -> None:
    """Its names can be guessed, and the folder that it lies in is passed through."""
    place = repository(tmp_path / "the store")
    digest = hashlib.sha256(SEGMENT).hexdigest()
    (packed := tmp_path / "packed").write_bytes(gzip.compress(SEGMENT))
    place.store.put(key := f"wal/7/{NAME}-{digest}.gz", packed)
    gathered(place, [Kept(NAME, digest, key)], tmp_path / "wal")

    assert {"drwx------", "-rw-------"} == {stat.filemode((tmp_path / "wal").stat().st_mode), *modes(tmp_path / "wal")}
    assert {server_user() or (os.getuid(), os.getgid())} == owners(tmp_path / "wal")
