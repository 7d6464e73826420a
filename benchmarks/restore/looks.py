"""How long it takes to look at a restored copy, at each level, and to read its data, which is the measure."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import psycopg
from psycopg import sql

from benchmarks.restore.rounds import Taken, Task, in_turns
from benchmarks.restore.world import PROGRAMS, World
from restore_drills import levels
from restore_drills.backups import proof
from restore_drills.backups.restore import Target, recovered
from restore_drills.compare import differences
from restore_drills.fingerprint import RELATIONS
from restore_drills.own.look import counts

Look = Callable[[str], None]
READ = "read every row once: `COPY … TO '/dev/null'`"
COUNTS, DIGESTS, FULL = "level `counts`", "level `digests`, schema and roles with it", "level `full`"


def looked(world: World, root: Path, rounds: int) -> dict[str, Taken]:
    """Look at one copy, again and again."""
    with recovered(world.repository, PROGRAMS, world.full, Target("backup"), root / "looked at") as server:
        address = server.address(world.full.database)
        tasks: dict[str, Look] = {
            READ: read,
            COUNTS: counted,
            DIGESTS: partial(digested, world),
            FULL: partial(whole, world),
        }
        return in_turns({title: Task(partial(timed, look, address)) for title, look in tasks.items()}, root, rounds)


def timed(look: Look, address: str, _: Path) -> float:
    """Look, and say when it was done; then leave the copy as it was."""
    look(address)
    ended = time.monotonic()
    with psycopg.connect(address, autocommit=True) as connection:
        connection.execute("DROP EXTENSION IF EXISTS amcheck")
    return ended


def read(address: str) -> None:
    """Read what a dump would."""
    with psycopg.connect(address) as connection:
        for schema, name in connection.execute(RELATIONS).fetchall():
            connection.execute(sql.SQL("COPY {} TO '/dev/null'").format(sql.Identifier(schema, name)))


def counted(address: str) -> None:
    """Count the rows of every table."""
    assert any(counts(address).values())


def digested(world: World, address: str) -> None:
    """Hold every row against the fingerprint of the backup."""
    before, after = proof.content_of(world.repository, world.full), proof.content(address, world.full)
    assert [] == differences(before, after, physical=True)


def whole(world: World, address: str) -> None:
    """Hold every row against the fingerprint, and every index against its table."""
    before = proof.content_of(world.repository, world.full)
    after, broken = levels.whole(partial(proof.content, address, world.full), lambda: levels.broken(address))
    assert ([], []) == (differences(before, after, physical=True), broken)
