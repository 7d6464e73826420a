"""A byte that a disk has changed in restored data files is seen, and named, in a table and in an index."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from fixtures.postgres import postgres
from fixtures.server import OnFiles
from restore_drills import levels
from restore_drills.backups import proof, take
from restore_drills.backups.model import Manifest
from restore_drills.backups.repository import Repository
from restore_drills.backups.restore import Target, recovered
from restore_drills.damage import turn
from tests.restore_drills.backups_world import PROGRAMS, execute, repository

SHOP = (
    "CREATE TABLE item (id int PRIMARY KEY, name text)",
    "INSERT INTO item SELECT n, 'item ' || n FROM generate_series(1, 2000) n",
    "CHECKPOINT",
)
PAGE = 8192
WHERE = "SELECT current_setting('data_directory') || '/' || pg_relation_filepath(%s), current_setting('data_checksums')"


@pytest.fixture(scope="module")
def backed_up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Repository, Manifest]]:
    """A full backup of a shop's server."""
    place = repository(tmp_path_factory.mktemp("pages") / "store")
    with postgres("embedded") as server:
        execute(server.dsn, *SHOP)
        yield place, take.physical(place, PROGRAMS, server.dsn, None)


@pytest.fixture
def restored(backed_up: tuple[Repository, Manifest]) -> Iterator[OnFiles]:
    """A server on the data files that came of it."""
    with tempfile.TemporaryDirectory(prefix="release-verification-pages-", ignore_cleanup_errors=True) as name:
        Path(name).chmod(0o711)
        with recovered(backed_up[0], PROGRAMS, backed_up[1], Target("backup"), Path(name, "copy")) as server:
            yield server


def changed(server: OnFiles, relation: str) -> None:
    """Turn one bit of its second page while nobody runs on it, as a disk does."""
    with psycopg.connect(server.address()) as connection:
        row = connection.execute(WHERE, [relation]).fetchone()
    assert row
    assert "on" == row[1]
    server.stop()
    turn(Path(row[0]), PAGE + 4000)
    server.start()


@pytest.mark.parametrize(("relation", "kind"), [("item", "heap"), ("item_pkey", "btree")])
def test_a_byte_that_a_disk_has_changed_is_named(restored: OnFiles, relation: str, kind: str) -> None:
    """Of a table, or of an index that no query has asked yet: by its own name, and the page."""
    assert [] == levels.broken(restored.address())
    changed(restored, relation)
    (said,) = levels.broken(restored.address())

    assert f'{kind} {"table" if kind == "heap" else "index"} "postgres.public.{relation}"' in said
    assert "invalid page in block 1" in said


def test_a_changed_table_cannot_be_compared_as_if_it_were_whole(
    restored: OnFiles, backed_up: tuple[Repository, Manifest]
) -> None:
    """Whoever reads every row meets the page, too: nothing is made of the rows that are left."""
    changed(restored, "item")

    with pytest.raises(psycopg.errors.DataCorrupted, match="invalid page in block 1"):
        proof.content(restored.address(), backed_up[1])
