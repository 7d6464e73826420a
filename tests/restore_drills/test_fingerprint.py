"""A fingerprint is of every column, whatever its name; and a table without a log is not expected of data files."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from fixtures.postgres import Postgres, postgres
from restore_drills import fingerprint
from restore_drills.backups import proof, take
from restore_drills.backups.findings import Finding
from restore_drills.compare import differences
from restore_drills.fingerprint import Fingerprint
from tests.restore_drills.backups_world import PROGRAMS, execute, repository


@pytest.fixture(scope="module")
def server() -> Iterator[Postgres]:
    """One server for all."""
    with postgres(settings={"summarize_wal": "on"}) as running:
        yield running


def taken(server: Postgres) -> Fingerprint:
    """Fingerprint it as it is now."""
    with psycopg.connect(server.dsn) as connection:
        return fingerprint.take(connection, server.dsn)


@pytest.mark.parametrize("name", ["t", "o", "held", "sought", "text", "a b"])
def test_another_column_is_seen_beside_one_of_any_name(server: Postgres, name: str) -> None:
    """A query names rows by some word, and a column may have the same: then it would be the only one that is read."""
    execute(server.dsn, "DROP TABLE IF EXISTS item", f"CREATE TABLE item AS SELECT 1 AS \"{name}\", 'was' AS value")
    before = taken(server)
    execute(server.dsn, "UPDATE item SET value = 'is'")
    (found,) = differences({"one": before}, {"one": taken(server)}, physical=False)

    assert ("rows", "database 'one': table public.item") == (found.part, found.text.rpartition(": Table")[0])


def test_a_table_without_a_log_comes_back_empty_and_that_is_said(server: Postgres, tmp_path: Path) -> None:
    """Of data files, by design; a dump brings its rows, and where it lacks some, that is a difference."""
    execute(server.dsn, "DROP TABLE IF EXISTS item", "CREATE UNLOGGED TABLE item AS SELECT generate_series(1, 7) AS n")
    place = repository(tmp_path / "store")
    full, dump = take.physical(place, PROGRAMS, server.dsn, None), take.logical(place, PROGRAMS, server.dsn)
    remarks: list[Finding] = []

    assert [] == proof.restored(place, PROGRAMS, full, remarks.append) + proof.restored(place, PROGRAMS, dump)
    said = "database 'postgres': table public.item: is unlogged: its 7 rows are in no copy of data files, by design"
    assert [Finding(full.id, said)] == remarks
    source = proof.content_of(place, dump)
    execute(server.dsn, "DELETE FROM item")
    copy = {"postgres": taken(server)}
    for physical in (True, False):  # a drill leaves nothing out: a release that keeps its data so loses them
        assert ["rows", "rows"] == [each.part for each in differences(source, copy, physical=physical)]
