"""A server of the drill's own with the release's data: it stands in for the one that nobody may break.

It is backed up as a production server is: all of it, then what changed, then the log.
"""

from __future__ import annotations

import contextlib
import functools
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
import psycopg

from fixtures.folder import temporary
from fixtures.postgres import contained, postgres
from fixtures.server import own
from restore_drills.backups import looks, proof, shipping, take
from restore_drills.backups.model import Damaged, Manifest
from restore_drills.backups.programs import Programs
from restore_drills.backups.repository import Repository
from restore_drills.backups.restore import Target
from restore_drills.compare import Fingerprints
from restore_drills.loss import Failed
from restore_drills.sentinel import Sentinel, words

ARCHIVED_WITHIN_S = 30.0
SWITCH = "SELECT pg_walfile_name(pg_switch_wal())"
ARCHIVED = "SELECT coalesce(last_archived_wal, '') FROM pg_stat_archiver"


class Moment(msgspec.Struct, frozen=True, kw_only=True):
    """What came of going back to a moment: the words in the copy, what it is, and how long it took."""

    words: set[str]
    content: Fingerprints
    seconds: float


class Estate(msgspec.Struct, frozen=True, kw_only=True):
    """What is there to restore from, and what must come of it.

    `increment` goes on from `full`, and the log from it. `words` were written in this order: before the increment,
    before `moment`, after it. `then` is what every database was at `moment`, `now` what it is in the end.
    """

    address: str
    repository: Repository
    full: Manifest
    increment: Manifest
    sentinel: Sentinel
    words: tuple[str, str, str]
    moment: str
    then: Fingerprints
    now: Fingerprints

    @contextlib.contextmanager
    def restored(self, manifest: Manifest, target: Target) -> Iterator[tuple[str, float]]:
        """Bring a backup back; give the copy's address and the seconds to its first answer, or Failed."""
        with contextlib.ExitStack() as stack:
            started = time.monotonic()
            try:
                copying = proof.copied(self.repository, Programs(), manifest, target=target)
                address = stack.enter_context(copying)
            except Damaged as problem:
                raise Failed(str(problem)) from None
            yield address, time.monotonic() - started

    def content(self, copy: str, manifest: Manifest) -> Fingerprints:
        """Fingerprint every database of a copy; Failed where one is listed, and cannot be connected to."""
        try:
            return proof.content(copy, manifest)
        except Damaged as problem:
            raise Failed(str(problem)) from None

    def back(self) -> Moment:
        """Go back to the moment from the full backup and the log, and look at the copy; Failed where that fails."""
        with self.restored(self.full, Target("time", self.moment)) as (copy, seconds):
            return Moment(words=words(copy), content=self.content(copy, self.full), seconds=seconds)


@contextlib.contextmanager
def estate(repository: Repository, dump: Manifest) -> Iterator[Estate]:
    """Bring the dump back into a server that archives its log, write to it, and back it up meanwhile."""
    with contextlib.ExitStack() as stack:
        folder = stack.enter_context(temporary("release-verification-wal-"))
        spool = folder / "wal"
        spool.mkdir()
        spool.chmod(0o777)  # a container's server is whoever its image says; nobody else comes through to it
        own(folder)
        settings = {
            "summarize_wal": "on",
            "fsync": "off",  # it stands in for another; what is restored from it is as durable as any
            "archive_mode": "on",
            # In one step, as archive.py does it; the server's user may not be allowed to run our Python.
            "archive_command": f"cp %p {spool}/.%f && chmod 644 {spool}/.%f && mv {spool}/.%f {spool}/%f",
        }
        fresh = functools.partial(postgres, "container" if contained() else "embedded", settings, [spool])
        address = stack.enter_context(proof.copied(repository, Programs(), dump, fresh))
        yield _history(repository, address, spool)


def _history(repository: Repository, address: str, spool: Path) -> Estate:
    programs, sentinel = Programs(), Sentinel(address)
    full = take.physical(repository, programs, address, None)
    first = sentinel.write()
    increment = take.physical(repository, programs, address, full)
    second = sentinel.write()
    _ship(repository, address, spool)
    then, moment = looks.every_database(address), _clock(address)
    third = sentinel.write()
    now = looks.every_database(address)
    _ship(repository, address, spool)
    return Estate(
        address=address, repository=repository, full=full, increment=increment, sentinel=sentinel,
        words=(first, second, third), moment=moment, then=then, now=now,
    )  # fmt: skip


def _clock(address: str) -> str:
    with psycopg.connect(address) as connection:
        row = connection.execute("SELECT clock_timestamp()::text").fetchone()
    assert row
    return str(row[0])


def _ship(repository: Repository, address: str, spool: Path) -> None:
    with psycopg.connect(address, autocommit=True) as connection:
        row = connection.execute(SWITCH).fetchone()
        assert row
        deadline = time.monotonic() + ARCHIVED_WITHIN_S
        while time.monotonic() < deadline:
            done = connection.execute(ARCHIVED).fetchone()
            if done and str(done[0]) >= str(row[0]):
                shipping.ship(repository, spool)
                return
            time.sleep(0.02)
    msg = f"the server of the drill has not archived {row[0]} within {ARCHIVED_WITHIN_S:g} s"
    raise TimeoutError(msg)
