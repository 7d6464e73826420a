"""Drill: something was written that must not have been; the database goes back to the moment before."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future

from checks.claim import check
from restore_drills.backups import looks
from restore_drills.compare import hold
from restore_drills.estate import Estate, Moment

Measure = Callable[..., None]


@check("DRILL-006")
def drill_moment_between_two_writes_is_reached(estate: Estate, coming_moment: Future[Moment], measure: Measure) -> None:
    """From a full backup and the log the database goes back to a moment: all before it is there, nothing after."""
    _, before, after = estate.words
    came = coming_moment.result()
    measure(rto_s=came.seconds)

    assert {before} == came.words & {before, after}, "the last word before the moment, without the first one after it"
    hold(estate.then, came.content, physical=True)
    assert estate.now == looks.every_database(estate.address), "the server that was copied has changed"
