"""The second store: what is not there or too old is found, it has rules of its own, and it leads back alone."""

from __future__ import annotations

import datetime as dt
import shutil
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from pyrage import x25519

from fixtures.postgres import Postgres
from restore_drills.backups.away import late
from restore_drills.backups.config import Offsite
from restore_drills.backups.model import Manifest, by_id
from restore_drills.backups.restore import Target, recovered
from restore_drills.backups.retention import Rules
from tests.restore_drills import backups_world
from tests.restore_drills.backups_called import run
from tests.restore_drills.backups_world import (
    NOON,
    PROGRAMS,
    archived,
    archiving,
    committed,
    execute,
    manifest,
    repository,
)
from tests.restore_drills.offsite.world import (
    AWAY,
    FILES,
    HOUR,
    Ask,
    away,
    config,
    logged,
    now,
    whole,
)


def copies(*back: float) -> list[Manifest]:
    """Make full backups up, so many days ago, oldest first."""
    return [manifest(when=NOON - dt.timedelta(days=one), number=n) for n, one in enumerate(back)]


@pytest.mark.parametrize(
    ("back", "problems"),
    [
        pytest.param([], ["there is none, and one is planned every 168 h"], id="never made"),
        pytest.param([17, 10], [], id="late, but not yet missed"),
        pytest.param([18, 11], ["the newest is 264.0 h old, and one is planned every 168 h"], id="too old"),
        pytest.param([15, 1], ["none between 2026-11-10 12:00 and 2026-11-24 12:00 UTC: runs were missed"],
                     id="one was missed"),
        pytest.param([300, 200, 7, 0], [], id="farther back only months are kept"),
    ],
)  # fmt: skip
def test_a_copy_that_is_too_old_or_was_never_made_is_found(back: list[float], problems: list[str]) -> None:
    """By `verify` of the first store, in which every backup may be well."""
    lie = copies(*back)
    policy = Offsite(store="x", keep=Rules(weekly=2, monthly=12))
    found = late("/mnt", policy, [*lie, manifest(when=NOON, number=99)], lie, NOON)

    assert problems == [each.problem for each in found]
    assert {"/mnt (off-site copy of the data files of server 7)"} >= {each.place for each in found}


def test_another_database_hides_no_copy_that_is_missing(folder: Path, ask: Ask) -> None:
    """Of two databases each has its copy; of what is not backed up any more nothing new is asked for."""
    place, files = repository(folder / "the store"), {"x": b"x"}
    old = committed(place, manifest("logical", now() - 900 * HOUR, number=1, files=files, database="old"), files)
    shop = committed(place, manifest("logical", now() - HOUR, number=2, files=files), files)
    assert [old.id, shop.id] == sorted(ask("offsite")[1]["copied"])
    assert [] == late("x", Offsite(store="x"), place.manifests(), away(folder).manifests(), now())
    committed(place, manifest("logical", now(), number=3, files=files, database="new"), files)
    found = [each for each in ask("verify")[1]["findings"] if "off-site" in each["place"]]

    assert [f"{folder / AWAY} (off-site copy of the dumps of 'new' of server 7)"] == [each["place"] for each in found]


def test_in_the_second_store_alone_no_server_hides_another(folder: Path, ask: Ask) -> None:
    """One whose copies have stopped is found beside one that is copied, until it is retired."""
    there, files = away(folder), {"x": b"x"}
    for number, (server, days) in enumerate({"7": 1, "8": 20}.items()):
        when = now() - days * 24 * HOUR
        committed(there, manifest("logical", when, number=number, files=files, system_identifier=server), files)
    (found,) = ask("verify", "--offsite")[1]["findings"]
    assert f"{folder / AWAY} (off-site copy of the dumps of 'shop' of server 8)" == found["place"]
    config(folder, more='retired = ["8"]')

    assert [] == ask("verify", "--offsite")[1]["findings"]


