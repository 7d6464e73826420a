"""A manifest that is damaged costs its own backup, never another one; and never is an older one taken in silence."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from evidence.errors import InputError
from fixtures.folder import temporary
from fixtures.postgres import Postgres
from restore_drills.backups import choice
from restore_drills.backups.model import Damaged, Manifest
from restore_drills.backups.repository import MANIFEST, Repository
from restore_drills.backups.restore import Target
from restore_drills.backups.store import StoreError
from tests.restore_drills.backups_called import run
from tests.restore_drills.backups_world import NOON, committed, manifest, repository

OLD = manifest(when=NOON - dt.timedelta(days=1))
CHILD = manifest("incremental", NOON - dt.timedelta(hours=9), (OLD.id,), 1)
NEW = manifest(number=9)
DUMP = manifest("logical", NOON + dt.timedelta(hours=1), number=11)
LATEST = Target()


@pytest.fixture
def said() -> list[str]:
    """What is said."""
    return []


@pytest.fixture
def place(tmp_path: Path, said: list[str]) -> Repository:
    """A chain, a full backup that needs nothing of it, and a dump."""
    place = repository(tmp_path / "the store")
    for one in (OLD, CHILD, NEW, DUMP):
        committed(place, one, {"unfinished": b""})
    place.say = said.append
    return place


def at(place: Repository, one: Manifest) -> Path:
    """Where its manifest is."""
    return Path(place.store.name, "backups", one.id, MANIFEST)


def spoiled(place: Repository, one: Manifest) -> None:
    """Damage its manifest."""
    at(place, one).write_bytes(b"{}")


def unread(place: Repository, one: Manifest) -> None:
    """Put its manifest where it cannot be read."""
    at(place, one).unlink()
    at(place, one).symlink_to("/proc/self/mem")


@pytest.mark.parametrize("damage", [spoiled, unread])
def test_a_chain_needs_no_manifest_but_its_own(
    place: Repository, damage: Callable[[Repository, Manifest], None]
) -> None:
    """An unrelated backup, newer or older, may be in ruins."""
    damage(place, NEW)
    damage(place, DUMP)

    assert [OLD, CHILD] == place.chain(CHILD)


@pytest.mark.parametrize(
    ("damage", "error", "what"), [(spoiled, Damaged, "is not a manifest"), (unread, StoreError, "Input/output error")]
)
def test_a_member_that_is_damaged_is_not_said_to_be_missing(
    place: Repository, damage: Callable[[Repository, Manifest], None], error: type[InputError], what: str
) -> None:
    """Who needs it, which it is, and what is wrong with it; a disk that does not read is no damage."""
    damage(place, OLD)

    with pytest.raises(error, match=f"^{CHILD.id}: needs {OLD.id}, and .*{OLD.id}/{MANIFEST}: {what}"):
        place.chain(CHILD)
    at(place, OLD).unlink()
    with pytest.raises(Damaged, match=f"^{CHILD.id}: needs {OLD.id}, which the store does not have"):
        place.chain(CHILD)


@pytest.mark.parametrize("damage", [spoiled, unread])
def test_a_backup_that_is_named_is_taken_and_the_damage_said(
    place: Repository, said: list[str], damage: Callable[[Repository, Manifest], None]
) -> None:
    """Whatever else is wrong in the store."""
    damage(place, NEW)

    assert CHILD == choice.chosen(place, CHILD.id, LATEST)
    assert NEW.id in " ".join(said)
    with pytest.raises(InputError, match=NEW.id):
        choice.chosen(place, NEW.id, LATEST)


@pytest.mark.parametrize("name", ["nope", "../x", f"../backups/{OLD.id}", manifest(number=77).id])
def test_a_backup_that_is_not_there_is_refused_by_name(place: Repository, name: str) -> None:
    """Also where it would be a way to one."""
    with pytest.raises(InputError, match=f"^{re.escape(name)}: is no backup of this store"):
        choice.chosen(place, name, LATEST)


@pytest.mark.parametrize("damage", [spoiled, unread])
def test_where_the_newest_is_damaged_one_must_be_named(
    place: Repository, damage: Callable[[Repository, Manifest], None]
) -> None:
    """What would be taken instead is older: that is a person's to say, who is told which it would be."""
    assert NEW == choice.chosen(place, None, LATEST)
    damage(place, NEW)

    for until in (LATEST, Target("backup"), Target("lsn", "1/0"), Target("time", "2026-11-26T00:00:00+00:00")):
        with pytest.raises(InputError, match=f"{NEW.id}/{MANIFEST}: .*newer than {CHILD.id}.*name the one"):
            choice.chosen(place, None, until)


def test_what_is_damaged_and_would_not_be_taken_is_only_said(place: Repository, said: list[str]) -> None:
    """A dump, an older one, and one that had not begun at the moment that is asked for."""
    spoiled(place, DUMP)
    spoiled(place, CHILD)
    assert NEW == choice.chosen(place, None, LATEST)
    spoiled(place, NEW)

    assert OLD == choice.chosen(place, None, Target("time", "2026-11-25T02:00:00+00:00"))
    assert all(one.id in " ".join(said) for one in (DUMP, CHILD, NEW))


def test_where_all_are_damaged_that_is_the_reason(place: Repository) -> None:
    """And not that there is none."""
    for one in (OLD, CHILD, NEW):
        spoiled(place, one)

    with pytest.raises(Damaged, match=f"{NEW.id}/{MANIFEST}: is not a manifest"):
        choice.chosen(place, None, LATEST)


def test_one_damaged_manifest_leaves_the_other_backup_restorable(folder: Path, server: Postgres) -> None:
    """By the command: refused without a name, brought back and proven by name, and the damage told each time."""
    names = [run(folder, server, "full")[1]["id"] for _ in range(2)]
    (folder / "the store" / "backups" / names[1] / MANIFEST).write_text("{}")
    with temporary("release-verification-restore-") as target:
        target.chmod(0o711)
        refused, why, _ = run(folder, server, "restore", "--to", str(target / "a"))
        code, told, text = run(folder, server, "restore", names[0], "--to", str(target / "b"))
    proven, found, _ = run(folder, server, "verify", names[0], "--restore")

    assert (1, True, True) == (refused, names[1] in why["error"], f"newer than {names[0]}" in why["error"])
    assert (0, names[0], True) == (code, told["id"], f"backups/{names[1]}/{MANIFEST}" in text), text
    assert (1, [names[0]], True) == (proven, found["verified"], found["restored"])
    assert [f"backups/{names[1]}/{MANIFEST}"] == [one["place"] for one in found["findings"]]
