"""A drill's clock tells what happened when, also of what failed."""

from __future__ import annotations

from pathlib import Path

import pytest

from evidence.chart import Timeline, decode
from restore_drills import drill_total_loss  # the functions' names would be collected
from restore_drills.fingerprint import Fingerprint
from restore_drills.recovery import BackupFailed, Recovered, Taken
from restore_drills.steps import Steps

NOTHING = Fingerprint(tables={}, schema=(), roles={}, sequences={})


def timed(monkeypatch: pytest.MonkeyPatch, *times: float) -> Steps:
    """Give a clock that reads these times."""
    readings = iter(times)
    monkeypatch.setattr("restore_drills.steps.time.monotonic", lambda: next(readings))
    return Steps()


def test_steps_count_from_the_first(monkeypatch: pytest.MonkeyPatch) -> None:
    """A whole holds its parts, and time between steps is not given to either."""
    steps = timed(monkeypatch, 100, 101, 103, 103, 107.5, 108)
    with steps.step("back up"):
        pass
    with steps.step("recover"), steps.step("restore"):
        pass

    assert [("back up", 0, 1), ("restore", 3, 7.5), ("recover", 3, 8)] == [
        (span.name, span.start_s, span.end_s) for span in steps.spans
    ]


def test_a_step_that_fails_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever looks at the picture sees where the drill ended, and how long that took."""
    steps = timed(monkeypatch, 100, 101)
    with pytest.raises(BackupFailed), steps.step("restore"):
        raise BackupFailed

    assert [("restore (failed)", 1.0)] == [(span.name, span.end_s) for span in steps.spans]


@pytest.mark.parametrize("fails", [False, True])
def test_the_drill_leaves_its_steps(monkeypatch: pytest.MonkeyPatch, *, fails: bool) -> None:
    """The picture is there for a drill that came to a copy, and for one that did not; the claim is as before."""
    steps = timed(monkeypatch, 100, 101)
    with steps.step("back up"):
        pass
    left: dict[str, str] = {}
    measured: dict[str, float] = {}
    taken = Taken(dump=Path("d"), globals=None, source=NOTHING, seconds=1.0, size=9)
    well = Recovered(taken=taken, copy="", fingerprint=NOTHING, seconds=2.5)

    try:
        drill_total_loss.drill_backup_restores_into_a_fresh_server(
            BackupFailed("no") if fails else well, steps, measured.update, left.__setitem__
        )
    except AssertionError:
        assert fails
    drawn = decode(left["steps.chart.json"].encode(), "steps.chart.json")

    assert (drill_total_loss.HOW, steps.spans) == (
        drawn.description,
        list(drawn.spans) if isinstance(drawn, Timeline) else None,
    )
    assert fails != ("rto_s" in measured)
