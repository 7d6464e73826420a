"""A disk without room here is no damage of what is stored, and nobody is blamed for it."""

from __future__ import annotations

import gzip
import hashlib
import secrets
from pathlib import Path

import pyrage
import pytest

from evidence.errors import InputError
from restore_drills.backups.crypt import Keys
from restore_drills.backups.model import Damaged
from restore_drills.backups.repository import CHUNK, Repository
from restore_drills.backups.wal import Kept, gathered
from tests.restore_drills.backups_world import little_room, repository

CONTENT = secrets.token_bytes(CHUNK + 200)
NAME = "000000010000000000000002"


@pytest.fixture(params=["open", "sealed"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Repository:
    """A store, sealed or not."""
    if request.param == "open":
        return repository(tmp_path / "the store")
    own, key = pyrage.x25519.Identity.generate(), tmp_path / "key"
    key.write_text(str(own))
    return repository(tmp_path / "the store", Keys([str(own.to_public())], key))


@pytest.fixture
def segment(place: Repository, tmp_path: Path) -> Kept:
    """A segment of the log in it."""
    digest = hashlib.sha256(CONTENT).hexdigest()
    path = tmp_path / "local"
    path.write_bytes(gzip.compress(CONTENT))
    place.keys.seal(path)
    place.store.put(key := f"wal/7/{NAME}-{digest}.gz{'.age' if place.keys.recipients else ''}", path)
    return Kept(NAME, digest, key)


def test_the_log_comes_back(place: Repository, segment: Kept, tmp_path: Path) -> None:
    """As it was."""
    gathered(place, [segment], tmp_path / "wal")

    assert (tmp_path / "wal" / NAME).read_bytes() == CONTENT


@pytest.mark.parametrize("size", [4096, CHUNK - 1, CHUNK + 100])
def test_where_there_is_no_room_for_the_log_the_folder_is_named(
    place: Repository, segment: Kept, tmp_path: Path, size: int
) -> None:
    """At its beginning, or where the last of it is written down; a segment that is whole is never called damaged."""
    with little_room(size), pytest.raises(InputError, match=f"^{tmp_path / 'wal'}: cannot be written") as said:
        gathered(place, [segment], tmp_path / "wal")
    assert not isinstance(said.value, Damaged)


def test_a_segment_that_was_cut_short_is_damaged(place: Repository, segment: Kept, tmp_path: Path) -> None:
    """Or emptied, or overwritten."""
    stored = Path(place.store.name, segment.key)
    for number, content in enumerate((stored.read_bytes()[:-20], b"", b"x" * 100)):
        stored.write_bytes(content)
        with pytest.raises(Damaged, match=segment.key):
            gathered(place, [segment], tmp_path / f"wal {number}")
