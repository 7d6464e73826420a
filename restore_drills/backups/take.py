"""Make a backup in a local folder: the server's own tools write it, and say in the end what it holds."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import msgspec

from evidence.errors import CannotTell, InputError
from restore_drills import fingerprint
from restore_drills.backups import dump, looks
from restore_drills.backups.model import OPEN, File, Kind, Manifest, new_id
from restore_drills.backups.programs import INCREMENTAL_FROM, Facts, Programs, connect, facts, human, tree_size
from restore_drills.backups.repository import Repository, measured
from restore_drills.fingerprint import Fingerprint


class Range(msgspec.Struct, frozen=True, rename={"timeline": "Timeline", "start": "Start-LSN", "end": "End-LSN"}):
    """A part of the log that a physical backup needs."""

    timeline: int
    start: str
    end: str


class PgManifest(msgspec.Struct, frozen=True, rename={"identifier": "System-Identifier", "ranges": "WAL-Ranges"}):
    """What we read of pg_basebackup's own manifest."""

    ranges: tuple[Range, ...]
    identifier: int = 0


def physical(repository: Repository, programs: Programs, dsn: str, parent: Manifest | None) -> Manifest:
    """Take a full backup, or one of what has changed since `parent`, and commit it."""
    kind: Kind = "incremental" if parent else "full"
    found = facts(dsn)
    _refuse(found, parent)
    started = dt.datetime.now(dt.UTC)
    folder = repository.work / new_id(kind, started)
    folder.mkdir(parents=True)
    since = [f"--incremental={_parents_manifest(repository, parent, folder)}"] if parent else []
    before = looks.begun(repository, dsn)
    repository.say(f"{kind}: pg_basebackup of {found.database!r} on server {found.version // 10000}")
    programs.run(
        "pg_basebackup", f"--pgdata={folder}", "--format=tar", "--wal-method=stream", "--checkpoint=fast",
        "--no-password", f"--label={folder.name}", "--no-sync", *since, dsn=dsn,
    )  # fmt: skip
    ended = looks.moment(dsn)
    folder.with_suffix(".parent").unlink(missing_ok=True)
    repository.say(f"{kind}: {human(tree_size(folder))}; holding them against the server's own checksums")
    programs.run("pg_verifybackup", "--no-parse-wal", "--exit-on-error", str(folder))
    made = msgspec.json.decode((folder / OPEN).read_bytes(), type=PgManifest)
    content = looks.bound(repository, dsn, before, looks.Made(folder, made.ranges[-1].end, ended, found.archives))
    return _commit(
        repository, folder, found, kind=kind, started=started, content=content, start_lsn=made.ranges[0].start,
        end_lsn=made.ranges[-1].end, timeline=made.ranges[-1].timeline,
        parents=(*parent.parents, parent.id) if parent else (),
    )  # fmt: skip


def logical(
    repository: Repository, programs: Programs, dsn: str, how: dump.Dump = dump.OURS, root: Path | None = None
) -> Manifest:
    """Dump one database, its roles beside it, in the snapshot that it is fingerprinted in, and commit it."""
    found = facts(dsn)
    started = dt.datetime.now(dt.UTC)
    folder = repository.work / new_id("logical", started)
    folder.mkdir(parents=True)
    with connect(dsn) as connection:
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        row = connection.execute("SELECT pg_export_snapshot(), pg_current_wal_insert_lsn()::text").fetchone()
        snapshot, at = row or ("", "")
        repository.say(f"logical: fingerprint of every row of {found.database!r}")
        taken = {found.database: fingerprint.take(connection, dsn, snapshot)}
        repository.say(f"logical: {how.dump[0]}")
        dump.write(programs, how.at(snapshot), dsn, folder, root)
    if not how.of_one_moment:
        _still(dsn, taken[found.database])
    content = looks.written(folder, taken, "snapshot", at, alone=True)
    return _commit(
        repository, folder, found, kind="logical", started=started, content=content, start_lsn=at, end_lsn=at,
        timeline=found.timeline, parents=(),
    )  # fmt: skip


def _still(dsn: str, before: Fingerprint) -> None:
    with connect(dsn) as connection:
        if fingerprint.take(connection, dsn) != before:
            msg = "the database changed during its backup; give {snapshot} to [backup] dump, or drill when quiet"
            raise CannotTell(msg)


def _commit(repository: Repository, folder: Path, found: Facts, **told: object) -> Manifest:
    repository.say("seal and measure")
    files = tuple(_sealed(repository, folder, path) for path in sorted(folder.rglob("*")) if path.is_file())
    manifest = msgspec.convert(
        {
            "id": folder.name, "finished": dt.datetime.now(dt.UTC), "server_version": found.version,
            "system_identifier": found.system_identifier, "segment_size": found.segment_size,
            "database": found.database, "superuser": found.superuser, "files": files,
            "recipients": repository.keys.recipients, **told,
        },
        Manifest,
        from_attributes=True,
    )  # fmt: skip
    repository.commit(manifest, folder)
    return manifest


def _sealed(repository: Repository, folder: Path, path: Path) -> File:
    size, digest = measured(path)
    name = path.relative_to(folder).as_posix()
    stored_size, stored_digest = size, digest
    if repository.keys.recipients and name != OPEN:
        repository.keys.seal(path)
        stored_size, stored_digest = measured(path)
    return File(name=name, size=size, sha256=digest, stored_size=stored_size, stored_sha256=stored_digest)


def _parents_manifest(repository: Repository, parent: Manifest, folder: Path) -> Path:
    path = folder.with_suffix(".parent")
    with repository.open(parent, parent.file(OPEN)) as file:
        path.write_bytes(file.read())
    return path


def _refuse(found: Facts, parent: Manifest | None) -> None:
    where = f"database {found.database!r}"
    if found.tablespaces:
        msg = f"{where}: has tablespaces ({', '.join(found.tablespaces)}), which only logical backups hold here"
        raise InputError(msg)
    if parent is None:
        return
    if found.version < INCREMENTAL_FROM or not found.summarizes:
        msg = f"{where}: incremental backups need PostgreSQL 17 or newer with summarize_wal = on; take a full one"
        raise InputError(msg)
    if (parent.system_identifier, parent.timeline) != (found.system_identifier, found.timeline):
        msg = f"{where}: is another server, or another timeline of it, than {parent.id} was taken from; take a full one"
        raise InputError(msg)
