"""A team's own backups come back in every form, and each way in which one is no backup is told by name."""

from __future__ import annotations

import contextlib
import datetime as dt
import gzip
import os
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import psycopg
import pytest
from psycopg import sql

from fixtures.postgres import Given, Postgres, database, postgres
from restore_drills import drill_own_backup as drills
from restore_drills.own.contract import Own, Unfit
from restore_drills.own.copy import Copy, Failed, Way, counts, missing, moment
from restore_drills.own.form import form_of, newest
from restore_drills.own.logical import NAME
from restore_drills.own.tool import COMPLAINT
from tests.restore_drills.backups_world import PROGRAMS, archived, archiving, execute, older_server

SHOP = (
    "CREATE ROLE clerk",
    "CREATE DATABASE shop",
)
ITEMS = """
    CREATE TABLE item (id int PRIMARY KEY, at timestamptz NOT NULL);
    CREATE TABLE basket (id int);
    CREATE MATERIALIZED VIEW sold AS SELECT * FROM item;
    INSERT INTO item SELECT n, '2026-11-25 12:00Z'::timestamptz - n * interval '1 hour' FROM generate_series(0, 999) n;
    REFRESH MATERIALIZED VIEW sold;
    GRANT SELECT ON item TO clerk;
"""
ROLES = "SELECT rolname FROM pg_roles WHERE rolname !~ '^pg_' AND rolname <> current_user"
NEWEST = "SELECT max(at) FROM item"
NOON = dt.datetime(2026, 11, 25, 12, tzinfo=dt.UTC)
Fresh = Callable[[], contextlib.AbstractContextManager[Postgres]]


@pytest.fixture(scope="module")
def source() -> Iterator[tuple[Postgres, Path]]:
    """A server with a shop that archives its log, and where to."""
    with archiving() as (server, spool):
        execute(server.dsn, *SHOP)
        execute(database(server, "shop"), *filter(str.strip, ITEMS.split(";")))
        yield server, spool


@pytest.fixture(scope="module")
def other() -> Iterator[Postgres]:
    """A server that stands for all the fresh ones."""
    with postgres() as server:
        yield server


@pytest.fixture
def fresh(other: Postgres) -> Fresh:
    """A server that is as good as fresh."""

    @contextlib.contextmanager
    def made() -> Iterator[Postgres]:
        try:
            yield Given(other.dsn)
        finally:
            with psycopg.connect(other.dsn, autocommit=True) as connection:
                for name in (NAME, "shop"):
                    connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)".encode())
                for (name,) in connection.execute(ROLES).fetchall():
                    connection.execute(sql.SQL("DROP ROLE {}").format(sql.Identifier(name)))

    return made


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that the server's user may read."""
    with tempfile.TemporaryDirectory(prefix="release-verification-own-test-") as name:
        Path(name).chmod(0o755)
        yield Path(name)


def restored(own: Own, folder: Path, fresh: Fresh = postgres, address: str = "") -> dict[str, int]:
    """Bring it back, and count; what it told of its steps is of no interest."""
    with Way(own=own, root=folder, source=address, fresh=fresh, say=lambda _: None).gone() as copy:
        assert moment(copy.address, own.newest) == NOON
        assert copy.seconds > 0
        return counts(copy.address)


def dumped(server: Postgres, *arguments: str) -> None:
    """Dump the shop."""
    PROGRAMS.run("pg_dump", *arguments, dsn=database(server, "shop"))


def roles(server: Postgres, folder: Path) -> str:
    """Write the roles down."""
    PROGRAMS.run("pg_dumpall", "--globals-only", f"--file={folder / 'roles.sql'}", dsn=server.dsn)
    return "roles.sql"


def seen(folder: Path) -> dict[Path, tuple[int, float, int]]:
    """What would show that a file was touched."""
    return {path: ((of := path.lstat()).st_size, of.st_mtime, of.st_uid) for path in folder.rglob("*")}


WHOLE = {"public.basket": 0, "public.item": 1000, "public.sold": 1000}


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


@pytest.mark.parametrize(
    "arguments", [(), ("--format=tar",), ("--format=tar", "--gzip")], ids=["plain", "tar", "tar.gz"]
)
def test_a_base_backup_comes_back(source: tuple[Postgres, Path], folder: Path, arguments: tuple[str, ...]) -> None:
    """Data files with their own log start a server of their own; the backup is not touched."""
    _based(source[0], folder / "base", *arguments)
    before = seen(folder)
    own = Own(newest=NEWEST, path="base", superuser=_superuser(source[0]))

    assert restored(own, folder) == WHOLE
    assert before == seen(folder)


