"""Real backups of a real server, of each kind: they come back whole, to the moment, and not where they are damaged."""

from __future__ import annotations

import datetime as dt
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
import psycopg
import pytest
from psycopg import conninfo

from evidence.errors import InputError
from fixtures.postgres import Postgres
from restore_drills.backups import looks, proof, shipping, take, wal
from restore_drills.backups.archive import Refused, archive
from restore_drills.backups.model import Damaged, Manifest
from restore_drills.backups.programs import ProgramFailed
from restore_drills.backups.repository import Repository
from restore_drills.backups.restore import Target, recovered
from restore_drills.backups.timelines import number, segment
from restore_drills.compare import Fingerprints, differences
from tests.restore_drills.backups_world import PROGRAMS, archived, archiving, execute, passable, repository

SHOP = 'A "shop", Größe'
"""A hostile name."""


@pytest.fixture(scope="module")
def world() -> Iterator[tuple[Postgres, Path]]:
    """One server for all; the tests add rows to it, one after the other."""
    with archiving() as (server, spool):
        execute(
            server.dsn,
            "CREATE TABLE item (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text)",
            "INSERT INTO item (name) SELECT 'item ' || n FROM generate_series(1, 20000) n",
            'CREATE DATABASE "A ""shop"", Größe"',
        )
        execute(conninfo.make_conninfo(server.dsn, dbname=SHOP), "CREATE TABLE price AS SELECT 7 AS cents")
        yield server, spool


@pytest.fixture
def server(world: tuple[Postgres, Path]) -> Postgres:
    """The server."""
    return world[0]


@pytest.fixture
def place(tmp_path_factory: pytest.TempPathFactory) -> Repository:
    """An empty repository."""
    return repository(tmp_path_factory.mktemp("backups") / "the store")


@pytest.fixture
def tmp_path() -> Iterator[Path]:
    """A folder that the server's own user may pass through; pytest's are ours alone."""
    with passable() as name:
        yield name


def add(server: Postgres, name: str) -> str:
    """Add a row; return the place in the log right behind it."""
    execute(server.dsn, f"INSERT INTO item (name) VALUES ('{name}')")  # noqa: S608 - our own name
    return looks.moment(server.dsn).lsn


def names(dsn: str) -> set[str]:
    """Name the rows that these tests added."""
    with psycopg.connect(dsn) as connection:
        return {str(name) for (name,) in connection.execute("SELECT name FROM item WHERE name !~ '^item'")}


def problems(place: Repository, one: Manifest) -> list[str]:
    """Restore it and compare."""
    return [finding.problem for finding in proof.restored(place, PROGRAMS, one)]


def test_a_chain_comes_back_row_by_row(server: Postgres, place: Repository) -> None:
    """A full backup and two increments: each is proven by every row of every database, hostile names included."""
    full = take.physical(place, PROGRAMS, server.dsn, None)
    add(server, "second")
    one = take.physical(place, PROGRAMS, server.dsn, full)
    add(server, "third")
    two = take.physical(place, PROGRAMS, server.dsn, one)

    assert ((), (full.id,), (full.id, one.id)) == (full.parents, one.parents, two.parents)
    assert ["lsn"] * 3 == [each.content.bound for each in (full, one, two)]
    assert [2, full.content.rows + 2] == [two.content.databases, two.content.rows]
    assert one.size < full.size
    assert [] == problems(place, full) + problems(place, two)


def test_a_dump_comes_back_row_by_row(server: Postgres, place: Repository) -> None:
    """One database, with the roles, in the very snapshot of its fingerprint."""
    one = take.logical(place, PROGRAMS, server.dsn)

    assert ("snapshot", one.start_lsn) == (one.content.bound, one.end_lsn)
    assert [] == problems(place, one)


