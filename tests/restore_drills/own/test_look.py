"""Which backup is meant, what its copy holds, and how old that is."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec
import pytest

from fixtures.postgres import Postgres, database, postgres
from restore_drills import drill_own_backup as drills
from restore_drills.own.contract import Own, Unfit
from restore_drills.own.copy import Copy, Way
from restore_drills.own.form import form_of, newest
from restore_drills.own.look import missing, moment
from tests.restore_drills.own.world import NEWEST


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
    "fields",
    [
        {},
        {"path": "a", "restore": ("b",)},
        {"restore": ("b",), "wal": "c"},
        {"path": "a", "wall": "c"},
        {"path": "a", "repository": "b"},
        {"repository": "a", "globals": "b"},
        {"repository": "a", "kind": "full"},
        {"path": "a", "key": ("b",)},
    ],
)
def test_what_cannot_be_meant_is_refused(fields: dict[str, object]) -> None:
    """No place, two ways at once, a key with a typo, and what belongs to another way."""
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
    there = Own(newest="SELECT CASE current_database() WHEN 'shop' THEN now() ELSE 'epoch' END", path="x")
    younger = msgspec.structs.replace(way, own=there, source=other.dsn)

    with pytest.raises(AssertionError, match="newer than any of the source"):
        drills.drill_own_backup_is_fresh(copy, younger, measured.update)
