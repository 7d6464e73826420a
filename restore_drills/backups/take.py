"""Make a backup in a local folder: the server's own tools write it, and say in the end what it holds."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import msgspec
from psycopg import conninfo

from evidence.errors import CannotTell, InputError
from restore_drills import fingerprint
from restore_drills.backups import dump, settled
from restore_drills.backups.model import OPEN, Content, File, Kind, Manifest, lsn, new_id
from restore_drills.backups.programs import INCREMENTAL_FROM, Facts, Programs, connect, facts, human, tree_size
from restore_drills.backups.repository import Repository, measured
from restore_drills.compare import Fingerprints
from restore_drills.fingerprint import Fingerprint

FINGERPRINT = "fingerprint.json"
SETTLED = "settled.json"
TRIES = 3
"""How often, after a backup that was written to, a fingerprint is tried for in a moment when nothing is written."""
AGAIN_S = 10.0
"""What took longer to look at is not still the next time either."""
PLACE = "SELECT pg_current_wal_insert_lsn()::text"
RUNNING = """
    SELECT transactionid::text::bigint FROM pg_locks
    WHERE locktype = 'transactionid' AND mode = 'ExclusiveLock' AND granted
"""
SNAPSHOT = "SELECT pg_snapshot_xmin(s)::text, pg_snapshot_xmax(s)::text FROM pg_current_snapshot() s"
DATABASES = "SELECT datname::text FROM pg_database WHERE datallowconn AND NOT datistemplate ORDER BY 1"


class Range(msgspec.Struct, frozen=True, rename={"timeline": "Timeline", "start": "Start-LSN", "end": "End-LSN"}):
    """A part of the log that a physical backup needs."""

    timeline: int
    start: str
    end: str


class PgManifest(msgspec.Struct, frozen=True, rename={"identifier": "System-Identifier", "ranges": "WAL-Ranges"}):
    """What we read of pg_basebackup's own manifest."""

    ranges: tuple[Range, ...]
    identifier: int = 0


class Moment(msgspec.Struct, frozen=True):
    """A moment of a server. Two with the same transactions, none of them running, have nothing written between them.

    `running` tells more than a snapshot, which leaves out whatever began after the last that ended: that may have its
    commit in the log already, and wait for a standby.
    """

    oldest_running: str
    next: str
    lsn: str
    running: frozenset[int] = frozenset()

    def still(self, other: Moment) -> bool:
        """Tell whether nothing was written from here to there, nor is about to be seen."""
        return self.oldest_running == self.next == other.oldest_running == other.next and not other.running


class Look(NamedTuple):
    """Every row of every database, and the moments between which it was looked at."""

    first: Moment
    taken: Fingerprints
    last: Moment

    @property
    def still(self) -> bool:
        """Whether nothing was written meanwhile, so that all of it is of one moment."""
        return self.first.still(self.last)


class Begun(NamedTuple):
    """What was seen before a backup: every row, and those of which the age is known, written before `since`."""

    look: Look
    since: int
    old: Fingerprints


class Made(NamedTuple):
    """A physical backup that is made, and not yet committed; `ended` is a moment right after it."""

    folder: Path
    end: str
    ended: Moment
    archives: bool


def physical(repository: Repository, programs: Programs, dsn: str, parent: Manifest | None) -> Manifest:
    """Take a full backup, or one of what has changed since `parent`, and commit it."""
    kind: Kind = "incremental" if parent else "full"
    found = facts(dsn)
    _refuse(found, parent)
    started = dt.datetime.now(dt.UTC)
    folder = repository.work / new_id(kind, started)
    folder.mkdir(parents=True)
    since = [f"--incremental={_parents_manifest(repository, parent, folder)}"] if parent else []
    begun = _begun(repository, dsn)
    repository.say(f"{kind}: pg_basebackup of {found.database!r} on server {found.version // 10000}")
    programs.run(
        "pg_basebackup", f"--pgdata={folder}", "--format=tar", "--wal-method=stream", "--checkpoint=fast",
        "--no-password", f"--label={folder.name}", "--no-sync", *since, dsn=dsn,
    )  # fmt: skip
    ended = moment(dsn)
    folder.with_suffix(".parent").unlink(missing_ok=True)
    repository.say(f"{kind}: {human(tree_size(folder))}; holding them against the server's own checksums")
    programs.run("pg_verifybackup", "--no-parse-wal", "--exit-on-error", str(folder))
    made = msgspec.json.decode((folder / OPEN).read_bytes(), type=PgManifest)
    content = _bound(repository, dsn, begun, Made(folder, made.ranges[-1].end, ended, found.archives))
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
    content = _written(folder, taken, "snapshot", at, alone=True)
    return _commit(
        repository, folder, found, kind="logical", started=started, content=content, start_lsn=at, end_lsn=at,
        timeline=found.timeline, parents=(),
    )  # fmt: skip


