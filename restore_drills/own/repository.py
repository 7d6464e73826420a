"""A repository that `nox -s backup` keeps: what leads farthest there comes back, by that command's own code."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import psycopg
from psycopg import conninfo

from evidence.errors import CannotTell
from restore_drills.backups import config, proof
from restore_drills.backups.model import Damaged, Manifest, lsn
from restore_drills.backups.programs import Tell
from restore_drills.backups.repository import Repository
from restore_drills.backups.restore import Target, choose
from restore_drills.backups.store import Missing
from restore_drills.backups.timelines import SEGMENT, number
from restore_drills.backups.wal import Archive
from restore_drills.compare import differences
from restore_drills.escrow import escrowed
from restore_drills.own.contract import Own, Unfit

IDENTIFIER = "SELECT system_identifier::text, current_database()::text FROM pg_control_system()"
WAIT_S = 60.0
"""Named wait: for a run of `nox -s backup` on this machine to end."""


def settings(own: Own, root: Path) -> config.Config:
    """Read the backup.toml that is named; Unfit where there is none."""
    path = root / own.repository
    if not path.is_file():
        msg = f"{path}: is not there, and `repository` of [backup.own] names it; write one (README, Back up)"
        raise Unfit(msg)
    return config.load(path)


def opened(own: Own, root: Path, folder: Path, say: Tell) -> Repository:
    """Open the repository; `folder` is ours, and the key comes to be there. Nothing is written to the store."""
    identity = None
    if own.key:
        identity, said = escrowed(own.key, root, folder)
        if said:
            msg = f"`key` of [backup.own]: {said}"
            raise Unfit(msg)
    return settings(own, root).repository(say, identity)


def farthest(place: Repository, own: Own, source: str) -> Manifest:
    """Choose what leads farthest along the log, of the server that `source` is where there is anything of it.

    Two clocks need not agree, and the log says which is newer: a dump has its place there, and data files lead to the
    end of what was archived. Unfit where there is nothing; Damaged where a manifest cannot be read, since that may be
    the newest of all.
    """
    server, name = _asked(source) if source else ("", "")
    there = [one for one in place.manifests() if _meant(one, own)]
    if not there:
        kind = f"{own.kind} backup" if own.kind else "backup"
        of = f" of {own.database!r}" if own.database else ""
        msg = (
            f"{place.store.name}: holds no {kind}{of}; take one (`nox -s backup`), or mend `store` in {own.repository}"
        )
        raise Unfit(msg)
    if server not in {one.system_identifier for one in there}:
        server = max(there, key=lambda one: one.finished).system_identifier
    there = [one for one in there if one.system_identifier == server]
    dumps = [one for one in there if not one.physical]
    # Of several databases the release's own is meant, unless the copy's has another name than the source's.
    dumps = [one for one in dumps if one.database == name] or dumps
    best = [max(dumps, key=lambda one: (_at(one), one.finished))] if dumps else []
    if any(one.physical for one in there):
        best.append(choose(there, Target()))
    archive = Archive.read(place, server)
    return max(best, key=lambda one: _reach(one, archive))


def changed(place: Repository, one: Manifest, address: str) -> list[str]:
    """Name what a copy is not that its source was at the backup, by the fingerprint that was taken with it.

    Nothing is named where that cannot be told: the log has led data files on, or the source was never still.
    """
    if one.physical and (not one.content.alone or _log(place, one)):
        return []
    try:
        found = differences(proof.content_of(place, one), proof.content(address, one), physical=one.physical)
    except (Damaged, Missing) as problem:
        return [str(problem)]
    return [each.text.removeprefix(f"database {one.database!r}: ") for each in found]


def _meant(one: Manifest, own: Own) -> bool:
    if own.kind and one.physical != (own.kind == "physical"):
        return False
    return one.physical or not own.database or one.database == own.database


def _asked(source: str) -> tuple[str, str]:
    try:
        with psycopg.connect(source) as connection:
            row = connection.execute(IDENTIFIER).fetchone()
    except psycopg.Error as problem:
        where = conninfo.conninfo_to_dict(source).get("host", "")
        msg = f"the source ({where}) does not say which server it is: {' '.join(str(problem).split())}"
        raise CannotTell(msg) from None
    assert row
    return str(row[0]), str(row[1])


def _at(one: Manifest) -> tuple[int, int]:
    return one.timeline, lsn(one.end_lsn)


def _reach(one: Manifest, archive: Archive) -> tuple[int, int]:
    """Say how far along the log it leads: of data files, to the end of the newest segment."""
    newest = archive.newest
    if not one.physical or newest is None:
        return _at(one)
    end = (number(newest.name, one.segment_size) + 1) * one.segment_size
    return max(_at(one), (int(newest.name[:8], 16), end))


def _log(place: Repository, one: Manifest) -> Sequence[str]:
    """Name the segments that led on from data files."""
    archive = Archive.read(place, one.system_identifier).followed(place)
    return [kept.name for kept in archive.since(one, None) if SEGMENT.fullmatch(kept.name)]