def test_a_copy_that_differs_is_seen(server: Postgres, place: Repository) -> None:
    """Rows of equal number, another sequence, a lost index, an empty copy: each is named."""
    one = take.logical(place, PROGRAMS, server.dsn)
    source = proof.content_of(place, one)
    name = next(iter(source))
    table = msgspec.structs.replace(source[name].tables["public.item"], digest="1")
    copy = msgspec.structs.replace(source[name], tables={"public.item": table}, sequences={}, schema=())
    empty = msgspec.structs.replace(source[name], tables={})

    assert {"table": "rows", "sequence": "sequences", "schema:": "schema"} == {
        text.partition("': ")[2].split()[0]: part for part, text in differences(source, {name: copy}, physical=False)
    }
    assert ("rows", "the copy is empty, and the source was not") in differences(source, {name: empty}, physical=False)
    assert [("rows", f"database {name!r}: is in the source only")] == differences(source, {}, physical=False)[:1]


def test_a_moment_between_two_rows_is_reached(world: tuple[Postgres, Path], place: Repository, tmp_path: Path) -> None:
    """By place and by time: everything before is there, nothing after; and the latest has both."""
    server, spool = world
    full = take.physical(place, PROGRAMS, server.dsn, None)
    at = add(server, "before")
    time.sleep(0.05)
    when = dt.datetime.now(dt.UTC)
    time.sleep(0.05)
    add(server, "after")
    last = archived(server)
    shipped = shipping.ship(place, spool)
    seen = {}
    for until in (at, when.isoformat(), "latest"):
        with recovered(place, PROGRAMS, full, Target.of(until), tmp_path / until[-4:]) as copy:
            seen[until] = names(copy.address()) & {"before", "after"}
            with psycopg.connect(copy.address()) as connection:
                assert ("off", "(disabled)") == connection.execute(
                    "SELECT current_setting('archive_mode'), current_setting('archive_command')"
                ).fetchone()
            execute(copy.address(), "INSERT INTO item (name) VALUES ('written')")

    assert last in shipped
    assert [] == [path.name for path in spool.iterdir() if wal.KEPT.fullmatch(path.name)]
    assert [{"before"}, {"before"}, {"before", "after"}] == list(seen.values())
    _gaps(place, full, last, tmp_path)


