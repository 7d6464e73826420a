"""The second store: the newest backups come there whole, are kept by rules of their own, and lead back alone."""

from __future__ import annotations

import datetime as dt
import gzip
import hashlib
import os
import random
import shutil
import signal
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import psycopg
import pytest
from pyrage import x25519

from fixtures.postgres import Given, Postgres
from restore_drills.backups import __main__ as command
from restore_drills.backups import proof
from restore_drills.backups.config import Offsite, load
from restore_drills.backups.model import Manifest, by_id, chain
from restore_drills.backups.offsite import late
from restore_drills.backups.programs import Say
from restore_drills.backups.repository import Repository
from restore_drills.backups.restore import Target, recovered
from restore_drills.backups.retention import Rules
from restore_drills.backups.store import Folder, StoreError
from restore_drills.backups.timelines import segment
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
from tests.restore_drills.test_backups_command import run, started

Ask = Callable[..., tuple[int, dict[str, Any]]]
SIZE = 1 << 24
FILES = {"base.tar": b"rows", "backup_manifest": b"names", "pg_wal.tar": b"log"}
KILLS = int(os.environ.get("RELEASE_KILLS", "3"))
SEED = 20261130
HOUR = dt.timedelta(hours=1)
NOW = dt.datetime.now(dt.UTC).replace(microsecond=0)
AWAY = "elsewhere"


def config(folder: Path, away: str = AWAY, more: str = "") -> None:
    """Write a backup.toml with a second store."""
    text = 'database = "${SHOP}"\nstore = "the store"\nwal = "wal spool"\nwal_every = 1000\n' + more
    (folder / "backup.toml").write_text(f'{text}\n[every]\nfull = 24\n[offsite]\nstore = "{away}"\n')


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where backup.toml lies."""
    monkeypatch.setenv("SHOP", "")
    config(tmp_path)
    return tmp_path


@pytest.fixture(params=["folder", "s3"])
def anywhere(request: pytest.FixtureRequest, folder: Path) -> Path:
    """The same, with the second store in a folder, and on the S3 server."""
    if request.param == "s3":
        request.getfixturevalue("bucket")
        config(folder, f"s3://bucket/{request.node.name}")
    return folder


@pytest.fixture
def ask(folder: Path, capsys: pytest.CaptureFixture[str]) -> Ask:
    """Call the command; give its exit code and what it told machines, with what it told people as `said`."""

    def asked(*arguments: str) -> tuple[int, dict[str, Any]]:
        code = command.main([*arguments, "--config", str(folder / "backup.toml")])
        told = capsys.readouterr()
        return code, {**msgspec.json.decode(told.out), "said": told.err}

    return asked


def away(folder: Path) -> Repository:
    """Open the second store."""
    return load(folder / "backup.toml").away().repository(Say(quiet=True))


def logged(place: Repository, number: int) -> str:
    """Put a made-up segment of the log into a store; give its key."""
    content = f"segment {number}".encode()
    path = place.work / "packed"
    path.write_bytes(gzip.compress(content))
    key = f"wal/7/{segment(1, number, SIZE)}-{hashlib.sha256(content).hexdigest()}.gz"
    place.store.put(key, path)
    return key


def made(folder: Path, content: bytes = b"rows") -> list[Manifest]:
    """Make up, of one server: a full backup, two increments, and a dump of two hours before; and its log."""
    place, files = repository(folder / "the store"), {**FILES, "base.tar": content}
    full = manifest(when=NOW - 5 * HOUR, files=files)
    one = manifest("incremental", NOW - 4 * HOUR, (full.id,), 1, files)
    two = manifest("incremental", NOW - 3 * HOUR, (full.id, one.id), 2, files)
    dump = manifest("logical", NOW - 2 * HOUR, number=3, files={"dump/toc.dat": b"dump"})
    for each in (full, one, two):
        committed(place, each, files)
    committed(place, dump, {"dump/toc.dat": b"dump"})
    for number in range(1, 6):
        logged(place, number)
    return [full, one, two, dump]


def whole(place: Repository) -> set[str]:
    """Name the backups of a store, each of which is whole and has all that it needs."""
    left = place.manifests()
    for one in left:
        assert [] == proof.stored(place, one)
        assert chain(one, by_id(left))
    return {one.id for one in left}


def test_the_newest_comes_there_with_all_that_it_needs(anywhere: Path, ask: Ask) -> None:
    """An increment with its chain and the log since it, and a dump, byte by byte; then nothing, until it is old."""
    full, one, two, dump = made(anywhere)
    code, told = ask("offsite")
    assert (0, [dump.id, two.id]) == (code, told["copied"]), told
    assert [segment(1, number, SIZE) for number in (3, 4, 5)] == told["log"]
    assert {each.id for each in (full, one, two, dump)} == whole(away(anywhere))

    place = repository(anywhere / "the store")
    newer = committed(place, manifest(when=NOW, number=4, files=FILES), FILES)
    code, told = ask("offsite")
    assert (0, []) == (code, told["copied"])
    assert f"{two.id} is 3.0 h old, and one is copied every 168 h: nothing done" in told["said"]
    assert [newer.id] == ask("offsite", "--now")[1]["copied"]
    assert "the newest, is there already" in ask("offsite", "--now")[1]["said"]
    code, told = ask("verify", "--offsite")
    assert (0, []) == (code, told["findings"]), told
    assert 5 == len(ask("list", "--offsite")[1]["backups"])


def test_cut_short_after_any_object_it_is_finished_by_the_next_run(
    folder: Path, ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The store goes away after each object in turn: nothing half is whole, and nothing is brought twice."""
    everything = {each.id for each in made(folder)}
    put, left = Folder.put, 0

    def putting(self: Folder, key: str, path: Path) -> None:
        nonlocal left
        if self.root.name == AWAY:
            left -= 1
            if left < 0:
                message = "gone"
                raise StoreError(message)
        put(self, key, path)

    monkeypatch.setattr(Folder, "put", putting)
    left = total = 1000
    assert 0 == ask("offsite")[0]
    total -= left
    for after in range(total):
        shutil.rmtree(folder / AWAY)
        left = after
        assert 2 == ask("offsite")[0], after
        assert whole(away(folder)) < everything
        left = 1000
        assert 0 == ask("offsite")[0], after
        assert (everything, total - after) == (whole(away(folder)), 1000 - left), after


