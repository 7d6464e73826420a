"""Dumps come back in every form, and what is no dump is named."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path

import pytest

from fixtures.postgres import Postgres
from restore_drills.own.contract import Own
from restore_drills.own.copy import Failed
from tests.restore_drills.backups_world import PROGRAMS
from tests.restore_drills.own.world import NEWEST, WHOLE, Fresh, based, dumped, restored, roles, superuser


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("shop.sql", ()),
        ("shop.sql.gz", ("--compress=gzip:1",)),
        ("shop created.sql", ("--create",)),
        ("shop.custom", ("--format=custom",)),
        ("shop.folder", ("--format=directory",)),
        ("shop.tar", ("--format=tar",)),
    ],
)
def test_a_dump_comes_back(
    source: tuple[Postgres, Path], fresh: Fresh, folder: Path, name: str, arguments: tuple[str, ...]
) -> None:
    """Whatever form of dump it is, and whatever it is called."""
    dumped(source[0], *arguments, f"--file={folder / name}")
    own = Own(newest=NEWEST, path="shop*", globals=roles(source[0], folder))

    assert restored(own, folder, fresh) == WHOLE


def test_a_dump_of_all_comes_back(source: tuple[Postgres, Path], fresh: Fresh, folder: Path) -> None:
    """pg_dumpall makes databases and roles by itself; the one that holds something is looked at."""
    with gzip.open(folder / "all.gz", "wt") as file:
        file.write(PROGRAMS.run("pg_dumpall", dsn=source[0].dsn))

    assert restored(Own(newest=NEWEST, path="all.gz"), folder, fresh) == WHOLE


def test_an_archive_that_was_packed_again_comes_back(source: tuple[Postgres, Path], fresh: Fresh, folder: Path) -> None:
    """pg_restore reads no gzip; many pack what is packed. The original is left as it was."""
    dumped(source[0], "--format=custom", f"--file={folder / 'plain'}")
    (folder / "shop.dump.gz").write_bytes(gzip.compress((folder / "plain").read_bytes()))
    own = Own(newest=NEWEST, path="shop.dump.gz", globals=roles(source[0], folder))

    assert restored(own, folder, fresh) == WHOLE
    assert {"plain", "roles.sql", "shop.dump.gz"} == {path.name for path in folder.iterdir()}


def test_backups_of_an_older_server_come_back(older: Postgres, fresh: Fresh, folder: Path) -> None:
    """A dump into a server of ours, data files into one of their own version."""
    dumped(older, f"--file={folder / 'shop.sql'}")
    own = Own(newest=NEWEST, path="shop.sql", globals=roles(older, folder))
    assert restored(own, folder, fresh) == WHOLE
    based(older, folder / "base", "--format=tar")

    assert WHOLE == restored(Own(newest=NEWEST, path="base", superuser=superuser(older)), folder)


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda text: gzip.compress(text)[:900], r"shop\.sql: cannot be unpacked: it was cut short"),
        (lambda text: text[: len(text) // 2].rpartition(b"\n")[0] + b"\n\\.\n", "was cut short: it begins as pg_dump"),
        (lambda text: text.replace(b"clerk", b"nobody_knows"), 'role "nobody_knows" does not exist'),
        (lambda _: b"", "is empty"),
        (lambda _: b"SELECT 1;\n", "holds no table at all"),
        (lambda _: b"\x00\x01\x02" * 100, "is no SQL, no archive"),
        (lambda _: b"PGDMP\x01\x0e nothing", "pg_restore"),
    ],
)
def test_what_is_no_backup_is_named(
    source: tuple[Postgres, Path], fresh: Fresh, folder: Path, damage: Callable[[bytes], bytes], said: str
) -> None:
    """Cut short, packed or not; without its roles; empty; of nothing; not SQL at all."""
    path = folder / "shop.sql"
    dumped(source[0], f"--file={path}")
    path.write_bytes(damage(path.read_bytes()))
    own = Own(newest=NEWEST, path="shop.sql", globals=roles(source[0], folder))

    with pytest.raises(Failed, match=said):
        restored(own, folder, fresh)
