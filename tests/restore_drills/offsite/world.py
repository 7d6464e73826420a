"""What the tests of the second store share: what is made up in the first, and how both are looked at."""

from __future__ import annotations

import datetime as dt
import gzip
import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from restore_drills.backups import proof
from restore_drills.backups.config import load
from restore_drills.backups.model import Manifest, by_id, chain
from restore_drills.backups.programs import Say
from restore_drills.backups.repository import Repository
from restore_drills.backups.timelines import segment
from tests.restore_drills.backups_world import (
    committed,
    manifest,
    repository,
)

Ask = Callable[..., tuple[int, dict[str, Any]]]
SIZE = 1 << 24
FILES = {"base.tar": b"rows", "backup_manifest": b"names", "pg_wal.tar": b"log"}
KILLS = int(os.environ.get("RELEASE_KILLS", "3"))
SEED = 20261130
HOUR = dt.timedelta(hours=1)
AWAY = "elsewhere"


def config(folder: Path, away: str = AWAY, more: str = "") -> None:
    """Write a backup.toml with a second store."""
    text = 'database = "${SHOP}"\nstore = "the store"\nwal = "wal spool"\nwal_every = 1000\n' + more
    (folder / "backup.toml").write_text(f'{text}\n[every]\nfull = 24\n[offsite]\nstore = "{away}"\n')


def away(folder: Path) -> Repository:
    """Open the second store."""
    return load(folder / "backup.toml").away().repository(Say(quiet=True))


def logged(place: Repository, number: int) -> str:
    """Put a made-up segment of the log into a store; give its key."""
    content = f"segment {number}".encode()
    path = place.work / "packed"
    path.write_bytes(gzip.compress(content))
    key = f"wal/7/{segment(1, number, SIZE)}-{hashlib.sha256(content).hexdigest()}.gz"
    place.store.put(key, path)
    return key


def now() -> dt.datetime:
    """Tell the time of each test, to the second: ages are told to six minutes, and all tests together take longer."""
    return dt.datetime.now(dt.UTC).replace(microsecond=0)


def made(folder: Path, content: bytes = b"rows") -> list[Manifest]:
    """Make up, of one server: a full backup, two increments, and a dump of two hours before; and its log."""
    place, files = repository(folder / "the store"), {**FILES, "base.tar": content}
    today = now()
    full = manifest(when=today - 5 * HOUR, files=files)
    one = manifest("incremental", today - 4 * HOUR, (full.id,), 1, files)
    two = manifest("incremental", today - 3 * HOUR, (full.id, one.id), 2, files)
    dump = manifest("logical", today - 2 * HOUR, number=3, files={"dump/toc.dat": b"dump"})
    for each in (full, one, two):
        committed(place, each, files)
    committed(place, dump, {"dump/toc.dat": b"dump"})
    for number in range(1, 6):
        logged(place, number)
    return [full, one, two, dump]


def whole(place: Repository) -> set[str]:
    """Name the backups of a store, each of which is whole and has all that it needs."""
    left = place.manifests()
    for one in left:
        assert [] == proof.stored(place, one)
        assert chain(one, by_id(left))
    return {one.id for one in left}
