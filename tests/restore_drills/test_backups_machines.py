"""Several machines write to one store, and some may only read it: none takes anything from another."""

from __future__ import annotations

import datetime as dt
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from restore_drills.backups import __main__ as command
from restore_drills.backups import proof
from restore_drills.backups.config import load
from restore_drills.backups.crypt import Keys
from restore_drills.backups.model import Manifest
from restore_drills.backups.programs import Say
from restore_drills.backups.repository import Repository
from restore_drills.backups.s3 import S3
from restore_drills.backups.store import Folder, Store, StoreError
from tests.restore_drills.backups_world import committed, manifest

FILES = {"base.tar": b"rows", "backup_manifest": b"names", "pg_wal.tar": b"log"}
ONE = manifest(files=FILES)


@pytest.fixture(params=["folder", "s3"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], Store]:
    """Open one store, as often as machines do: in a folder, and on the S3 server."""
    if request.param == "folder":
        return lambda: Folder(tmp_path / "the store")
    request.getfixturevalue("bucket")
    return lambda: S3(f"s3://bucket/{request.node.name}")


@pytest.fixture
def machine(store: Callable[[], Store], tmp_path: Path) -> Callable[[str], Repository]:
    """One of the machines, with a work folder of its own."""
    return lambda name: Repository(store(), tmp_path / name, Keys(), Say(quiet=True))


def between(place: Repository, monkeypatch: pytest.MonkeyPatch, act: Callable[[], None]) -> None:
    """Do something else right after each object that a machine has put there."""
    put = place.store.put

    def putting(key: str, path: Path) -> None:
        put(key, path)
        act()

    monkeypatch.setattr(place.store, "put", putting)


def settled(place: Repository) -> None:
    """Begin a run that writes."""
    with place.lock():
        place.settle()


def test_a_run_elsewhere_leaves_a_backup_alone_that_is_being_put_there(
    machine: Callable[[str], Repository], monkeypatch: pytest.MonkeyPatch
) -> None:
    """After each single file another machine begins a run: the backup is whole all the same."""
    here, there = machine("here"), machine("there")
    between(here, monkeypatch, lambda: settled(there))
    committed(here, ONE, FILES)

    assert [ONE] == there.manifests()
    assert [] == proof.stored(there, ONE)


def test_what_was_swept_while_it_was_put_there_is_not_committed(
    machine: Callable[[str], Repository], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A manifest is written only when every file is there: a backup without one of them is never taken for whole."""
    here, there = machine("here"), machine("there")
    between(here, monkeypatch, lambda: there.store.delete(f"backups/{ONE.id}/base.tar"))
    with pytest.raises(StoreError, match=r"base\.tar was put there, and is gone .* take it again"):
        committed(here, ONE, FILES)
    monkeypatch.undo()
    settled(here)

    assert [] == there.manifests()
    assert [] == list(there.store.list("backups/"))


def test_what_needs_a_backup_that_was_pruned_meanwhile_is_not_committed(
    machine: Callable[[str], Repository], monkeypatch: pytest.MonkeyPatch
) -> None:
    """An increment without its full backup restores nothing."""
    here, there = machine("here"), machine("there")
    committed(here, ONE, FILES)
    later = manifest("incremental", parents=(ONE.id,), number=1, files=FILES)
    between(here, monkeypatch, lambda: there.remove(ONE))
    with pytest.raises(StoreError, match=f"{ONE.id}, which it needs, was removed meanwhile"):
        committed(here, later, FILES)

    assert [] == there.manifests()


def test_what_is_pruned_while_it_is_read_is_no_finding(
    machine: Callable[[str], Repository], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Readers do not keep other machines' prunes away."""
    here, there = machine("here"), machine("there")
    committed(here, ONE, FILES)
    known = here.manifests()
    there.remove(ONE)

    assert [] == [finding for one in known for finding in proof.stored(here, one)]
    listed = list(here.store.list("backups/"))
    committed(there, ONE, FILES)
    monkeypatch.setattr(here.store, "list", lambda _: [*listed, *there.store.list("backups/")])
    there.remove(ONE)
    assert ([], []) == here.readable()


def test_the_stores_own_clock_tells_when_an_object_came(machine: Callable[[str], Repository], tmp_path: Path) -> None:
    """Not the moment when the file was made; and asking leaves nothing."""
    place = machine("here")
    place.work.mkdir()
    old = tmp_path / "old"
    old.write_bytes(b"x")
    os.utime(old, (0, 0))
    before = place.store.now()
    place.store.put("backups/x/base.tar", old)
    written = place.store.written("backups/x/base.tar")

    assert abs((written - before).total_seconds()) < 30
    assert ["backups/x/base.tar"] == [entry.key for entry in place.store.list("")]
    with pytest.raises(StoreError, match="is missing"):
        place.store.written("backups/x/other")


def test_who_may_not_remove_backs_up_all_the_same(
    machine: Callable[[str], Repository], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a prune that was cut short on another machine has left, is swept by somebody who may."""
    here, there = machine("here"), machine("there")
    committed(there, ONE, FILES)
    there.store.delete(f"backups/{ONE.id}/manifest.json")

    def refuse(key: str) -> None:
        msg = f"{key}: permission denied"
        raise StoreError(msg)

    monkeypatch.setattr(here.store, "delete", refuse)
    monkeypatch.setattr("restore_drills.backups.repository.GRACE", dt.timedelta(seconds=-1))
    settled(here)
    other = committed(here, manifest(number=1, files=FILES), FILES)

    assert [other] == here.manifests()
    settled(there)
    assert {other.id} == {entry.key.split("/")[1] for entry in there.store.list("backups/")}


def test_who_may_only_read_lists_and_verifies(
    read_only: str, bucket: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A server that refuses every write is asked for nothing else; nothing is made here either."""
    assert bucket.exists()
    address = "s3://bucket/read only"
    one = _of_now(Repository(S3(address), tmp_path / "maker", Keys(), Say(quiet=True)))
    monkeypatch.setenv("AWS_ENDPOINT_URL", read_only)
    monkeypatch.setattr("restore_drills.backups.s3.RETRIES", 0)
    (tmp_path / "backup.toml").write_text(f'database = ""\nstore = "{address}"\n[every]\nfull = 24\n')
    given = ["--config", str(tmp_path / "backup.toml"), "--quiet"]
    codes = [command.main([*asked, *given]) for asked in (["list"], ["verify"], ["prune"])]
    said = capsys.readouterr().out

    assert [0, 0, 0] == codes, said
    assert 3 <= said.count(one.id)
    assert not load(tmp_path / "backup.toml").repository(Say(quiet=True)).work.exists()
    with pytest.raises(StoreError):
        S3(address).now()


def _of_now(place: Repository) -> Manifest:
    now = place.store.now()
    return committed(place, manifest(when=now.replace(microsecond=0), files=FILES), FILES)
