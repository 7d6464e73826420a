"""What `nox -s backup` keeps comes back as the team's own backup: the farthest of it, or a name of what is wrong."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pyrage
import pytest

from checks.findings import Findings
from evidence.errors import CannotTell, InputError
from evidence.release import Release, Source
from fixtures.postgres import Postgres, database
from restore_drills import drill_own_backup as drills
from restore_drills.backups import config, shipping, take
from restore_drills.backups.model import Manifest
from restore_drills.backups.programs import Say
from restore_drills.backups.repository import Repository
from restore_drills.own import repository
from restore_drills.own.contract import Own
from restore_drills.own.copy import Failed, Way
from tests.restore_drills.backups_world import PROGRAMS, execute
from tests.restore_drills.own.test_files import seen
from tests.restore_drills.own.world import NEWEST, WHOLE, Fresh, closed, restored

OWN = Own(newest=NEWEST, repository="backup.toml")
DECLARED = 'database = "${SHOP}"\nstore = "the store"\n'


def own(**fields: Any) -> Own:  # noqa: ANN401 - any field of it
    """What release.toml says."""
    return Own(**{"newest": NEWEST, "repository": "backup.toml", **fields})


@pytest.fixture
def shop(source: tuple[Postgres, Path]) -> str:
    """The address of what is backed up."""
    return database(source[0], "shop")


@pytest.fixture
def place(shop: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Repository:
    """The repository that a backup.toml names."""
    monkeypatch.setenv("SHOP", shop)
    (folder / "backup.toml").write_text(DECLARED)
    return opened(folder)


def opened(folder: Path) -> Repository:
    """Open it as the command does."""
    return config.load(folder / "backup.toml").repository(Say(quiet=True))


@pytest.fixture
def s3_only_read(read_only: str, monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """From its call on the bucket is one that nobody may write to."""
    return lambda: monkeypatch.setenv("AWS_ENDPOINT_URL", read_only)


def marked(shop: str, name: str) -> None:
    """Leave a table that tells how far a copy reaches."""
    execute(shop, f"CREATE TABLE mark_{name} ()")


@pytest.fixture(autouse=True)
def unmarked(shop: str) -> Iterator[None]:
    """Take the marks away again."""
    yield
    with psycopg.connect(shop, autocommit=True) as connection:
        for (name,) in connection.execute("SELECT relname FROM pg_class WHERE relname ~ '^mark_'").fetchall():
            connection.execute(f"DROP TABLE {name}".encode())


def marks(counts: dict[str, int]) -> set[str]:
    """How far a copy reaches; all the rest of it is whole."""
    assert WHOLE == {name: rows for name, rows in counts.items() if "mark_" not in name}
    return {name.rpartition("mark_")[2] for name in counts if "mark_" in name}


def taken(place: Repository, shop: str, kind: str) -> Manifest:
    """Back up."""
    return take.logical(place, PROGRAMS, shop) if kind == "logical" else take.physical(place, PROGRAMS, shop, None)


def damaged(path: Path) -> None:
    """Turn one bit in the middle."""
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def test_what_leads_farthest_comes_back(
    source: tuple[Postgres, Path], shop: str, place: Repository, folder: Path, fresh: Fresh
) -> None:
    """A chain with its log to the last of it, a dump that is newer than that; the store is read, and left as it is."""
    server, spool = source
    full = take.physical(place, PROGRAMS, shop, None)
    marked(shop, "chain")
    take.physical(place, PROGRAMS, shop, full)
    marked(shop, "log")
    closed(server)
    shipping.ship(place, spool)
    before = seen(folder)
    assert {"chain", "log"} == marks(restored(OWN, folder, fresh, shop))
    assert before == seen(folder)

    marked(shop, "dump")
    take.logical(place, PROGRAMS, shop)
    assert {"chain", "log", "dump"} == marks(restored(OWN, folder, fresh, shop))
    assert {"chain", "log"} == marks(restored(own(kind="physical"), folder, fresh, shop))

    marked(shop, "last")
    closed(server)
    shipping.ship(place, spool)
    assert {"chain", "log", "dump", "last"} == marks(restored(OWN, folder, fresh, shop))
    assert {"chain", "log", "dump"} == marks(restored(own(kind="logical"), folder, fresh, shop))


def test_of_two_servers_in_a_store_the_releases_own_comes_back(
    shop: str, other: Postgres, place: Repository, folder: Path, fresh: Fresh
) -> None:
    """Though the other one's backup is newer; where the source does not tell which it is, nothing is guessed."""
    take.logical(place, PROGRAMS, shop)
    take.logical(place, PROGRAMS, other.dsn)

    assert set() == marks(restored(OWN, folder, fresh, shop))
    with pytest.raises(CannotTell, match="does not say which server it is"):
        restored(OWN, folder, fresh, "postgresql://me:secret@127.0.0.1:1/shop")