def test_the_archived_log_leads_on(source: tuple[Postgres, Path], folder: Path) -> None:
    """What was written after the base backup comes from the log; a gap in it, or a segment cut short, is named."""
    server, spool = source
    _based(server, folder / "base", "--format=tar", "--wal-method=none")
    execute(database(server, "shop"), "CREATE TABLE later AS SELECT 1")
    _closed(server)
    middle = _closed(server)
    _closed(server)
    log = folder / "log"
    log.mkdir()
    for path in spool.iterdir():
        (log / f"{path.name}.gz").write_bytes(gzip.compress(path.read_bytes(), 1))
    own = Own(newest=NEWEST, path="base", wal="log", superuser=_superuser(server))
    execute(database(server, "shop"), "DROP TABLE later")

    assert {**WHOLE, "public.later": 1} == restored(own, folder)
    (log / f"{middle}.gz").write_bytes(gzip.compress(gzip.decompress((log / f"{middle}.gz").read_bytes())[:5000]))
    with pytest.raises(Failed, match=f"{middle}.gz: was cut short: 5000 bytes"):
        restored(own, folder)
    (log / f"{middle}.gz").unlink()
    with pytest.raises(Failed, match=f"{middle}: is missing"):
        restored(own, folder)


def test_a_damaged_base_backup_is_named(source: tuple[Postgres, Path], folder: Path) -> None:
    """A changed byte, a missing label and a cut tar file each start a server, if one lets them."""
    base = folder / "base"
    _based(source[0], base)
    own = Own(newest=NEWEST, path="base", superuser=_superuser(source[0]))
    victim = max((base / "base").rglob("[0-9]*"), key=lambda path: path.stat().st_size)
    content = victim.read_bytes()
    victim.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    with pytest.raises(Failed, match=victim.name):
        restored(own, folder)
    victim.write_bytes(content)
    (base / "backup_label").unlink()
    with pytest.raises(Failed, match="backup_label is missing"):
        restored(own, folder)
    _based(source[0], folder / "tar", "--format=tar")
    cut = (folder / "tar" / "base.tar").read_bytes()[:70000]
    (folder / "tar" / "base.tar").write_bytes(cut)

    with pytest.raises(Failed, match=r"base\.tar: cannot be unpacked"):
        restored(msgspec.structs.replace(own, path="tar"), folder)


def test_a_teams_tool_restores(source: tuple[Postgres, Path], fresh: Fresh, folder: Path) -> None:
    """Into a server that PG* variables and the address name, or into a data directory that is then started."""
    roles(source[0], folder)
    dumped(source[0], f"--file={folder / 'shop.sql'}")
    into_server = ("sh", "-c", 'psql -q -f roles.sql && psql -q -f shop.sql "{dsn}"')
    _based(source[0], folder / "base")
    into_data = ("sh", "-c", "cp -a base/. {data}")

    assert restored(Own(newest=NEWEST, restore=into_server), folder, fresh) == WHOLE
    assert WHOLE == restored(Own(newest=NEWEST, restore=into_data, superuser=_superuser(source[0])), folder)


def test_what_is_fetched_is_restored(source: tuple[Postgres, Path], fresh: Fresh, folder: Path) -> None:
    """A command brings the backup; PG* variables name the source; nothing of it is left."""
    fetch = ("sh", "-c", "pg_dump --no-privileges --no-owner --file={folder}/shop.sql && echo {folder} > where")
    own = Own(newest=NEWEST, fetch=fetch, path="{folder}/*.sql")

    assert restored(own, folder, fresh, database(source[0], "shop")) == WHOLE
    assert not Path((folder / "where").read_text().strip()).exists()


@pytest.fixture(scope="module", params=["15", "16", "17"])
def older(request: pytest.FixtureRequest) -> Iterator[Postgres]:
    """A server of an older major version, where Debian's programs of it are."""
    with older_server(request.param) as server:
        execute(server.dsn, *SHOP)
        execute(database(server, "shop"), *filter(str.strip, ITEMS.split(";")))
        yield server


def test_backups_of_an_older_server_come_back(older: Postgres, fresh: Fresh, folder: Path) -> None:
    """A dump into a server of ours, data files into one of their own version."""
    dumped(older, f"--file={folder / 'shop.sql'}")
    own = Own(newest=NEWEST, path="shop.sql", globals=roles(older, folder))
    assert restored(own, folder, fresh) == WHOLE
    _based(older, folder / "base", "--format=tar")

    assert WHOLE == restored(Own(newest=NEWEST, path="base", superuser=_superuser(older)), folder)


def test_data_files_of_a_version_that_is_not_here_are_named(folder: Path) -> None:
    """Another version's server would only say that it cannot start."""
    (folder / "base").mkdir()
    (folder / "base" / "PG_VERSION").write_text("11\n")
    (folder / "base" / "backup_label").write_text("")

    with pytest.raises(Failed, match=r"PostgreSQL 11's, and its programs are not here: install postgresql-11"):
        restored(Own(newest=NEWEST, path="base"), folder)


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


@pytest.mark.parametrize(
    ("command", "said"),
    [
        (("sh", "-c", "echo 'P00  ERROR: [055]: unable to load info file'"), r"exit code 0: P00 ERROR: \[055\]"),
        (("sh", "-c", "psql -q -c 'SELECT nothing'; true"), 'column "nothing" does not exist'),
        (("false",), "exit code 1: it said nothing"),
        (("no-such-tool",), "cannot be run"),
        (("sh", "-c", "mkdir -p {data}/base"), "there is no PG_VERSION"),
    ],
)
def test_a_tool_that_fails_is_heard(fresh: Fresh, folder: Path, command: tuple[str, ...], said: str) -> None:
    """Whatever it ends with, and also where it wrote nothing."""
    with pytest.raises(Failed, match=said):
        restored(Own(newest=NEWEST, restore=command), folder, fresh)


