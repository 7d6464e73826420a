"""A physical backup of a database that is written to all the while: what was still is proven, the rest is named."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from fixtures.postgres import Postgres, postgres
from restore_drills.backups import looks, proof, settled, take
from restore_drills.backups.findings import Finding
from restore_drills.backups.model import Content, Manifest, decode, encode
from restore_drills.backups.programs import Programs
from restore_drills.backups.repository import Repository
from tests.restore_drills.backups_called import run
from tests.restore_drills.backups_world import PROGRAMS, execute, manifest, repository

WITHIN_S = 30.0
MADE = (
    "CREATE TABLE item AS SELECT n, 'item ' || n AS name FROM generate_series(1, 5000) n",
    "CREATE TABLE log AS SELECT n, n::text AS text FROM generate_series(1, 1000) n",
    "CREATE TABLE counter AS SELECT n, 0 AS value FROM generate_series(1, 4) n",
    "CREATE TABLE job (n int)",
    "CREATE SEQUENCE number",
    "SELECT lo_from_bytea(0, 'large')",
)
SMALL = {"summarize_wal": "on", "autovacuum": "off"}
TURN = (
    "INSERT INTO log SELECT nextval('number'), 'new'",
    "UPDATE counter SET value = value + 1 WHERE n = 1",
    "INSERT INTO job VALUES (1)",
    "DELETE FROM job",
)


@pytest.fixture
def shop() -> Iterator[Postgres]:
    """A small server that archives nothing."""
    with postgres(settings=SMALL) as server:
        execute(server.dsn, *MADE)
        yield server


@pytest.fixture
def place(tmp_path: Path) -> Repository:
    """An empty repository."""
    return repository(tmp_path / "store")


@contextlib.contextmanager
def writing(server: Postgres) -> Iterator[None]:
    """Write to it all the while."""
    ended, began = threading.Event(), threading.Event()

    def write() -> None:
        while not ended.is_set():
            execute(server.dsn, *TURN)
            began.set()

    writer = threading.Thread(target=write)
    writer.start()
    try:
        assert began.wait(WITHIN_S)
        yield
    finally:
        ended.set()
        writer.join()


def around(monkeypatch: pytest.MonkeyPatch, before: Callable[[], None], after: Callable[[], None]) -> None:
    """Do something right before the files are copied, and right after."""
    go = PROGRAMS.run

    def going(name: str, *told: str, dsn: str = "") -> str:
        if name != "pg_basebackup":
            return go(name, *told, dsn=dsn)
        before()
        done = go(name, *told, dsn=dsn)
        after()
        return done

    monkeypatch.setattr(PROGRAMS, "run", going)


def proven(place: Repository, one: Manifest) -> tuple[list[str], list[str]]:
    """Restore it: what is wrong, and what was not compared."""
    remarks: list[Finding] = []
    found = proof.restored(place, PROGRAMS, one, remarks.append)
    assert {one.id} >= {each.place for each in (*found, *remarks)}
    return [each.problem for each in found], [each.problem for each in remarks]


def named(texts: list[str]) -> list[str]:
    """Name what they are about."""
    return sorted(text.removeprefix("database 'postgres': ").partition(":")[0] for text in texts)


def damaged(monkeypatch: pytest.MonkeyPatch, *statements: str) -> None:
    """Do something to every copy before it is looked at."""
    copied = proof.copied

    @contextlib.contextmanager
    def copying(place: Repository, programs: Programs, one: Manifest) -> Iterator[str]:
        with copied(place, programs, one) as address:
            execute(address, *statements)
            yield address

    monkeypatch.setattr(proof, "copied", copying)


def test_what_was_still_is_proven_and_what_moved_is_named(
    shop: Postgres, place: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Under a writer nothing is called wrong, what was not compared is told by name, and each planted harm is found."""
    with writing(shop):
        one = take.physical(place, PROGRAMS, shop.dsn, None)
        increment = take.physical(place, PROGRAMS, shop.dsn, one)
    assert ("moving", "moving") == (one.content.bound, increment.content.bound)
    assert one.content.moved in (2, 3), "log and counter, and job where a look has met a row in it"
    assert b"counter" not in encode(one), "a manifest lies open"

    found, remarks = proven(place, one)
    assert [] == found
    assert {"table public.counter", "sequence public.number"} <= set(named(remarks)), remarks
    assert "table public.item" not in named(remarks)
    assert [] == proven(place, increment)[0]
    _harmed(place, one, monkeypatch)


