"""Drill: something was written that must not have been; the database goes back to the moment before."""

from __future__ import annotations

from collections.abc import Callable

from checks.claim import check
from restore_drills.backups import take
from restore_drills.backups.restore import Target
from restore_drills.compare import hold
from restore_drills.estate import Estate
from restore_drills.sentinel import words

Measure = Callable[..., None]


@check("DRILL-006")
def drill_moment_between_two_writes_is_reached(estate: Estate, measure: Measure) -> None:
    """From a full backup and the log the database goes back to a moment: all before it is there, nothing after."""
    _, before, after = estate.words
    with estate.restored(estate.full, Target("time", estate.moment)) as (copy, seconds):
        found, content = words(copy), estate.content(copy, estate.full)
    measure(rto_s=seconds)

    assert {before} == found & {before, after}, "the last word before the moment, without the first one after it"
    hold(estate.then, content, physical=True)
    assert estate.now == take.every_database(estate.address), "the server that was copied has changed"
