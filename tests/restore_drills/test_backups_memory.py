"""Backups of any size go through the memory of a small one."""

from __future__ import annotations

import tarfile
from pathlib import Path

import msgspec
import pytest
from pyrage import x25519

from benchmarks.restore.watch import Watch
from restore_drills.backups import proof
from restore_drills.backups.crypt import Keys
from restore_drills.backups.model import File, Manifest
from restore_drills.backups.repository import CHUNK, Repository, measured
from restore_drills.backups.unpack import untar
from tests.restore_drills.backups_world import manifest, repository

TAR = "base.tar"
LITTLE, MUCH, MORE = CHUNK, 128 * CHUNK, 32 * CHUNK
"""The sizes of two backups, and what the second may take more than the first: much less than the whole of it."""


@pytest.mark.parametrize("sealed", [False, True])
def test_a_large_backup_is_never_held_as_a_whole(tmp_path: Path, *, sealed: bool) -> None:
    """Sealing, proving, fetching and unpacking 128 MB takes less than 32 MB more memory than 1 MB does."""
    secret = x25519.Identity.generate()
    (identity := tmp_path / "identity").write_text(str(secret))
    place = repository(tmp_path / "store", Keys([str(secret.to_public())], identity) if sealed else None)

    peaks = [peak(place, size, tmp_path / f"copy of {size}") for size in (LITTLE, MUCH)]

    assert peaks[1] - peaks[0] < MORE


def peak(place: Repository, size: int, folder: Path) -> int:
    """Back up one file, prove it and bring it back; return the most memory that it took."""
    with Watch() as watch:
        one = backed_up(place, size)
        assert [] == proof.stored(place, one)
        proof.fetch(place, one, folder)
        (unpacked := folder / "unpacked").mkdir()
        with place.open(one, one.file(TAR)) as file:
            untar(file, unpacked, TAR)
    assert size == (unpacked / "content").stat().st_size
    return watch.seen().ours


def backed_up(place: Repository, size: int) -> Manifest:
    """Commit a backup of one file of zeros, in a tar."""
    one = manifest(number=size // CHUNK, recipients=place.keys.recipients)
    (folder := place.work / one.id).mkdir(parents=True)
    with (folder / "content").open("wb") as file:
        file.truncate(size)
    with tarfile.open(folder / TAR, "w", format=tarfile.USTAR_FORMAT) as tar:
        tar.add(folder / "content", "content")
    (folder / "content").unlink()
    held = measured(folder / TAR)
    place.keys.seal(folder / TAR)
    stored = measured(folder / TAR)
    one = msgspec.structs.replace(
        one, files=(File(name=TAR, size=held[0], sha256=held[1], stored_size=stored[0], stored_sha256=stored[1]),)
    )
    place.commit(one, folder)
    return one