def test_killed_at_any_moment_it_is_finished_by_the_next_run(folder: Path, ask: Ask) -> None:
    """SIGKILL while it copies: what is there is whole, and the next run brings the rest."""
    everything = {each.id for each in made(folder, bytes(20_000_000))}
    there, began = away(folder), time.monotonic()
    assert 0 == ask("offsite")[0]
    lasts, dice, hits = time.monotonic() - began, random.Random(SEED), 0  # noqa: S311 - a seed: it comes again
    for _ in range(5 * KILLS):
        shutil.rmtree(folder / AWAY)
        process = started(folder, Given(""), "offsite")
        while process.poll() is None and not list((folder / AWAY).glob(".work/*-*-*")):
            time.sleep(0.001)
        time.sleep(dice.uniform(0, 0.8) * lasts)
        process.send_signal(signal.SIGKILL)
        process.communicate()
        hits += process.returncode == -signal.SIGKILL
        assert whole(there) <= everything
        assert 0 == ask("offsite", "--wait", "60")[0]
        assert everything == whole(there)
        assert ["lock"] == [path.name for path in there.work.iterdir()]
        if hits == KILLS:
            return
    pytest.fail(f"killed at work {hits} times only")


@pytest.mark.parametrize("harm", ["flip", "cut", "missing"])
def test_a_damaged_source_is_refused_by_name(folder: Path, ask: Ask, harm: str) -> None:
    """It gets no manifest off-site, nor what needs it; what is well is copied all the same."""
    full, _, _, dump = made(folder)
    key = f"backups/{full.id}/base.tar"
    path = folder / "the store" / key
    if harm == "missing":
        path.unlink()
    else:
        path.write_bytes(b"rowS" if harm == "flip" else b"row")
    code, told = ask("offsite")

    assert (1, [key], [dump.id]) == (code, [each["place"] for each in told["findings"]], told["copied"]), told
    assert {dump.id} == whole(away(folder))


