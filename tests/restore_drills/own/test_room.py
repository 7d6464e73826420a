"""What this machine cannot do is not the backup's fault; what of the backup cannot be read is."""

from __future__ import annotations

import gzip
import io
import secrets
import tarfile
from pathlib import Path

import pytest

from evidence.errors import CannotTell
from fixtures.postgres import Postgres
from restore_drills.own import copy
from restore_drills.own.contract import Own
from restore_drills.own.copy import Failed
from restore_drills.own.tool import Complained
from tests.restore_drills.backups_world import little_room
from tests.restore_drills.own.world import NEWEST, based, restored, superuser

UNREADABLE = "/proc/self/mem"
"""A file of Linux that can be opened, and whose beginning reads as an input/output error."""
MUCH = secrets.token_bytes(200_000)


def test_a_disk_without_room_for_an_archive_is_no_verdict(folder: Path) -> None:
    """It is unpacked here, and the disk here is full."""
    (folder / "shop.dump.gz").write_bytes(gzip.compress(b"PGDMP" + MUCH))

    with little_room(), pytest.raises(OSError, match="File too large"):
        restored(Own(newest=NEWEST, path="*.gz"), folder)


def test_a_disk_without_room_for_data_files_is_no_verdict(folder: Path) -> None:
    """Whatever tar says of it, or does not come to say."""
    with tarfile.open(folder / "base.tar", "w") as file:
        (member := tarfile.TarInfo("PG_VERSION")).size = len(MUCH)
        file.addfile(member, io.BytesIO(MUCH))

    with little_room(), pytest.raises(CannotTell, match=r"base\.tar: tar was ended by signal"):
        restored(Own(newest=NEWEST, path="base.tar"), folder)


def test_a_server_without_room_is_no_verdict(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is a server of ours, and psql quotes it."""
    said = 'psql ended with exit code 3: ERROR:  could not extend file "base/5/1": No space left on device'
    monkeypatch.setattr(copy.Way, "_back", lambda *_: (_ for _ in ()).throw(Complained(said)))

    with pytest.raises(CannotTell, match="could not extend file"):
        restored(Own(newest=NEWEST, path="x"), folder)


def test_a_backup_that_cannot_be_read_has_failed(folder: Path) -> None:
    """A bad sector of it is said with its name."""
    (folder / "shop.sql").symlink_to(UNREADABLE)

    with pytest.raises(Failed, match=r"shop\.sql: cannot be read \(Input/output error\)"):
        restored(Own(newest=NEWEST, path="*.sql"), folder)


def test_a_log_that_is_not_where_it_is_said_to_be_has_failed(source: tuple[Postgres, Path], folder: Path) -> None:
    """And so has one that lies where it cannot be read."""
    based(source[0], folder / "base")
    own = Own(newest=NEWEST, path="base", wal="the log", superuser=superuser(source[0]))

    with pytest.raises(Failed, match=r"No such file or directory: .*the log"):
        restored(own, folder)


def test_data_files_without_a_folder_that_every_server_has_have_failed(
    source: tuple[Postgres, Path], folder: Path
) -> None:
    """They were laid out as they are."""
    based(source[0], folder / "base")
    (folder / "log").mkdir()
    (folder / "base" / "backup_manifest").unlink()
    (folder / "base" / "pg_wal").rename(folder / "moved")
    own = Own(newest=NEWEST, path="base", wal="log", superuser=superuser(source[0]))

    with pytest.raises(Failed, match=r"No such file or directory: .*pg_wal"):
        restored(own, folder)