def _harmed(place: Repository, one: Manifest, monkeypatch: pytest.MonkeyPatch) -> None:
    """A row of a still table changed, gone; an old one of a growing one gone; too few of a moving one; and no more."""
    for statement, table in {
        "UPDATE item SET name = 'another' WHERE n = 7": "table public.item",
        "DELETE FROM item WHERE n = 7": "table public.item",
        "DROP TABLE item": "table public.item",
        "DELETE FROM log WHERE n = 7": "table public.log",
        "DELETE FROM counter": "table public.counter",
        "SELECT lo_put(oid, 0, 'LARGE') FROM pg_largeobject_metadata": "table large objects",
    }.items():
        with monkeypatch.context() as patch:
            damaged(patch, statement)
            assert table in named(proven(place, one)[0]), statement
    with monkeypatch.context() as patch:
        damaged(patch, "UPDATE counter SET value = -1 WHERE n = 1")
        found, remarks = proven(place, one)
        assert [] == found, "what is not known is not claimed"
        assert "table public.counter" in named(remarks)


def test_what_came_and_went_during_the_backup_is_no_damage(
    shop: Postgres, place: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both looks find the same rows in job and item, and the copy has others: their age tells."""
    around(
        monkeypatch,
        lambda: execute(shop.dsn, "INSERT INTO job VALUES (1)", "DELETE FROM item WHERE n = 7"),
        lambda: execute(shop.dsn, "DELETE FROM job", "INSERT INTO item VALUES (7, 'item 7')"),
    )
    one = take.physical(place, PROGRAMS, shop.dsn, None)
    found, remarks = proven(place, one)

    assert ("moving", 0) == (one.content.bound, one.content.moved)
    assert [] == found
    assert [
        "database 'postgres': table public.item: rows of it were changed or removed meanwhile",
        "database 'postgres': table public.job: 1 rows are newer than the first look; the 0 older ones are compared",
    ] == remarks


def test_of_a_table_that_moved_the_number_of_old_rows_is_held(
    shop: Postgres, place: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Old rows only become fewer: a copy has no more than there were before, and no fewer than after."""
    around(monkeypatch, lambda: execute(shop.dsn, "UPDATE counter SET value = 1 WHERE n < 3"), lambda: None)
    one = take.physical(place, PROGRAMS, shop.dsn, None)
    assert ([], ["table public.counter"]) == (proven(place, one)[0], named(proven(place, one)[1]))
    damaged(monkeypatch, "DELETE FROM counter WHERE n = 4")
    (found,), _ = proven(place, one)

    held = "had 4 old rows before its backup and 2 after it, and the copy has 1"
    assert f"database 'postgres': table public.counter: {held}" == found


def test_of_a_table_that_moved_the_pages_that_did_not_are_proven(
    shop: Postgres, place: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One row of many was replaced: beside it nothing is claimed, and farther off a changed row is found."""
    around(monkeypatch, lambda: execute(shop.dsn, "UPDATE item SET name = 'new' WHERE n = 7"), lambda: None)
    with psycopg.connect(shop.dsn) as holding:
        holding.execute("INSERT INTO job VALUES (1)")  # so that the first look is not still, and tells parts
        one = take.physical(place, PROGRAMS, shop.dsn, None)
    found, (remark,) = proven(place, one)
    assert [] == found
    rest = "rows of it were changed or removed meanwhile; "
    assert remark.startswith(f"database 'postgres': table public.item: {rest}")
    held = int(remark.partition(rest)[2].split()[0])
    assert 1000 < held < 5000
    problems = []
    for n in (7, 4990):
        with monkeypatch.context() as patch:
            damaged(patch, f"UPDATE item SET name = name || '!' WHERE n = {n}")  # noqa: S608 - our own number
            problems.append(proven(place, one)[0])

    where = "database 'postgres': table public.item: old rows of the copy are other ones, in 1 of 1 parts"
    assert [[], [f"{where} that were the same before its backup and after it"]] == [each[-1:] for each in problems]


def test_what_was_made_and_dropped_meanwhile_is_named(
    shop: Postgres, place: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Tables, roles and the schema may change under a backup, and what stays is proven."""
    execute(shop.dsn, "CREATE UNLOGGED TABLE scratch AS SELECT 7 AS n")
    around(
        monkeypatch,
        lambda: execute(shop.dsn, "CREATE TABLE made AS SELECT 7 AS n", "CREATE ROLE clerk", "DROP TABLE log"),
        lambda: execute(shop.dsn, "DROP TABLE job", "CREATE DATABASE other"),
    )
    one = take.physical(place, PROGRAMS, shop.dsn, None)
    found, remarks = proven(place, one)

    tables = ["table public.job", "table public.log", "table public.made", "table public.scratch"]
    assert [] == found
    assert sorted(["database 'other'", "role clerk", "schema", *tables]) == named(remarks)
    damaged(monkeypatch, "DELETE FROM item WHERE n = 7")
    assert ["table public.item"] == named(proven(place, one)[0])


def test_a_commit_that_waits_for_a_standby_is_not_taken_for_damage(
    place: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The copy has what it did, and the source shows it to nobody yet: then nothing can be said."""
    # From the beginning: a server that is told later asks for a standby some moment after that.
    settings = {**SMALL, "synchronous_standby_names": "nobody", "synchronous_commit": "local"}
    with postgres(settings=settings) as shop, contextlib.ExitStack() as stack:
        execute(shop.dsn, *MADE)
        waiting = stack.enter_context(psycopg.connect(shop.dsn))
        waiting.execute("SET synchronous_commit = on")
        waiting.execute("DELETE FROM item WHERE n = 7")
        committing = threading.Thread(target=waiting.commit)
        stack.callback(committing.join, WITHIN_S)
        stack.callback(execute, shop.dsn, f"SELECT pg_cancel_backend({waiting.info.backend_pid})")

        def commit() -> None:
            committing.start()
            _waits(shop)

        around(monkeypatch, commit, lambda: None)
        one = take.physical(place, PROGRAMS, shop.dsn, None)
    (found,), _ = proven(place, one)

    assert found.startswith("cannot be proven by content: transaction ")
    assert "was committed while the source did not show it" in found


def _waits(server: Postgres) -> None:
    with psycopg.connect(server.dsn, autocommit=True) as connection:
        until = time.monotonic() + WITHIN_S
        while time.monotonic() < until:
            if connection.execute("SELECT 1 FROM pg_stat_activity WHERE wait_event = 'SyncRep'").fetchone():
                return
            time.sleep(0.02)
    pytest.fail("nobody waits for the standby")


def test_an_open_transaction_hides_only_what_is_newer_than_it(shop: Postgres, place: Repository) -> None:
    """What was written before it began is proven; it is open at both looks, and in no copy."""
    with psycopg.connect(shop.dsn) as holding, writing(shop):
        holding.execute("DELETE FROM item WHERE n = 7")
        one = take.physical(place, PROGRAMS, shop.dsn, None)
    found, remarks = proven(place, one)

    assert [] == found
    assert "table public.item" not in named(remarks)


def test_where_every_table_was_rewritten_nothing_is_proven(
    shop: Postgres, place: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    """That is a finding, and no remark."""
    rewritten = [f"DELETE FROM {table} WHERE n < 3" for table in ("item", "log", "counter")]  # noqa: S608 - our own names
    around(monkeypatch, lambda: execute(shop.dsn, *rewritten, "SELECT lo_unlink(oid) FROM pg_largeobject_metadata"),
           lambda: None)  # fmt: skip
    one = take.physical(place, PROGRAMS, shop.dsn, None)
    found, remarks = proven(place, one)

    assert ["cannot be proven by content: every table was written to meanwhile; prove a logical one"] == found
    assert ["table public.counter", "table public.item", "table public.log"] == named(remarks)[-3:]


def test_a_backup_of_before_there_were_two_looks_is_read_and_cannot_be_proven(
    shop: Postgres, place: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing tells which of its tables were still; and manifests of still databases are written as they were."""
    old = Content(bound="moving", lsn="0/1000000", alone=False, databases=1, tables=1, rows=1)
    one = manifest(content=old)
    assert one == decode(encode(one), f"backups/{one.id}/manifest.json")
    assert b"moved" not in encode(one)
    monkeypatch.setattr(settled, "WINDOW", 1)
    with writing(shop):
        made = take.physical(place, PROGRAMS, shop.dsn, None)

    assert ("moving", None) == (made.content.bound, made.content.moved), "too many transactions began meanwhile"
    assert looks.SETTLED not in [file.name for file in made.files]
    assert (["cannot be proven by content: the source was never still; prove a logical one"], []) == proven(place, made)


def test_list_and_verify_show_it(folder: Path, shop: Postgres) -> None:
    """It is well, and yet nobody takes it for proven whole."""
    with writing(shop):
        code, one, said = run(folder, shop, "full")
    assert (0, "moving") == (code, one["content"]["bound"]), said
    _, told, said = run(folder, shop, "list")
    moved = told["backups"][0]["content"]["moved"]
    assert f"while it was written to ({moved} of 5 tables)" in said
    code, told, said = run(folder, shop, "verify", "--restore")

    assert (0, []) == (code, told["findings"]), said
    assert "table public.counter" in named([each["problem"] for each in told["not_compared"]])
    assert f"NOT COMPARED {one['id']}: " in said
