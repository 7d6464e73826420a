"""With a region lost only its off-site copy counts: it leads back where it is whole, and what it lacks is named."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import msgspec
import psycopg
import pytest

from fixtures.postgres import postgres
from restore_drills.backups import take
from restore_drills.compare import hold
from restore_drills.estate import Estate, estate
from restore_drills.loss import RECOVERY, Failed
from restore_drills.region import Region, regained
from tests.restore_drills.backups_world import PROGRAMS, execute, repository

NAME = 'the "shop" = Größe'
"""A hostile name."""
COPIED = "cp -r '{store}/.' '{offsite}'"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Estate]:
    """An estate with a small table, in a folder whose name has a blank."""
    place = repository(tmp_path_factory.mktemp("first region") / "store")
    with postgres() as server:
        execute(server.dsn, 'CREATE DATABASE "the ""shop"" = Größe"')
        dsn = psycopg.conninfo.make_conninfo(server.dsn, dbname=NAME)
        execute(dsn, "CREATE TABLE item AS SELECT n AS id FROM generate_series(1, 500) n")
        one = take.logical(place, PROGRAMS, dsn)
    with estate(place, one) as running:
        yield running


def seen(made: Estate) -> dict[str, str]:
    """What would show that the first store was touched."""
    root = Path(made.repository.store.name)
    files = (path for path in root.rglob("*") if path.is_file())
    return {str(path.relative_to(root)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def by(*copy: str) -> Region:
    """A way to copy off-site."""
    return Region(copy=copy, every_h=168)


def test_the_off_site_copy_leads_back(made: Estate, tmp_path: Path) -> None:
    """Everything that was in the store is back, each step is timed, and the first store is as it was."""
    before = seen(made)
    came = regained(made, by("sh", "-c", f"{COPIED} && rm -r '{{store}}'"), tmp_path)

    hold(made.now, came.content, physical=True)
    assert set(made.words) == came.words
    assert 0 < (came.age_s or 0) < 600
    assert came.seconds > 0
    assert {"copy off-site", "lose server and store", RECOVERY, "compare every row"} <= {
        span.name for span in came.steps.spans
    }
    assert before == seen(made)


def test_a_copy_without_the_log_is_older(made: Estate, tmp_path: Path) -> None:
    """The backups alone come back, and what the log would have brought is missed."""
    came = regained(made, by("cp", "--recursive", "{store}/backups", "{offsite}"), tmp_path)

    assert set(made.words[:1]) == came.words
    with pytest.raises(AssertionError, match="sentinel"):
        hold(made.now, came.content, physical=True)


@pytest.mark.parametrize(
    ("copy", "said"),
    [
        (("true",), "holds no backup"),
        (("sh", "-c", "echo 'ERROR: the bucket is full'"), "the bucket is full"),
        (("false",), "exit code 1"),
        (("no-such-tool",), "cannot be run"),
        (("ln", "--symbolic", "{store}/backups", "{store}/wal", "{offsite}"), "holds no backup"),
        (("sh", "-c", f"{COPIED} && rm '{{offsite}}'/backups/*-full-*/base.tar"), "base.tar is missing"),
        (("sh", "-c", f"{COPIED} && rm -r '{{offsite}}'/backups/*-full-*"), "does not have"),
        (("sh", "-c", f"{COPIED} && truncate -s 9 '{{offsite}}'/backups/*-incremental-*/base.tar"), "damaged"),
    ],
)
def test_what_the_copy_lacks_is_named(made: Estate, tmp_path: Path, copy: tuple[str, ...], said: str) -> None:
    """A job that is switched off, fails, brings links to what is gone, or not everything."""
    with pytest.raises(Failed, match=said):
        regained(made, by(*copy), tmp_path)


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"copy": ["x"]},
        {"copy": ["x"], "every_h": 0},
        {"copy": ["x"], "every": 1},
        {"copy": ["x"], "every_h": 1, "key": ["x"]},
        {"copy": ["x"], "every_h": 1, "recipients": ["x"]},
        {"copy": ["x"], "every_h": 1, "offsite": "gs://bucket"},
    ],
)
def test_what_cannot_be_meant_is_refused(fields: dict[str, object]) -> None:
    """No command, no interval, one of no time, and a key with a typo."""
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(fields, Region)