def test_of_several_dumped_databases_the_one_that_is_named_comes_back(
    source: tuple[Postgres, Path], shop: str, place: Repository, folder: Path, fresh: Fresh
) -> None:
    """By `database`, or as the source is called; a name that no dump has is refused."""
    take.logical(place, PROGRAMS, shop)
    take.logical(place, PROGRAMS, source[0].dsn)

    assert set() == marks(restored(OWN, folder, fresh, shop))
    assert set() == marks(restored(own(database="shop"), folder, fresh))
    with pytest.raises(Failed, match="holds no backup of 'shopp'"):
        restored(own(database="shopp"), folder, fresh)


@pytest.mark.parametrize(
    ("kind", "name"), [("physical", "base.tar"), ("physical", "manifest.json"), ("logical", "manifest.json")]
)
def test_a_damaged_newest_backup_fails_by_name(
    shop: str, place: Repository, folder: Path, kind: str, name: str
) -> None:
    """The whole one before it is no way out: what would be lost by it, nobody has agreed to."""
    taken(place, shop, kind)
    one = taken(place, shop, kind)
    damaged(folder / "the store" / "backups" / one.id / name)

    with pytest.raises(Failed, match=f"{one.id}/{name}"):
        restored(OWN, folder, address=shop)


def test_a_dump_that_lacks_a_file_fails_by_name(shop: str, place: Repository, folder: Path, fresh: Fresh) -> None:
    """As a chain does whose full backup is gone, and a log with a gap."""
    one = take.logical(place, PROGRAMS, shop)
    (folder / "the store" / "backups" / one.id / "globals.sql").unlink()

    with pytest.raises(Failed, match=f"{one.id}/globals.sql is missing"):
        restored(OWN, folder, fresh, shop)


def test_a_gap_in_the_log_fails_by_name(
    source: tuple[Postgres, Path], shop: str, place: Repository, folder: Path
) -> None:
    """Recovery would end before it as if that were the end."""
    server, spool = source
    full = take.physical(place, PROGRAMS, shop, None)
    names = [closed(server) for _ in range(3)]
    shipping.ship(place, spool)
    next((folder / "the store" / "wal" / full.system_identifier).glob(f"{names[1]}-*")).unlink()

    with pytest.raises(Failed, match=f"{names[1]}: is missing"):
        restored(OWN, folder, address=shop)


@pytest.mark.usefixtures("place")
@pytest.mark.parametrize("kind", ["physical", "logical"])
def test_a_store_in_s3_comes_back(
    shop: str, folder: Path, fresh: Fresh, s3_only_read: Callable[[], None], kind: str
) -> None:
    """Of either kind, from a server that refuses every write; nothing of ours is left beside backup.toml."""
    (folder / "backup.toml").write_text(DECLARED.replace("the store", f"s3://bucket/{kind}"))
    taken(opened(folder), shop, kind)
    shutil.rmtree(folder / ".backup-work")
    s3_only_read()

    assert set() == marks(restored(OWN, folder, fresh, shop))
    assert ["backup.toml"] == [path.name for path in folder.iterdir()]


