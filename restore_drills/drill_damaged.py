"""Drill: what lies in the store is not what was put there; each damage is refused or found, and its artefact named."""

from __future__ import annotations

import datetime as dt
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
from psycopg import conninfo
from pyrage import x25519

from checks.claim import check
from evidence.errors import InputError
from evidence.release import Release
from restore_drills import levels
from restore_drills.backups import proof, restore, take
from restore_drills.backups.crypt import Keys
from restore_drills.backups.dump import DATA
from restore_drills.backups.findings import find
from restore_drills.backups.model import Manifest
from restore_drills.backups.programs import Programs
from restore_drills.backups.repository import Repository
from restore_drills.backups.store import Folder
from restore_drills.backups.wal import Archive
from restore_drills.contract import Backup
from restore_drills.damage import spoiled
from restore_drills.estate import Estate

Measure = Callable[..., None]
DAYS = dt.timedelta(days=3)
MISTAKES = {
    "a row too few": "DELETE FROM release_verification_drill.sentinel WHERE word = (SELECT min(word) FROM"
    " release_verification_drill.sentinel)",
    "another value": "UPDATE release_verification_drill.sentinel SET word = reverse(word)",
    "a constraint lost": "ALTER TABLE release_verification_drill.sentinel DROP CONSTRAINT sentinel_pkey",
    "a grant too many": "GRANT SELECT ON release_verification_drill.sentinel TO PUBLIC",
}
"""Statements on our own table, each a way in which a copy can differ and still start, answer and look well."""


@check("DRILL-010")
def drill_damage_is_found_and_named(
    release: Release, estate: Estate, dump: Manifest, damaged: str, measure: Measure
) -> None:
    """A damaged, stale or foreign backup is refused, naming the artefact, and a copy that differs is seen to differ."""
    cases = [*_files(estate, dump), *_whole(estate)]
    unseen = [title for title, artefact, said in cases if artefact not in said]
    mistakes = list(_copies(release.section("backup", Backup).level, estate, damaged))
    measure(damages_total=len(cases), mistakes_total=len(mistakes))

    assert not unseen, f"nothing named what is damaged: {'; '.join(unseen)}"
    assert all(found for _, found in mistakes), (
        "the level of verification that [backup] names does not see "
        f"{', '.join(title for title, found in mistakes if not found)}"
    )


def _files(estate: Estate, dump: Manifest) -> Iterator[tuple[str, str, str]]:
    """Damage one file after the other; say what was done, which artefact that is, and what was said to it."""
    first = Archive.read(estate.repository, estate.full.system_identifier).since(estate.increment, None)[0]
    full, increment = estate.full, estate.increment
    data = max((file for file in dump.files if file.name.startswith(DATA)), key=lambda file: file.size)
    for key, way, one in (
        (f"backups/{full.id}/base.tar", "cut short", full),
        (f"backups/{increment.id}/base.tar", "one bit turned", increment),
        (f"backups/{full.id}/pg_wal.tar", "one bit turned", full),
        (f"backups/{full.id}/backup_manifest", "missing", full),
        (f"backups/{full.id}/base.tar", "empty", increment),
        (f"backups/{full.id}/manifest.json", "missing", increment),
        (f"backups/{increment.id}/manifest.json", "one bit turned", increment),
        (first.key, "cut short", increment),
        (first.key, "missing", increment),
        (f"backups/{dump.id}/{data.name}", "cut short", dump),
        (f"backups/{dump.id}/{data.name}", "missing", dump),
    ):
        # A manifest is the backup that it is of, and a segment is known by its number.
        artefact = {f"backups/{full.id}/manifest.json": full.id, first.key: first.name}.get(key, key)
        with spoiled(_folder(estate.repository) / key, way):
            yield f"{key}, {way}", artefact, refused(estate.repository, one)


def _whole(estate: Estate) -> Iterator[tuple[str, str, str]]:
    """What is whole, and yet no backup that may be trusted: too old, or sealed for somebody else."""
    later = find([estate.full], [], {"full": 24.0}, estate.full.started + DAYS)
    yield "a full backup of three days ago", "full", " ".join(finding.place for finding in later)
    mine, other = x25519.Identity.generate(), x25519.Identity.generate()
    with tempfile.TemporaryDirectory(prefix="release-verification-sealed-") as name:
        store, work, key = Folder(Path(name, "store")), Path(name, "work"), Path(name, "key")
        key.write_text(str(other))
        sealed = Repository(store, work, Keys((str(mine.to_public()),)), estate.repository.say)
        one = take.logical(sealed, Programs(), estate.address)
        for title, identity in (("no key", None), ("another key", key)):
            opened = Repository(store, work, Keys((), identity), estate.repository.say)
            yield f"a sealed backup and {title}", one.id, refused(opened, one)


def _copies(level: levels.Level, estate: Estate, damaged: str) -> Iterator[tuple[str, bool]]:
    """Make one mistake after the other in a database that is equal to the release's, and look at the declared level."""
    name = str(conninfo.conninfo_to_dict(estate.address)["dbname"])
    before = {name: proof.look(damaged)}
    for title, statement in MISTAKES.items():
        with psycopg.connect(damaged) as connection:
            connection.execute(statement.encode())
        after = {name: proof.look(damaged)}
        yield title, bool(levels.seen(level, before, after, physical=False))
        before = after


def refused(repository: Repository, one: Manifest) -> str:
    """Restore as far as to the server's start; say what was said against it, and nothing where nothing was."""
    with tempfile.TemporaryDirectory(prefix="release-verification-damaged-", ignore_cleanup_errors=True) as name:
        try:
            repository.manifests()
            if one.physical:
                restore.lay_out(repository, Programs(), one, restore.Target(), Path(name))
            else:
                proof.fetch(repository, one, Path(name))
        except InputError as problem:
            return str(problem)
    return ""


def _folder(repository: Repository) -> Path:
    assert isinstance(repository.store, Folder)
    return repository.store.root