def test_a_backup_under_writes_is_proven_through_the_log(
    world: tuple[Postgres, Path], place: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Written to while it was made: the log leads to the moment of its fingerprint, and to no row after it."""
    server, spool = world
    run = PROGRAMS.run
    monkeypatch.setattr(PROGRAMS, "run", lambda *told, **more: (run(*told, **more), add(server, "during"))[0])
    one = take.physical(place, PROGRAMS, server.dsn, None)
    monkeypatch.undo()
    add(server, "later")
    archived(server)
    shipping.ship(place, spool)

    assert ("lsn", False) == (one.content.bound, one.content.alone)
    assert [] == problems(place, one)


def _gaps(place: Repository, full: Manifest, last: str, tmp_path: Path) -> None:
    """A moment past the log is refused, a gap names its segment, and a damaged segment too."""
    with pytest.raises(Damaged, match="the log that is here ends before"):
        _recover(place, full, "2100-01-01T00:00:00Z", tmp_path / "future")
    assert not (tmp_path / "future" / "data").exists()
    with pytest.raises(Damaged, match="is missing"):
        _recover(place, full, "7F/0", tmp_path / "beyond")
    kept = {one.name: one for one in wal.Archive.read(place, full.system_identifier).kept}
    path = Path(place.store.name, kept[last].key)
    whole = path.read_bytes()
    path.write_bytes(whole[:-100])
    with pytest.raises(Damaged, match=last):
        _recover(place, full, "latest", tmp_path / "cut")
    first = segment(1, number(last, full.segment_size) - 1, full.segment_size)
    path.with_name(
        path.name.replace(last, segment(1, number(last, full.segment_size) + 3, full.segment_size))
    ).write_bytes(whole)
    with pytest.raises(Damaged, match=segment(1, number(last, full.segment_size) + 1, full.segment_size)):
        _recover(place, full, "latest", tmp_path / "gap")
    assert first


def _recover(place: Repository, one: Manifest, until: str, folder: Path) -> None:
    with recovered(place, PROGRAMS, one, Target.of(until), folder):
        pass


@pytest.mark.parametrize("name", ["base.tar", "pg_wal.tar", "backup_manifest"])
def test_a_damaged_physical_backup_is_refused_and_named(
    server: Postgres, place: Repository, tmp_path: Path, name: str
) -> None:
    """One bit in the middle: the restore ends, names the file, and leaves nothing behind."""
    one = take.physical(place, PROGRAMS, server.dsn, None)
    path = Path(place.store.name, "backups", one.id, name)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)

    with pytest.raises(Damaged, match=f"{one.id}/{name}"):
        _recover(place, one, "backup", tmp_path / "copy")
    assert not (tmp_path / "copy").exists()


def test_an_increment_without_its_parent_is_refused(server: Postgres, place: Repository, tmp_path: Path) -> None:
    """The member that is missing is named."""
    full = take.physical(place, PROGRAMS, server.dsn, None)
    one = take.physical(place, PROGRAMS, server.dsn, full)
    place.remove(full)

    with pytest.raises(Damaged, match=f"needs {full.id}"):
        _recover(place, one, "backup", tmp_path / "copy")


def test_where_the_log_leads_to_no_still_moment_the_backup_alone_is_proven(
    server: Postgres, place: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each look meets a write, though the server archives: what was there before and after needs no log."""
    every, looked = looks.every_database, list[str]()

    def met(dsn: str) -> Fingerprints:
        taken = every(dsn)
        looked.append(add(server, "meanwhile"))
        return taken

    monkeypatch.setattr(looks, "every_database", met)
    one = take.physical(place, PROGRAMS, server.dsn, None)
    monkeypatch.undo()

    assert 1 + looks.TRIES == len(looked)
    assert ("moving", False, 1) == (one.content.bound, one.content.alone, one.content.moved)
    assert [] == problems(place, one)


def test_a_server_that_is_not_there_is_one_sentence(place: Repository) -> None:
    """It says where to give the address, and never the password."""
    with pytest.raises(InputError, match=r"`database` of backup\.toml") as refused:
        take.physical(place, PROGRAMS, "postgresql://me:secret@127.0.0.1:1/shop", None)
    assert "secret" not in str(refused.value)


def test_a_program_that_complains_and_ends_well_has_failed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An error on stderr counts, whatever the exit code."""
    (tmp_path / "pg_liar").write_text("#!/bin/sh\necho 'pg_liar: error: nothing written' >&2\n")
    (tmp_path / "pg_liar").chmod(0o755)
    monkeypatch.setattr(PROGRAMS, "_folder", tmp_path)

    with pytest.raises(ProgramFailed, match="nothing written"):
        PROGRAMS.run("pg_liar")


def test_the_archive_keeps_whole_files_and_never_another_content(tmp_path: Path) -> None:
    """Twice the same is well; another content under the name is refused and changes nothing; no part is left."""
    name = "000000010000000000000007"
    (tmp_path / "here").mkdir()
    (tmp_path / "spool").mkdir()
    source, kept = tmp_path / "here" / name, tmp_path / "spool" / name
    source.write_bytes(b"log")
    archive(source, tmp_path / "spool")
    archive(source, tmp_path / "spool")
    source.write_bytes(b"another")
    with pytest.raises(Refused, match="another content"):
        archive(source, tmp_path / "spool")
    with pytest.raises(Refused, match="make room"):
        archive(source, tmp_path / "missing")

    assert (b"log", [kept]) == (kept.read_bytes(), list(kept.parent.iterdir()))


def test_what_is_no_log_is_not_shipped(place: Repository, tmp_path: Path) -> None:
    """A cut segment is refused and named; it stays where it is."""
    (tmp_path / "000000010000000000000007").write_bytes(b"cut")
    place.work.mkdir(parents=True)

    with pytest.raises(Damaged, match="000000010000000000000007: does not begin as a segment"):
        shipping.ship(place, tmp_path)
    assert (tmp_path / "000000010000000000000007").exists()
    shutil.rmtree(tmp_path)
    with pytest.raises(InputError, match="is no folder"):
        shipping.ship(place, tmp_path)
