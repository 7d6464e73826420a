"""What a server is when it is backed up: looks at every row, and how they are bound to the backup."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import msgspec
from psycopg import conninfo

from restore_drills import fingerprint
from restore_drills.backups import settled
from restore_drills.backups.model import Content, lsn
from restore_drills.backups.programs import connect
from restore_drills.backups.repository import Repository
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
    rows: settled.Rows


class Made(NamedTuple):
    """A physical backup that is made, and not yet committed; `ended` is a moment right after it."""

    folder: Path
    end: str
    ended: Moment
    archives: bool


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


def _look(repository: Repository, dsn: str) -> Look:
    first = moment(dsn)
    repository.say("fingerprint of every row of every database")
    return Look(first, every_database(dsn), moment(dsn))


def begun(repository: Repository, dsn: str) -> Begun:
    """Look before the backup begins: it alone then leads to what was seen, if nothing is written until it ends."""
    look = _look(repository, dsn)
    if look.still:
        return Begun(look, int(look.first.next), look.taken, {})
    since = int(look.last.oldest_running)
    repository.say("the database is being written to: the rows that are older than this, once more")
    rows = settled.look(dsn, look.taken, since)
    return Begun(look, since, settled.narrowed(look.taken, rows), rows)


def bound(repository: Repository, dsn: str, before: Begun, made: Made) -> Content:
    """Say what proves it: the look before it; one in a still moment after it, where the log leads there; or both."""
    if before.look.first.still(made.ended):
        return written(made.folder, before.look.taken, "lsn", max(made.ended.lsn, made.end, key=lsn), alone=True)
    tries = TRIES if made.archives else 1
    for attempt in range(1, tries + 1):
        began = time.monotonic()
        later = _look(repository, dsn)
        if later.still and made.archives:
            return written(made.folder, later.taken, "lsn", max(later.last.lsn, made.end, key=lsn), alone=False)
        repository.say(f"the database was written to meanwhile ({attempt} of {tries} tries)")
        if time.monotonic() - began > AGAIN_S:
            break
    repository.say("the rows that are older than the backup, once more")
    return _moving(dsn, before, later, made)


def _moving(dsn: str, before: Begun, later: Look, made: Made) -> Content:
    """Note what both looks saw of the rows that are older than the backup (`settled` says why that is enough)."""
    content = written(made.folder, before.look.taken, "moving", later.last.lsn, alone=False)
    open_still = made.ended.running & moment(dsn).running
    rows = settled.look(dsn, later.taken, before.since)
    if int(moment(dsn).next) - before.since >= settled.WINDOW:
        return content
    looks = settled.Looks(
        since=before.since,
        open=tuple(sorted(open_still)),
        before=before.old,
        after=settled.narrowed(later.taken, rows),
        parts=settled.alike(before.rows, rows),
    )
    (made.folder / SETTLED).write_bytes(msgspec.json.encode(looks))
    return msgspec.structs.replace(content, moved=_apart(before.look.taken, later.taken))


def _apart(one: Fingerprints, other: Fingerprints) -> int:
    """Count the tables that are not the same in both looks."""
    there, then = (
        {(name, table): rows for name, each in taken.items() for table, rows in each.tables.items()}
        for taken in (one, other)
    )
    return sum(there.get(table) != then.get(table) for table in there.keys() | then.keys())


def written(folder: Path, taken: Fingerprints, how: str, at: str, *, alone: bool) -> Content:
    """Write the fingerprint down, and say how it is bound to the backup."""
    (folder / FINGERPRINT).write_bytes(msgspec.json.encode(taken))
    tables = [table for one in taken.values() for table in one.tables.values()]
    counted = {"databases": len(taken), "tables": len(tables), "rows": sum(table.rows for table in tables)}
    return msgspec.convert({"bound": how, "lsn": at, "alone": alone, **counted}, Content)
