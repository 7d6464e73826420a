"""A dump names no version of an extension: what a copy has instead is told, and an older one is a difference."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from fixtures.postgres import postgres
from restore_drills import drill_total_loss
from restore_drills.backups import proof, take
from restore_drills.backups.repository import Repository
from restore_drills.compare import Fingerprints, differences, newer
from restore_drills.fingerprint import Fingerprint
from restore_drills.loss import Recovered
from tests.restore_drills.backups_world import PROGRAMS, execute, repository

NEWEST = "1.8"
"""Of citext, in PostgreSQL 18."""
EMPTY = Fingerprint(tables={}, sequences={}, schema=(), roles={}, itself={"owner": "shop"})


@pytest.fixture
def place(tmp_path: Path) -> Repository:
    """An empty repository."""
    return repository(tmp_path / "store")


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """The address of a server that is backed up."""
    with postgres() as running:
        execute(running.dsn, "CREATE TABLE item AS SELECT 7 AS cents")
        yield running.dsn


def of(version: str | None) -> Fingerprints:
    """A database that has an extension in this version, or was fingerprinted before versions were recorded."""
    return {"shop": msgspec.structs.replace(EMPTY, extensions=None if version is None else {"x": version})}


def judged(recovered: Recovered, tmp_path: Path) -> dict[str, float]:
    """Let the drill look; what it keeps beside its evidence is in a folder."""
    measured: dict[str, float] = {}

    def keep(name: str, text: str) -> None:
        (tmp_path / name).write_text(text)

    drill_total_loss.drill_schema_and_roles_are_back(recovered, measured.update, keep)
    return measured


def test_a_dump_brings_the_newest_version_back(server: str, place: Repository, tmp_path: Path) -> None:
    """One that was older in the source comes back newer: no fault of the backup, and told by name and version."""
    execute(server, "DROP EXTENSION IF EXISTS citext", "CREATE EXTENSION citext VERSION '1.5'")
    one = take.logical(place, PROGRAMS, server)
    before = proof.content_of(place, one)
    with proof.copied(place, PROGRAMS, one) as copy:
        came = Recovered(manifest=one, source=before, copy=copy, content=proof.content(copy, one), seconds=1)
        measured = judged(came, tmp_path)

    assert {"plpgsql": "1.0", "citext": "1.5"} == (before["postgres"].extensions or {})
    assert 0.5 == measured["extensions_same_ratio"]
    told = f"database 'postgres': extension citext: 1.5 became {NEWEST}, which is newer"
    assert told == (tmp_path / "extensions.txt").read_text()
    assert [] == proof.restored(place, PROGRAMS, one)


def test_an_older_version_in_the_copy_fails_the_drill(server: str, place: Repository, tmp_path: Path) -> None:
    """As a server brings it back that has older extensions than the one that was lost, where pg_dump says the same."""
    execute(server, "DROP EXTENSION IF EXISTS citext", "CREATE EXTENSION citext")
    one = take.logical(place, PROGRAMS, server)
    before = proof.content_of(place, one)
    with proof.copied(place, PROGRAMS, one) as copy:
        execute(copy, "DROP EXTENSION citext", "CREATE EXTENSION citext VERSION '1.4'")
        came = Recovered(manifest=one, source=before, copy=copy, content=proof.content(copy, one), seconds=1)
        with pytest.raises(AssertionError) as refused:
            judged(came, tmp_path)

    told, *_ = str(refused.value).splitlines()
    assert f"database 'postgres': extension citext: {NEWEST} became 1.4, which is older" == told


def test_an_extension_that_no_dump_names_is_missed(server: str) -> None:
    """PostgreSQL makes plpgsql by itself, so that pg_dump leaves it out; a copy without it has lost it all the same."""
    before = {"postgres": proof.look(server)}
    execute(server, "DROP EXTENSION plpgsql")
    after = {"postgres": proof.look(server)}
    execute(server, "CREATE EXTENSION plpgsql")

    assert [("extensions", "database 'postgres': extension plpgsql: is lost")] == differences(
        before, after, physical=False
    )


@pytest.mark.parametrize(
    ("was", "now", "physical", "expected"),
    [
        ("1.9", "1.10", False, []),
        ("1.9", "1.9", True, []),
        ("1.10", "1.9", False, ["1.10 became 1.9, which is older"]),
        ("3.4.2", "3.4", False, ["3.4.2 became 3.4, which is older"]),
        ("1.0", "2025-11", False, ["1.0 became 2025-11, which is another one"]),
        ("1.0", "1.00", False, ["1.0 became 1.00, which is another one"]),
        ("1.9", "1.10", True, ["1.9 became 1.10, which is newer"]),
    ],
)
def test_what_is_a_difference(was: str, now: str, expected: list[str], *, physical: bool) -> None:
    """What is older, or cannot be told to be newer; of data files, whatever is not the very same."""
    found = [each.text for each in differences(of(was), of(now), physical=physical)]

    assert [f"database 'shop': extension x: {text}" for text in expected] == found


def test_a_fingerprint_without_versions_is_read_and_said(server: str) -> None:
    """What was stored before they were recorded is compared without them, and that is told."""
    now = {"postgres": proof.look(server)}
    stored = msgspec.to_builtins(now)
    del stored["postgres"]["extensions"]
    before = msgspec.json.decode(msgspec.json.encode(stored), type=Fingerprints)

    assert [] == differences(before, now, physical=False) + differences(now, before, physical=True)
    assert ["versions of extensions were not recorded with this backup; take a new one"] == [
        text.partition(": ")[2] for text in newer(before, now)
    ]
