"""Base backups come back with their log, and each way in which one is not whole is named."""

from __future__ import annotations

import gzip
import stat
import tempfile
from pathlib import Path

import msgspec
import pytest

from fixtures.postgres import Postgres, database, postgres
from restore_drills.own.contract import Own
from restore_drills.own.copy import Failed, Way
from restore_drills.own.look import counts
from tests.restore_drills.backups_world import execute
from tests.restore_drills.own.world import NEWEST, WHOLE, based, closed, restored, superuser


def seen(folder: Path) -> dict[Path, tuple[int, float, int]]:
    """What would show that a file was touched."""
    return {path: ((of := path.lstat()).st_size, of.st_mtime, of.st_uid) for path in folder.rglob("*")}


@pytest.mark.parametrize(
    "arguments", [(), ("--format=tar",), ("--format=tar", "--gzip")], ids=["plain", "tar", "tar.gz"]
)
def test_a_base_backup_comes_back(source: tuple[Postgres, Path], folder: Path, arguments: tuple[str, ...]) -> None:
    """Data files with their own log start a server of their own; the backup is not touched."""
    based(source[0], folder / "base", *arguments)
    before = seen(folder)
    own = Own(newest=NEWEST, path="base", superuser=superuser(source[0]))

    assert restored(own, folder) == WHOLE
    assert before == seen(folder)


def test_the_archived_log_leads_on(source: tuple[Postgres, Path], folder: Path) -> None:
    """What was written after the base backup comes from the log; a gap in it, or a segment cut short, is named."""
    server, spool = source
    based(server, folder / "base", "--format=tar", "--wal-method=none")
    execute(database(server, "shop"), "CREATE TABLE later AS SELECT 1")
    closed(server)
    middle = closed(server)
    closed(server)
    log = folder / "log"
    log.mkdir()
    for path in spool.iterdir():
        (log / f"{path.name}.gz").write_bytes(gzip.compress(path.read_bytes(), 1))
    own = Own(newest=NEWEST, path="base", wal="log", superuser=superuser(server))
    execute(database(server, "shop"), "DROP TABLE later")

    assert {**WHOLE, "public.later": 1} == restored(own, folder)
    (log / f"{middle}.gz").write_bytes(gzip.compress(gzip.decompress((log / f"{middle}.gz").read_bytes())[:5000]))
    with pytest.raises(Failed, match=f"{middle}.gz: was cut short: 5000 bytes"):
        restored(own, folder)
    (log / f"{middle}.gz").unlink()
    with pytest.raises(Failed, match=f"{middle}: is missing"):
        restored(own, folder)


def test_the_log_lies_here_for_the_server_alone(
    source: tuple[Postgres, Path], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rows are in it, its names can be guessed, and the server's user passes through the folder that it lies in."""
    (mine := folder / "t").mkdir(mode=0o711)
    monkeypatch.setattr(tempfile, "tempdir", str(mine))
    based(source[0], folder / "base")
    closed(source[0])
    own = Own(newest=NEWEST, path="base", wal=str(source[1]), superuser=superuser(source[0]))
    found: set[str] = set()

    def say(text: str) -> None:
        for log in mine.glob("*/wal") if text == "recover" else ():
            found.update(stat.filemode(path.stat().st_mode) for path in (log, *log.iterdir()))

    with Way(own=own, root=folder, source="", fresh=postgres, say=say).gone() as copy:
        assert WHOLE == counts(copy.address)
    assert {"drwx------", "-rw-------"} == found


def test_a_damaged_base_backup_is_named(source: tuple[Postgres, Path], folder: Path) -> None:
    """A changed byte, a missing label and a cut tar file each start a server, if one lets them."""
    base = folder / "base"
    based(source[0], base)
    own = Own(newest=NEWEST, path="base", superuser=superuser(source[0]))
    victim = max((base / "base").rglob("[0-9]*"), key=lambda path: path.stat().st_size)
    content = victim.read_bytes()
    victim.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    with pytest.raises(Failed, match=victim.name):
        restored(own, folder)
    victim.write_bytes(content)
    (base / "backup_label").unlink()
    with pytest.raises(Failed, match="backup_label is missing"):
        restored(own, folder)
    based(source[0], folder / "tar", "--format=tar")
    cut = (folder / "tar" / "base.tar").read_bytes()[:70000]
    (folder / "tar" / "base.tar").write_bytes(cut)

    with pytest.raises(Failed, match=r"base\.tar: cannot be unpacked"):
        restored(msgspec.structs.replace(own, path="tar"), folder)


def test_data_files_of_a_version_that_is_not_here_are_named(folder: Path) -> None:
    """Another version's server would only say that it cannot start."""
    (folder / "base").mkdir()
    (folder / "base" / "PG_VERSION").write_text("11\n")
    (folder / "base" / "backup_label").write_text("")

    with pytest.raises(Failed, match=r"PostgreSQL 11's, and its programs are not here: install postgresql-11"):
        restored(Own(newest=NEWEST, path="base"), folder)
