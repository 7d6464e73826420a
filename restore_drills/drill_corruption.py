"""Drill: a disk tells other bytes than it was told; that is found before it is backed up as truth."""

from __future__ import annotations

import os
from collections.abc import Callable

import msgspec
import psycopg

from checks.claim import check
from checks.findings import Findings
from evidence.release import Release
from restore_drills.levels import broken

Measure = Callable[..., None]


class Database(msgspec.Struct, frozen=True, kw_only=True):
    """What drills read of `[database]`: statements, by name, that must return no row."""

    invariants: dict[str, str] = msgspec.field(default_factory=dict)


@check("DRILL-009")
def drill_silent_corruption_would_be_seen(release: Release, chain: str, findings: Findings, measure: Measure) -> None:
    """Pages have checksums, indexes of a restored copy agree with its tables, and the invariants hold in it."""
    with psycopg.connect(os.environ["TARGET_DATABASE"]) as connection:
        if ("on",) != connection.execute("SHOW data_checksums").fetchone():
            findings.add("data_checksums", "is off: a page that a disk has changed is read as if it were right")
    for what in broken(chain):
        place, _, said = what.partition(": ")
        findings.add(place, said)
    invariants = release.section("database", Database).invariants
    with psycopg.connect(chain) as connection:
        for name, statement in invariants.items():
            if row := connection.execute(statement.encode()).fetchone():
                findings.add(f"invariant {name}", f"does not hold in the restored copy: {row}")
    measure(invariants_total=len(invariants))