@pytest.mark.parametrize(
    "content",
    [gzip.compress(b"another"), gzip.compress(b"")[:10] + b"\xff" * 20, b""],
    ids=["another one", "broken", "empty"],  # gzip writes the time, and workers must find the same tests
)
def test_a_damaged_segment_is_refused_by_name_and_its_backup_comes_there(
    folder: Path, ask: Ask, content: bytes
) -> None:
    """The log is held against the digest in its name; then `verify` finds the gap, there too."""
    made(folder)
    (path,) = (folder / "the store" / "wal" / "7").glob(f"{segment(1, 4, SIZE)}-*")
    path.write_bytes(content)
    code, told = ask("offsite")
    assert (1, [f"wal/7/{path.name}"]) == (code, [each["place"] for each in told["findings"]]), told
    assert 4 == len(whole(away(folder)))
    code, told = ask("verify", "--offsite")

    assert (1, [f"wal/7/{segment(1, 4, SIZE)}"]) == (code, [each["place"] for each in told["findings"]]), told


def test_a_store_with_nothing_in_it_copies_nothing_and_says_so(ask: Ask) -> None:
    """No data is not health."""
    code, told = ask("offsite")

    assert (1, "holds no backup: nothing was copied") == (code, told["findings"][0]["problem"])


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
    old = committed(place, manifest("logical", NOW - 900 * HOUR, number=1, files=files, database="old"), files)
    shop = committed(place, manifest("logical", NOW - HOUR, number=2, files=files), files)
    assert [old.id, shop.id] == sorted(ask("offsite")[1]["copied"])
    assert [] == late("x", Offsite(store="x"), place.manifests(), away(folder).manifests(), NOW)
    committed(place, manifest("logical", NOW, number=3, files=files, database="new"), files)
    found = [each for each in ask("verify")[1]["findings"] if "off-site" in each["place"]]

    assert [f"{folder / AWAY} (off-site copy of the dumps of 'new' of server 7)"] == [each["place"] for each in found]


def test_a_second_store_that_does_not_answer_is_a_finding(
    folder: Path, bucket: Path, ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All else that `verify` finds of the first store is told as well."""
    assert bucket.exists()
    place = repository(folder / "the store")
    committed(place, manifest(when=NOW - HOUR, files=FILES), FILES)
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
    lie = [manifest(when=NOW - n * 7 * 24 * HOUR, number=30 - n, files=FILES) for n in range(14)]
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
    with tempfile.TemporaryDirectory(prefix="release-verification-offsite-", ignore_cleanup_errors=True) as name:
        Path(name).chmod(0o755)
        yield Path(name)


def test_with_the_first_store_gone_the_second_leads_back_alone(
    world: tuple[Postgres, Path], folder: Path, passable: Path
) -> None:
    """Real data files, an increment and the log after it: proven row by row, up to the last write that was shipped."""
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
    shutil.rmtree(folder / "the store")
    code, proven, said = run(folder, server, "verify", "--offsite", "--restore")
    assert (0, [one["id"]], []) == (code, proven["verified"], proven["findings"]), said

    there = away(folder)
    newest = by_id(there.manifests())[one["id"]]
    with (
        recovered(there, PROGRAMS, newest, Target.of("latest"), passable / "copy") as copy,
        psycopg.connect(copy.address()) as connection,
    ):
        assert (1002, 1002) == connection.execute("SELECT count(*), max(n) FROM item").fetchone()


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