@pytest.mark.usefixtures("place")
@pytest.mark.parametrize("kind", ["physical", "logical"])
def test_what_is_sealed_opens_with_the_key_that_a_command_prints(
    shop: str, folder: Path, fresh: Fresh, kind: str
) -> None:
    """No key, a command that prints none, and another key fail by the field that is wrong; nothing of it is left."""
    keys = [pyrage.x25519.Identity.generate() for _ in range(2)]
    for number, key in enumerate(keys):
        (folder / f"key {number}").write_text(f"{key}\n")
    (folder / "backup.toml").write_text(f'{DECLARED}recipients = ["{keys[0].to_public()}"]\n')
    one = taken(opened(folder), shop, kind)

    assert set() == marks(restored(own(key=("cat", "key 0")), folder, fresh, shop))
    for key, said in (
        ((), f"{one.id}/.*is encrypted, and no key is given.*`key` of .backup.own."),
        (("cat", "key 1"), f"{one.id}/.*was sealed for another key.*`key` of .backup.own."),
        (("cat", "key 2"), r"`key` of \[backup.own\]: cat: prints no key"),
    ):
        with pytest.raises(Failed, match=said):
            restored(own(key=key), folder, fresh, shop)


@pytest.mark.parametrize(
    ("prepare", "fields", "said"),
    [
        (lambda path: path.unlink(), {}, r"backup\.toml: is not there, and `repository` of \[backup\.own\] names it"),
        (lambda path: shutil.rmtree(path.parent / "the store"), {}, "the store: holds no backup; take one"),
        (lambda _: None, {"kind": "physical"}, "the store: holds no physical backup; take one"),
    ],
)
def test_where_there_is_no_backup_it_says_so(  # noqa: PLR0913, PLR0917 - fixtures
    shop: str, place: Repository, folder: Path, prepare: Callable[[Path], None], fields: dict[str, str], said: str
) -> None:
    """No backup.toml, an empty store, and one without the kind that is asked for."""
    take.logical(place, PROGRAMS, shop)
    prepare(folder / "backup.toml")

    with pytest.raises(Failed, match=said):
        restored(own(**fields), folder, address=shop)


@pytest.mark.usefixtures("place")
def test_a_backup_toml_that_cannot_be_meant_is_no_verdict(folder: Path) -> None:
    """What is wrong is named by file and field; the backups themselves were not looked at."""
    (folder / "backup.toml").write_text(f"{DECLARED}stores = 2\n")

    with pytest.raises(InputError, match=r"backup\.toml: .*stores"):
        restored(OWN, folder)


def test_a_run_that_is_busy_is_waited_for(
    shop: str, place: Repository, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where it does not end, nothing is known of the backups."""
    monkeypatch.setattr(repository, "WAIT_S", 0.0)
    take.logical(place, PROGRAMS, shop)

    with place.lock(), pytest.raises(InputError, match="another backup or prune is running"):
        restored(OWN, folder, address=shop)


@pytest.mark.parametrize("kind", ["physical", "logical"])
def test_a_value_that_is_not_what_it_was_is_found(
    shop: str, place: Repository, folder: Path, fresh: Fresh, kind: str
) -> None:
    """By the fingerprint that was taken with the backup: as many rows as ever, and one of them is another."""
    one = taken(place, shop, kind)
    invariants = {"invariants": {"timeless": "SELECT id FROM item WHERE at IS NULL"}}
    release = Release(name="shop", version="1", source=Source(paths=()), database=invariants)
    way, findings = Way(own=OWN, root=folder, source=shop, fresh=fresh, say=lambda _: None), Findings()
    with way.gone() as copy:
        assert (f"the backup {one.id}", []) == (copy.came_from, copy.changed())
        execute(copy.address, "UPDATE item SET at = at - interval '1 second' WHERE id = 500")
        drills.drill_own_backup_is_whole(release, copy, way, findings, lambda **_: None)
        (folder / "the store" / "backups" / one.id / "fingerprint.json").write_text("{}")
        (said,) = copy.changed()

    assert ["table public.item"] == list(findings.found)
    assert said.startswith(f"backups/{one.id}/fingerprint.json: ")
