"""Drill: the database is gone, and what is left are the backups that the team makes anyway."""

from __future__ import annotations

import contextlib
import datetime as dt
import os
from collections.abc import Callable, Iterator

import psycopg
import pytest

from checks.claim import check
from checks.findings import Findings
from evidence import chart
from evidence.errors import CannotTell
from evidence.release import Release
from restore_drills.conftest import Unrestored
from restore_drills.drill_corruption import Database
from restore_drills.fresh import fresh
from restore_drills.levels import broken, sortable
from restore_drills.loss import RECOVERY
from restore_drills.own.contract import Own
from restore_drills.own.copy import Copy, Failed, Way
from restore_drills.own.look import counts, holds, missing, moment
from restore_drills.properties import LOCALE, changed, properties
from restore_drills.steps import Steps

Measure = Callable[..., None]
Attach = Callable[[str, str], None]
HOW = "From the team's own backup to the first query that is answered."
SOURCE = "TARGET_DATABASE"


@pytest.fixture(scope="module")
def clock() -> Steps:
    """The clock of this drill."""
    return Steps()


@pytest.fixture(scope="module")
def way(release: Release, clock: Steps) -> Way:
    """How the newest backup comes back."""
    own, source = release.section("backup.own", Own), os.environ.get(SOURCE, "")
    return Way(own=own, root=release.root, source=source, fresh=fresh(release, source), say=clock)


@pytest.fixture(scope="module")
def came(way: Way, clock: Steps) -> Iterator[Copy | Failed]:
    """The copy, or why there is none."""
    with contextlib.ExitStack() as stack:
        try:
            with clock.step(RECOVERY):
                copy: Copy | Failed = stack.enter_context(way.gone())
        except Failed as problem:
            copy = problem
        yield copy


@pytest.fixture
def own_copy(came: Copy | Failed) -> Copy:
    """The copy, where it came to one."""
    if isinstance(came, Failed):
        raise Unrestored(str(came))
    return came


@check("OWN-001")
def drill_own_backup_comes_back(came: Copy | Failed, clock: Steps, measure: Measure, attach: Attach) -> None:
    """The newest backup that the team makes anyway restores into a fresh server, without an error, in time."""
    attach(f"steps{chart.SUFFIX}", chart.encode(clock.timeline(HOW)))
    assert not isinstance(came, Failed), str(came)
    measure(rto_s=came.seconds)


@check("OWN-002")
def drill_own_backup_is_whole(release: Release, own_copy: Copy, way: Way, findings: Findings, measure: Measure) -> None:
    """Every table that holds rows in the source holds rows in the copy, whose structures agree and invariants hold."""
    was = own_copy.changed()  # first: what looks at structures adds an extension
    copy = counts(own_copy.address)
    source = holds(way.source) if way.source else {}
    measure(tables_total=len(copy), rows_total=sum(copy.values()))

    for what in [*was, *missing(source, copy), *broken(own_copy.address)]:
        place, _, said = what.partition(": ")
        findings.add(place, said)
    with psycopg.connect(own_copy.address) as connection:
        for name, statement in release.section("database", Database).invariants.items():
            if row := connection.execute(statement.encode()).fetchone():
                findings.add(f"invariant {name}", f"does not hold in {own_copy.came_from}: {row}")


@check("OWN-003")
def drill_own_backup_is_fresh(own_copy: Copy, way: Way, measure: Measure) -> None:
    """The newest row of the backup is little older than the newest row of the source: that is what would be lost."""
    copy = moment(own_copy.address, way.own.newest)
    assert copy is not None, f"{own_copy.came_from}: `newest` of [backup.own] finds no row in it"
    # A source that nobody writes to loses nothing; one that cannot be reached may have been written to until now.
    source = moment(way.source, way.own.newest) if way.source else dt.datetime.now(dt.UTC)
    assert source is not None, "`newest` of [backup.own] finds no row in the source, and one in the backup"
    lost_s = (source - copy).total_seconds()

    assert lost_s >= 0, f"the newest row of {own_copy.came_from} is {-lost_s:.0f} s newer than any of the source"
    measure(rpo_s=lost_s)


@check("OWN-004")
def drill_own_backup_knows_the_database(own_copy: Copy, way: Way, findings: Findings, measure: Measure) -> None:
    """The database itself comes back as its source is: whose it is, who may connect, its settings and its locale."""
    if not way.source:
        msg = f"{SOURCE} is not told: there is nothing to hold the copy's database against"
        raise CannotTell(msg)
    with psycopg.connect(way.source) as source, psycopg.connect(own_copy.address) as copy:
        before, after = properties(source), properties(copy)
    measure(properties_total=len(before))

    for name, said in changed(before, after):
        if name == LOCALE:
            sortable(own_copy.address, before)
        findings.add(name, f"the database's {name}: {said}, in what came of {own_copy.came_from}")