def test_a_second_store_that_does_not_answer_is_a_finding(
    folder: Path, bucket: Path, ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All else that `verify` finds of the first store is told as well."""
    assert bucket.exists()
    place = repository(folder / "the store")
    committed(place, manifest(when=now() - HOUR, files=FILES), FILES)
    for number in (1, 2):
        logged(place, number)
    config(folder, "s3://bucket/nobody there")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    monkeypatch.setattr("restore_drills.backups.s3.RETRIES", 0)
    code, told = ask("verify")

    assert (1, ["s3://bucket/nobody there (off-site)"]) == (code, [each["place"] for each in told["findings"]]), told
    assert told["findings"][0]["problem"].startswith("could not be looked at: ")


def test_each_store_is_pruned_by_its_own_rules(folder: Path, ask: Ask) -> None:
    """The first keeps the last one, the second a week each for twelve weeks: neither takes anything from the other."""
    first, there = repository(folder / "the store"), away(folder)
    today = now()
    lie = [manifest(when=today - n * 7 * 24 * HOUR, number=30 - n, files=FILES) for n in range(14)]
    config(folder, more="[keep.full]\nlast = 1")
    with (folder / "backup.toml").open("a") as file:
        file.write("[offsite.keep]\nweekly = 12\n")
    for one in lie:
        committed(first, one, FILES)
        committed(there, one, FILES)
    assert [one.id for one in lie[12:]] == ask("prune", "--offsite")[1]["backups"]
    assert 14 == len(whole(there))
    assert 0 == ask("prune", "--yes")[0]
    assert ({lie[0].id}, 14) == (whole(first), len(whole(there)))
    assert 0 == ask("prune", "--offsite", "--yes")[0]

    assert {one.id for one in lie[:12]} == whole(there)
    assert {lie[0].id} == whole(first)


@pytest.mark.parametrize(
    ("text", "asked", "said"),
    [
        ("", "offsite", "`[offsite]` is missing"),
        ("", "list --offsite", "`[offsite]` is missing"),
        ("[offsite]\nstore = 'x/../s'", "offsite", "names the first store"),
        ("[offsite]\nstore = 'x'\nkeep = { weekly = 0 }", "offsite", "`[offsite.keep]` keeps nothing"),
        ("[offsite]\nstore = 'x'\nevery = 0", "offsite", "every"),
        ("[offsite]\nstore = 'ftp://x'", "offsite", "neither a folder nor s3://"),
    ],
)
def test_mistakes_are_one_sentence(folder: Path, ask: Ask, text: str, asked: str, said: str) -> None:
    """File and field, and nothing is copied."""
    (folder / "backup.toml").write_text(f"database = ''\nstore = 's'\n{text}\n")
    code, told = ask(*asked.split())

    assert 2 == code
    assert said in told["error"]


@pytest.fixture(scope="module")
def world() -> Iterator[tuple[Postgres, Path]]:
    """A small server that archives its log, and the folder that it archives into."""
    with archiving() as (server, spool):
        execute(server.dsn, "CREATE TABLE item AS SELECT n FROM generate_series(1, 1000) n")
        yield server, spool


@pytest.fixture
def passable() -> Iterator[Path]:
    """A folder that the server's own user may pass through; pytest's are ours alone."""
    with backups_world.passable() as name:
        yield name


def test_with_the_first_store_gone_the_second_leads_back_alone(
    world: tuple[Postgres, Path], folder: Path, passable: Path
) -> None:
    """Real data files, an increment, the log after it, and what came of that later: row by row, to the last write."""
    server, spool = world
    config(folder)
    text = (folder / "backup.toml").read_text().replace("wal spool", str(spool))
    (folder / "backup.toml").write_text(text)
    assert 0 == run(folder, server, "full")[0]
    execute(server.dsn, "INSERT INTO item VALUES (1001)")
    code, one, said = run(folder, server, "incremental")
    assert 0 == code, said
    execute(server.dsn, "INSERT INTO item VALUES (1002)")
    last = archived(server)
    assert 0 == run(folder, server, "wal")[0]
    code, told, said = run(folder, server, "offsite")
    assert (0, [one["id"]], True) == (code, told["copied"], last in told["log"]), said
    code, told, said = run(folder, server, "verify")
    assert (0, []) == (code, told["findings"]), said
    execute(server.dsn, "INSERT INTO item VALUES (1003)")
    last = archived(server)
    assert 0 == run(folder, server, "wal")[0]
    code, told, said = run(folder, server, "offsite")
    assert (0, [], True) == (code, told["copied"], last in told["log"]), said
    shutil.rmtree(folder / "the store")
    code, proven, said = run(folder, server, "verify", "--offsite", "--restore")
    assert (0, [one["id"]], []) == (code, proven["verified"], proven["findings"]), said

    there = away(folder)
    newest = by_id(there.manifests())[one["id"]]
    with (
        recovered(there, PROGRAMS, newest, Target.of("latest"), passable / "copy") as copy,
        psycopg.connect(copy.address()) as connection,
    ):
        assert (1003, 1003) == connection.execute("SELECT count(*), max(n) FROM item").fetchone()


def test_what_is_sealed_is_copied_without_the_key_and_opened_by_it_alone(
    world: tuple[Postgres, Path], folder: Path
) -> None:
    """Who copies has no key; what was made before `recipients` lies open there, and is found."""
    server, _ = world
    code, dump, said = run(folder, server, "logical")
    assert 0 == code, said
    secret, key = x25519.Identity.generate(), folder / "key"
    key.write_text(f"{secret}\n")
    config(folder, more=f'recipients = ["{secret.to_public()}"]')
    code, told, _ = run(folder, server, "offsite")
    assert (1, dump["id"]) == (code, told["findings"][0]["place"])
    assert "lies open" in told["findings"][0]["problem"]
    _, sealed, _ = run(folder, server, "logical")
    code, told, said = run(folder, server, "offsite", "--now")
    assert (0, [sealed["id"]]) == (code, told["copied"]), said
    shutil.rmtree(folder / "the store")
    refused, told, _ = run(folder, server, "verify", sealed["id"], "--offsite", "--restore")
    code, proven, said = run(folder, server, "verify", sealed["id"], "--offsite", "--restore", "--identity", str(key))

    assert (2, True) == (refused, "no key is given" in told["error"])
    assert (0, []) == (code, proven["findings"]), said
