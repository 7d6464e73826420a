"""A backup is what its manifest says: damaged, moved, half or unfinished ones are never taken for whole."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import msgspec
import pytest

from evidence.errors import InputError
from restore_drills.backups import model, proof
from restore_drills.backups.model import Damaged, Manifest, chain, decode, encode
from restore_drills.backups.repository import DRAFT, GRACE, Busy, Repository
from restore_drills.backups.restore import TARGETS, Target, choose, fresh
from restore_drills.backups.store import Entry, Folder, StoreError
from tests.restore_drills.backups_world import committed, file, manifest, repository

FILES = {"base.tar": b"rows", "dump/toc.dat": b"contents"}
WHOLE = manifest(files=FILES)
WHERE = f"backups/{WHOLE.id}/manifest.json"


@pytest.fixture
def place(tmp_path: Path) -> Repository:
    """An empty repository, in a folder whose name has blanks."""
    return repository(tmp_path / "the store")


def test_a_manifest_is_read_as_it_was_written() -> None:
    """Nothing is lost on the way."""
    assert WHOLE == decode(encode(WHOLE), WHERE)


def test_a_flipped_bit_of_a_manifest_is_refused() -> None:
    """Wherever it is: nothing else covers the manifest."""
    for at in range(len(encode(WHOLE)) - 1):
        content = bytearray(encode(WHOLE))
        content[at] ^= 1

        with pytest.raises(Damaged, match=WHOLE.id):
            decode(bytes(content), WHERE)


@pytest.mark.parametrize("length", [0, 1, 100, len(encode(WHOLE)) - 3])
def test_a_cut_manifest_is_refused(length: int) -> None:
    """A part of a manifest is none."""
    with pytest.raises(Damaged):
        decode(encode(WHOLE)[:length], WHERE)


def test_a_manifest_under_another_name_is_refused() -> None:
    """Who copies an older backup over a newer one is found out."""
    with pytest.raises(Damaged, match="moved"):
        decode(encode(WHOLE), f"backups/{manifest(number=9).id}/manifest.json")


@pytest.mark.parametrize("name", ["../escape", "/etc/passwd", "a/../b", ".hidden", "a//b", "", "a/.b", "new\nline"])
def test_a_name_that_leaves_the_folder_is_refused(name: str) -> None:
    """Names come back from a store that others may write to."""
    hostile = msgspec.structs.replace(WHOLE, files=(msgspec.structs.replace(WHOLE.files[0], name=name),))

    with pytest.raises(Damaged, match="name"):
        decode(encode(hostile), WHERE)


def test_a_committed_backup_is_listed_and_reads_back(place: Repository) -> None:
    """Every file, in folders too, is there as it was, and nothing is left aside."""
    committed(place, WHOLE, FILES)

    assert [WHOLE] == place.manifests()
    for one in WHOLE.files:
        with place.open(WHOLE, one) as reader:
            assert FILES[one.name] == reader.read()
    assert [] == list(place.work.iterdir())
    assert [] == proof.stored(place, WHOLE)


@pytest.mark.parametrize("content", [b"rowz", b"row", b"rows and more", b""])
def test_a_damaged_file_is_refused_and_named(place: Repository, content: bytes) -> None:
    """Flipped, cut, grown or emptied: reading it fails, and verifying names it."""
    committed(place, WHOLE, FILES)
    key = f"backups/{WHOLE.id}/base.tar"
    Path(place.store.name, key).write_bytes(content)

    with pytest.raises(Damaged, match=key), place.open(WHOLE, WHOLE.file("base.tar")) as reader:
        reader.read(2)
    assert [key] == [finding.place for finding in proof.stored(place, WHOLE)]


def test_missing_and_foreign_files_are_named(place: Repository) -> None:
    """What the manifest names must be there, and nothing else."""
    committed(place, WHOLE, FILES)
    top = Path(place.store.name, "backups", WHOLE.id)
    (top / "base.tar").rename(top / "foreign")

    assert [f"backups/{WHOLE.id}/foreign", f"backups/{WHOLE.id}/base.tar"] == [
        finding.place for finding in proof.stored(place, WHOLE)
    ]


def test_what_was_cut_short_while_it_was_made_is_swept(place: Repository) -> None:
    """Files without a draft are no backup."""
    (place.work / WHOLE.id).mkdir(parents=True)
    (place.work / WHOLE.id / "base.tar").write_bytes(b"ro")
    (place.work / f"{WHOLE.id}.parent").write_bytes(b"")
    with place.lock():
        place.settle()

    assert (["lock"], []) == ([path.name for path in place.work.iterdir()], place.manifests())


@pytest.mark.parametrize("put", [0, 1, 2])
def test_what_was_cut_short_while_it_was_put_away_is_finished(place: Repository, put: int) -> None:
    """From the draft on the next run finishes it, whatever was put there before."""
    folder = place.work / WHOLE.id
    for name, content in FILES.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    (folder / DRAFT).write_bytes(encode(WHOLE))
    for name in list(FILES)[:put]:
        place.store.put(f"backups/{WHOLE.id}/{name}", folder / name)
    with place.lock():
        place.settle()

    assert [WHOLE] == place.manifests()
    assert [] == proof.stored(place, WHOLE)


def test_what_cannot_be_finished_is_swept(place: Repository) -> None:
    """A draft whose file is neither here nor in the store stops no later run, and leaves nothing."""
    folder = place.work / WHOLE.id
    folder.mkdir(parents=True)
    (folder / "base.tar").write_bytes(FILES["base.tar"])
    (folder / DRAFT).write_bytes(encode(WHOLE))
    with place.lock():
        place.settle()

    assert ([], ["lock"]) == (list(place.store.list("")), [path.name for path in place.work.iterdir()])


def test_a_file_on_another_disk_is_copied(place: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where it cannot be moved it is there all the same, and a copy that was cut short is swept."""
    replace = Path.replace

    def crossing(path: Path, target: Path) -> Path:
        if path.name == "local":
            raise OSError(errno.EXDEV, "Invalid cross-device link")
        return replace(path, target)

    monkeypatch.setattr(Path, "replace", crossing)
    (tmp_path / "local").write_bytes(b"rows")
    place.store.put("backups/x/base.tar", tmp_path / "local")
    left, going = (Path(place.store.name, "backups", "x", f".{name}.tar.part") for name in ("other", "going"))
    left.write_bytes(b"ro")
    going.write_bytes(b"ro")
    aged(left)
    place.store.sweep(GRACE)

    assert [Entry("backups/x/base.tar", 4)] == list(place.store.list(""))
    assert (False, True) == (left.exists(), going.exists())