def moment(dsn: str) -> Moment:
    """Look at the server's clock of transactions.

    In this order: what has its commit in the log before the place either still runs then, or is seen by the snapshot.
    """
    with connect(dsn) as connection:
        connection.autocommit = True
        place = connection.execute(PLACE).fetchone()
        running = [int(one) for (one,) in connection.execute(RUNNING)]
        snapshot = connection.execute(SNAPSHOT).fetchone()
    assert place is not None
    assert snapshot is not None
    oldest, following = snapshot
    # Locks tell 32 bits of a transaction; it is near the one that comes next.
    whole = ((one - int(following) + (1 << 31)) % (1 << 32) - (1 << 31) + int(following) for one in running)
    return Moment(oldest, following, place[0], frozenset(whole))


def every_database(dsn: str, described: Callable[[], None] | None = None) -> dict[str, Fingerprint]:
    """Fingerprint every database that can be connected to, by connecting to it; `described` is of the one of `dsn`."""
    with connect(dsn) as connection:
        names = [str(name) for (name,) in connection.execute(DATABASES)]
    taken = {}
    for name in names:
        own = conninfo.make_conninfo(dsn, dbname=name)
        with connect(own) as connection:
            connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            this = conninfo.conninfo_to_dict(dsn).get("dbname") == name
            taken[name] = fingerprint.take(connection, own, described=described if this else None)
    return taken


def _still(dsn: str, before: Fingerprint) -> None:
    with connect(dsn) as connection:
        if fingerprint.take(connection, dsn) != before:
            msg = "the database changed during its backup; give {snapshot} to [backup] dump, or drill when quiet"
            raise CannotTell(msg)


def _look(repository: Repository, dsn: str) -> Look:
    first = moment(dsn)
    repository.say("fingerprint of every row of every database")
    return Look(first, every_database(dsn), moment(dsn))


def _begun(repository: Repository, dsn: str) -> Begun:
    """Look before the backup begins: it alone then leads to what was seen, if nothing is written until it ends."""
    look = _look(repository, dsn)
    if look.still:
        return Begun(look, int(look.first.next), look.taken)
    since = int(look.last.oldest_running)
    repository.say("the database is being written to: the rows that are older than this, once more")
    return Begun(look, since, settled.narrowed(look.taken, settled.look(dsn, look.taken, since)))


def _bound(repository: Repository, dsn: str, begun: Begun, made: Made) -> Content:
    """Say what proves it: the look before it; one in a still moment after it, where the log leads there; or both."""
    if begun.look.first.still(made.ended):
        return _written(made.folder, begun.look.taken, "lsn", max(made.ended.lsn, made.end, key=lsn), alone=True)
    tries = TRIES if made.archives else 1
    for attempt in range(1, tries + 1):
        began = time.monotonic()
        later = _look(repository, dsn)
        if later.still and made.archives:
            return _written(made.folder, later.taken, "lsn", max(later.last.lsn, made.end, key=lsn), alone=False)
        repository.say(f"the database was written to meanwhile ({attempt} of {tries} tries)")
        if time.monotonic() - began > AGAIN_S:
            break
    repository.say("the rows that are older than the backup, once more")
    return _moving(dsn, begun, later, made)


def _moving(dsn: str, begun: Begun, later: Look, made: Made) -> Content:
    """Note what both looks saw of the rows that are older than the backup (`settled` says why that is enough)."""
    content = _written(made.folder, begun.look.taken, "moving", later.last.lsn, alone=False)
    open_still = made.ended.running & moment(dsn).running
    after = settled.narrowed(later.taken, settled.look(dsn, later.taken, begun.since))
    if int(moment(dsn).next) - begun.since >= settled.WINDOW:
        return content
    looks = settled.Looks(since=begun.since, open=tuple(sorted(open_still)), before=begun.old, after=after)
    (made.folder / SETTLED).write_bytes(msgspec.json.encode(looks))
    return msgspec.structs.replace(content, moved=_apart(begun.look.taken, later.taken))


def _apart(one: Fingerprints, other: Fingerprints) -> int:
    """Count the tables that are not the same in both looks."""
    there, then = (
        {(name, table): rows for name, each in taken.items() for table, rows in each.tables.items()}
        for taken in (one, other)
    )
    return sum(there.get(table) != then.get(table) for table in there.keys() | then.keys())


def _written(folder: Path, taken: Fingerprints, bound: str, at: str, *, alone: bool) -> Content:
    (folder / FINGERPRINT).write_bytes(msgspec.json.encode(taken))
    tables = [table for one in taken.values() for table in one.tables.values()]
    counted = {"databases": len(taken), "tables": len(tables), "rows": sum(table.rows for table in tables)}
    return msgspec.convert({"bound": bound, "lsn": at, "alone": alone, **counted}, Content)


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