@pytest.mark.parametrize(
    ("line", "heard"),
    [
        ('psql:<stdin>:12: ERROR:  relation "x" does not exist', True),
        ("2026-11-25 10:00:01.123 P00  ERROR: [055]: unable to load info file", True),
        ("ERROR: 2026/11/25 10:00:01.123 Failed to fetch backup: LATEST", True),
        ("2026-11-25 10:00:01,123 [77] barman.server ERROR: no backup", True),
        ("pg_restore: error: could not execute query", True),
        ("pg_restore: warning: errors ignored on restore: 3", True),
        ("fatal error: An error occurred (404) when calling HeadObject: Not Found", True),
        ("INFO: restore command end: completed successfully (1234ms)", False),
        ("pg_restore: warning: some rows were slow", False),
        ("restored 12 tables, 0 errors", False),
        ("restore error_log (12 rows)", False),
    ],
)
def test_complaints_are_known(line: str, *, heard: bool) -> None:
    """As each tool words them, and no other line."""
    assert heard == bool(COMPLAINT.search(f"first line\n{line}\n"))


def test_the_newest_is_the_one_written_last(folder: Path) -> None:
    """Names need not be dates; a folder is as new as its newest file, and none at all is an error."""
    (folder / "monday.sql").write_text("x")
    os.utime(folder / "monday.sql", (2_000, 2_000))
    (folder / "tuesday").mkdir()
    (folder / "tuesday" / "toc.dat").write_text("x")
    os.utime(folder / "tuesday" / "toc.dat", (3_000, 3_000))
    os.utime(folder / "tuesday", (1_000, 1_000))

    assert folder / "tuesday" == newest("*day*", folder)
    assert "archive" == form_of(folder / "tuesday")
    with pytest.raises(Unfit, match="no backup is there"):
        newest("friday*", folder)


def test_emptiness_is_judged_against_the_source() -> None:
    """What is empty in both is well; what is empty in the copy alone, or not there, is named."""
    source = {"a": True, "b": True, "c": False, "d": False}

    assert ["table d: is not there", "table a: has no row, and the source has some"] == missing(
        source, {"a": 0, "b": 5, "c": 0, "of old": 3}
    )


@pytest.mark.parametrize("statement", ["SELECT 7", "SELECT 1, 2", "SELECT current_date"])
def test_what_is_no_moment_is_refused(other: Postgres, statement: str) -> None:
    """A number, two columns and a day without its time say nothing about an hour."""
    with pytest.raises(Unfit, match="and not one moment"):
        moment(other.dsn, statement)


@pytest.mark.parametrize(
    "fields", [{}, {"path": "a", "restore": ("b",)}, {"restore": ("b",), "wal": "c"}, {"path": "a", "wall": "c"}]
)
def test_what_cannot_be_meant_is_refused(fields: dict[str, object]) -> None:
    """No place, two ways at once, and a key with a typo."""
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({"newest": NEWEST, **fields}, Own)


def test_what_would_be_lost_is_measured(source: tuple[Postgres, Path], other: Postgres) -> None:
    """Against the source where it can be asked, against now where not; a copy newer than its source is another's."""
    shop = database(source[0], "shop")
    copy = Copy(address=shop, came_from="x", seconds=1)
    measured: dict[str, float] = {}
    way = Way(own=Own(newest=NEWEST, path="x"), root=Path(), source=shop, fresh=postgres, say=lambda _: None)
    drills.drill_own_backup_is_fresh(copy, way, measured.update)
    assert {"rpo_s": 0} == measured
    hour_ago = Own(newest="SELECT now() - interval '1 hour'", path="x")
    alone = msgspec.structs.replace(way, own=hour_ago, source="")
    drills.drill_own_backup_is_fresh(copy, alone, measured.update)
    assert 3600 == pytest.approx(measured["rpo_s"], abs=60)
    uptime = Own(newest="SELECT 'epoch'::timestamptz + (now() - pg_postmaster_start_time())", path="x")
    younger = msgspec.structs.replace(way, own=uptime, source=other.dsn)

    with pytest.raises(AssertionError, match="newer than any of the source"):
        drills.drill_own_backup_is_fresh(copy, younger, measured.update)


def _based(server: Postgres, folder: Path, *arguments: str) -> None:
    PROGRAMS.run("pg_basebackup", f"--pgdata={folder}", "--checkpoint=fast", "--no-sync", *arguments, dsn=server.dsn)
    subprocess.run(["chmod", "-R", "a+rX", str(folder)], check=True)


def _closed(server: Postgres) -> str:
    """Write something, and archive the segment that it is in."""
    execute(server.dsn, "SELECT txid_current()")
    return archived(server)


def _superuser(server: Postgres) -> str:
    with psycopg.connect(server.dsn) as connection:
        return str(connection.info.user)