def test_files_without_a_manifest_are_no_backup_and_are_swept_when_nobody_is_at_them(place: Repository) -> None:
    """Another machine may be putting them there: they stay for the time of grace, by the newest of them."""
    committed(place, WHOLE, FILES)
    place.store.delete(WHERE)
    files = [path for path in Path(place.store.name, "backups").rglob("*") if path.is_file()]
    aged(files[0])

    assert [] == place.manifests()
    with place.lock():
        place.settle()
    assert len(FILES) == len(list(place.store.list("")))
    aged(files[1])
    with place.lock():
        place.settle()
    assert [] == list(place.store.list(""))


def test_a_removal_that_was_cut_short_is_finished_at_once(place: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is our own: nobody else is at it; and what was not yet begun is not removed."""
    committed(place, WHOLE, FILES)
    other = committed(place, manifest(number=1, files=FILES), FILES)
    (place.work / f"{other.id}.gone").touch()
    monkeypatch.setattr(place, "_clear", lambda _: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        place.remove(WHOLE)
    monkeypatch.undo()
    with place.lock():
        place.settle()

    assert [other] == place.manifests()
    assert {other.id} == {entry.key.split("/")[1] for entry in place.store.list("")}
    assert ["lock"] == [path.name for path in place.work.iterdir()]


def test_removing_takes_everything(place: Repository) -> None:
    """No file and no folder of it is left; its neighbour stays."""
    other = manifest(number=1, files=FILES)
    committed(place, WHOLE, FILES)
    committed(place, other, FILES)
    place.remove(WHOLE)

    assert [other] == place.manifests()
    assert [other.id] == [path.name for path in Path(place.store.name, "backups").iterdir()]


def test_two_at_once_are_refused(place: Repository) -> None:
    """The second one is told what to do."""
    with place.lock(), pytest.raises(Busy, match="--wait"), repository(Path(place.store.name)).lock():
        pass


def test_who_reads_keeps_this_machines_writers_away_and_other_readers_not(place: Repository) -> None:
    """And where nobody ever wrote, nothing is made to read."""
    with place.reading() as held:
        assert ([], False) == (held, place.work.exists())
    with place.lock(), pytest.raises(Busy), place.reading():
        pass
    with place.reading(), place.reading(), pytest.raises(Busy), place.lock():
        pass


def aged(path: Path) -> None:
    """Have nobody written to it for longer than the time of grace."""
    long_ago = path.stat().st_mtime - GRACE.total_seconds() - 60
    os.utime(path, (long_ago, long_ago))


def test_a_full_disk_is_one_sentence(place: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the store has no room the object is named, it is not there, and people are told what to do."""
    monkeypatch.setattr(os, "fsync", lambda _: (_ for _ in ()).throw(OSError(errno.ENOSPC, "No space left on device")))
    path = Path(place.store.name)
    path.mkdir(parents=True)
    (path / "local").write_bytes(b"x")

    with pytest.raises(StoreError, match=r"base.tar: No space left on device; make room"):
        place.store.put("backups/x/base.tar", path / "local")
    assert [] == list(place.store.list("backups/"))


def test_a_missing_object_is_named(tmp_path: Path) -> None:
    """The store says which."""
    with pytest.raises(StoreError, match="backups/x is missing"), Folder(tmp_path).open("backups/x"):
        pass


FULL, ONE, TWO = (
    manifest(),
    manifest("incremental", number=1, parents=(WHOLE.id,)),
    manifest("incremental", number=2, parents=(WHOLE.id, manifest("incremental", number=1).id)),
)


@pytest.mark.parametrize(
    ("known", "said"),
    [
        ([FULL, TWO], ONE.id),
        ([ONE, TWO], FULL.id),
        ([FULL, msgspec.structs.replace(ONE, parents=()), TWO], "another ancestry"),
        ([msgspec.structs.replace(FULL, kind="logical"), ONE, TWO], "not a full backup and then incremental ones"),
    ],
)
def test_a_broken_chain_names_its_member(known: list[Manifest], said: str) -> None:
    """Whatever is missing, or does not fit."""
    with pytest.raises(Damaged, match=said):
        chain(TWO, model.by_id(known))


def test_a_whole_chain_begins_with_the_full_backup() -> None:
    """It is given in the order in which it is joined."""
    assert [FULL, ONE, TWO] == chain(TWO, model.by_id([TWO, ONE, FULL]))


@pytest.mark.parametrize(
    ("text", "chosen", "inclusive"),
    [
        ("latest", {}, "on"),
        ("backup", {}, "on"),
        ("0/3000028", {"recovery_target_lsn": "0/3000028"}, "off"),
        ("2026-11-25T09:00:00+01:00", {"recovery_target_time": "2026-11-25 08:00:00+00:00"}, "on"),
    ],
)
def test_a_target_is_understood(text: str, chosen: dict[str, str], inclusive: str) -> None:
    """Moments become UTC; what is chosen comes last, after every other target is set to nothing."""
    settings = Target.of(text).settings()

    assert {**dict.fromkeys(TARGETS, ""), **chosen} == {name: settings.get(name, "") for name in TARGETS}
    assert inclusive == settings["recovery_target_inclusive"]
    assert [*chosen] == [*settings][len(settings) - len(chosen) :]


@pytest.mark.parametrize("text", ["yesterday", "2026-11-25T09:00:00", "3000028", ""])
def test_a_target_that_is_none_is_refused(text: str) -> None:
    """A moment without a zone too: whose clock would it be?"""
    with pytest.raises(InputError, match="latest, backup"):
        Target.of(text)


def test_the_newest_backup_before_the_target_is_chosen() -> None:
    """One that ends after the target cannot lead to it."""
    assert TWO == choose([FULL, ONE, TWO], Target("latest"))
    assert ONE == choose([FULL, ONE, TWO], Target("lsn", ONE.end_lsn))
    with pytest.raises(InputError, match="no physical backup ends before"):
        choose([FULL], Target("time", "2020-01-01 00:00:00+00:00"))


def test_nothing_is_restored_over_something(tmp_path: Path) -> None:
    """A folder that is not empty is refused."""
    (tmp_path / "theirs").write_bytes(b"")

    with pytest.raises(InputError, match="not empty"):
        fresh(tmp_path)


def test_a_file_is_described_by_its_content() -> None:
    """The helper of these tests agrees with what a reader measures."""
    assert 4 == file("a", b"rows").size
