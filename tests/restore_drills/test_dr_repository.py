"""The monthly drill takes its backup into the repository that is kept, reads it from there, and leaves it as it was."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import psycopg
import pyrage
import pytest

from evidence.release import Release
from fixtures.postgres import Postgres, postgres
from restore_drills.backups import config, take
from restore_drills.backups.model import Manifest
from restore_drills.backups.programs import Say
from restore_drills.backups.repository import Repository
from restore_drills.backups.store import Folder, StoreError
from restore_drills.dr import place as places
from restore_drills.dr.contract import Dr
from restore_drills.dr.drill import Drill
from restore_drills.dr.markdown import markdown, plain
from restore_drills.dr.record import Record
from restore_drills.dr.rehearse import rehearse, reopen
from tests.restore_drills.backups_world import PROGRAMS
from tests.restore_drills.dr_world import HOSTILE, OPEN, address, release, server

__all__ = ["release", "server"]
Changed = Callable[[Path], object]


def kept(folder: Path) -> Repository:
    """The release's own repository."""
    return config.load(folder / "backup.toml").repository(Say(quiet=True))


@pytest.fixture
def sealing(release: Release, server: Postgres, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Release:
    """A release whose backups are made by `nox -s backup`, sealed, in a store where one lies already."""
    monkeypatch.setenv("SHOP", address(server))
    monkeypatch.setenv("BESIDE", address(server, HOSTILE))
    key = pyrage.x25519.Identity.generate()
    (tmp_path / "age.key").write_text(f"{key}\n")
    sealed = f'recipients = ["{key.to_public()}"]\n'
    (tmp_path / "backup.toml").write_text(f'database = "${{SHOP}}"\nstore = "the store"\nwork = "aside"\n{sealed}')
    take.logical(kept(tmp_path), PROGRAMS, address(server))
    return owned(release, repository="backup.toml", key=["cat", "age.key"])


def owned(release: Release, **fields: Any) -> Release:  # noqa: ANN401 - any of [backup.own]
    """Change what release.toml says of the team's own backups."""
    own = {"newest": "SELECT now()", **release.backup.get("own", {}), **fields}
    return msgspec.structs.replace(release, backup={**release.backup, "own": own})


@pytest.fixture
def at_the_loss(monkeypatch: pytest.MonkeyPatch) -> Callable[[Changed], None]:
    """Do something to the store when the server is lost: the backup is there, and not yet read."""

    def arranged(change: Changed) -> None:
        hook = Drill.hook

        def run(drill: Drill, name: str) -> None:
            if name == "database_down":
                assert isinstance(drill.repository.store, Folder)
                change(drill.repository.store.root / "backups" / drill.taken().id)
            hook(drill, name)

        monkeypatch.setattr(Drill, "hook", run)

    return arranged


def drilled(release: Release, server: Postgres) -> Record:
    """Go through it; whatever happened, the shop's database is open, and the store is nobody's any more."""
    done = rehearse(release, address(server), postgres, lambda _: None, Dr())
    with psycopg.connect(address(server)) as connection:
        assert connection.execute(OPEN).fetchone() == ("off",)
    with kept(release.root).lock():
        return done


def ids(release: Release) -> list[str]:
    """What is committed in the store."""
    return [one.id for one in kept(release.root).manifests()]


def turned(path: Path) -> None:
    """Turn a bit in the middle."""
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def another(release: Release) -> Release:
    """Name a repository of the database beside it."""
    text = (release.root / "backup.toml").read_text()
    (release.root / "other.toml").write_text(text.replace("${SHOP}", "${BESIDE}"))
    return owned(release, repository="other.toml")


def test_the_backup_goes_through_the_store_that_is_kept(
    sealing: Release, server: Postgres, at_the_loss: Callable[[Changed], None]
) -> None:
    """Committed beside what was there, sealed, opened by the key in escrow, taken away again; the record says so."""
    before, there = ids(sealing), list[Manifest]()
    at_the_loss(lambda _: there.extend(kept(sealing.root).manifests()))
    done = drilled(sealing, server)

    assert ("passed", (), 0.0) == (done.outcome, done.findings, done.rpo_s)
    assert [*before, done.backup] == [one.id for one in there]
    assert there[0].recipients == there[1].recipients != ()
    assert before == ids(sealing)
    assert str(sealing.root / "the store") == done.store
    assert f"read back from {plain(done.store)}" in markdown(done)
    assert done.steps[2].commands[0].endswith("--file=WORK/BACKUP/dump")


@pytest.mark.usefixtures("bucket")
def test_a_store_in_s3_is_gone_through_as_well(sealing: Release, server: Postgres) -> None:
    """The way to the cloud and back is part of what was rehearsed."""
    text = (sealing.root / "backup.toml").read_text()
    (sealing.root / "backup.toml").write_text(text.replace("the store", "s3://bucket/drill"))
    done = drilled(sealing, server)

    assert ("passed", (), "s3://bucket/drill") == (done.outcome, done.findings, done.store)
    assert [] == ids(sealing)


@pytest.mark.parametrize(("change", "said"), [(turned, ""), (lambda path: path.unlink(), " is missing")])
def test_what_is_damaged_in_the_store_fails_by_name(
    sealing: Release, server: Postgres, at_the_loss: Callable[[Changed], None], change: Changed, said: str
) -> None:
    """Read from the store, and from nowhere else: what is turned or gone there does not come back."""
    at_the_loss(lambda path: change(path / "globals.sql"))
    before = ids(sealing)
    done = drilled(sealing, server)

    assert ("failed", ["restore"]) == (done.outcome, failed(done))
    assert f"backups/{done.backup}/globals.sql{said}" in done.findings[0]
    assert before == ids(sealing)


def test_another_key_in_escrow_fails(sealing: Release, server: Postgres) -> None:
    """What nobody can open any more is no backup, however well it lies."""
    (sealing.root / "age.key").write_text(f"{pyrage.x25519.Identity.generate()}\n")
    done = drilled(sealing, server)

    assert ("failed", ["restore"]) == (done.outcome, failed(done))
    assert "was sealed for another key" in done.findings[0]


BEFORE: dict[str, tuple[Callable[[Release], Release], str]] = {
    "no key is named": (lambda release: owned(release, key=[]), "[backup.own] names no `key`"),
    "nobody gives the key": (lambda release: owned(release, key=["cat", "nowhere"]), "cat: prints no key"),
    "no backup.toml is there": (lambda release: owned(release, repository="no.toml"), "no.toml: is not there"),
    "it is of another database": (another, f"is {HOSTILE!r} on server"),
}


@pytest.mark.parametrize("case", BEFORE)
def test_what_cannot_end_well_does_not_begin(case: str, sealing: Release, server: Postgres) -> None:
    """Nothing was closed for that, nothing was taken away, and nothing is proven."""
    change, said = BEFORE[case]
    before = ids(sealing)
    done = drilled(change(sealing), server)

    assert ("undecided", (), "") == (done.outcome, done.steps, done.backup)
    assert done.findings[0].startswith("the drill could not begin: ")
    assert said in done.findings[0]
    assert before == ids(sealing)


def test_a_run_that_is_busy_is_waited_for(sealing: Release, server: Postgres, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before anything is closed; a drill that was killed is ended all the same."""
    monkeypatch.setattr(places, "WAIT_S", 0.0)
    with kept(sealing.root).lock():
        done = rehearse(sealing, address(server), postgres, lambda _: None, Dr())
        reopen(sealing, address(server), lambda _: None)

    assert ("undecided", ()) == (done.outcome, done.steps)
    assert "another backup or prune is running" in done.findings[0]


def test_a_store_that_lets_nothing_go_is_told(
    sealing: Release, server: Postgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The drill has passed, and somebody has to remove what would come back closed for writing."""

    def refused(store: Folder, key: str) -> None:
        msg = f"{store.name}: {key}: locked"
        raise StoreError(msg)

    monkeypatch.setattr(Folder, "delete", refused)
    done = drilled(sealing, server)

    assert "passed" == done.outcome
    assert f"{done.backup} stays in the store, and comes back closed for writing; remove it: " in done.findings[0]
    assert done.backup in ids(sealing)


def failed(done: Record) -> list[str]:
    """Which steps failed."""
    return [step.name for step in done.steps if step.outcome == "failed"]
