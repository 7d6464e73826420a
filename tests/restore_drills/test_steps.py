"""A drill's clock tells what happened when, also of what failed."""

from __future__ import annotations

import tomllib
from pathlib import Path

import msgspec
import pytest

from evidence.chart import Timeline, decode
from evidence.release import Release, Source
from restore_drills import drill_total_loss  # the functions' names would be collected
from restore_drills.loss import Failed, Recovered
from restore_drills.steps import Steps
from tests.restore_drills.backups_world import manifest


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


def test_what_a_repository_tells_is_a_step(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each announcement lasts until the next one, or until the step around it ends."""
    steps = timed(monkeypatch, 100, 101, 103, 104)
    with steps.step("recover"):
        steps("fetch")
        steps("start")

    assert [("fetch", 1, 3), ("start", 3, 4), ("recover", 0, 4)] == [
        (span.name, span.start_s, span.end_s) for span in steps.spans
    ]


def test_of_too_many_steps_the_longest_are_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    """A chart has room for so many, and a drill never loses its picture to that."""
    steps = timed(monkeypatch, *[second for n in range(50) for second in (100 * n, 100 * n + n + 1)])
    for n in range(50):
        with steps.step(f"step {n}"):
            pass

    assert [f"step {n}" for n in range(10, 50)] == [span.name for span in steps.timeline("x").spans]


def test_a_step_that_fails_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever looks at the picture sees where the drill ended, and how long that took."""
    steps = timed(monkeypatch, 100, 101)
    with pytest.raises(Failed), steps.step("restore"):
        raise Failed

    assert [("restore (failed)", 1.0)] == [(span.name, span.end_s) for span in steps.spans]


def test_a_server_that_was_left_alone_is_not_said_to_be_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    """Under the picture it says why, and the number that tells is one that the policy warns of."""
    steps = timed(monkeypatch, 100, 101)
    with steps.step("back up"):
        pass
    alone = Recovered(
        manifest=manifest("logical"), source={}, copy="", content={}, seconds=2.5, left="others test on it"
    )
    release = Release(name="shop", version="1", source=Source(paths=()), backup={"dump": ["pg_dump"]})
    left: dict[str, str] = {}
    measured: dict[str, float] = {}
    drill_total_loss.drill_backup_restores_into_a_fresh_server(alone, steps, release, measured.update, left.__setitem__)
    rule = tomllib.loads((Path(__file__).parents[2] / "policy.toml").read_text())["rules"]["DRILL-001"]

    assert "The old server was left alone, not lost: others test on it." in left["steps.chart.json"]
    assert measured["server_gone_total"] < rule["warn"]["min"]["server_gone_total"]
    changed = msgspec.structs.replace(alone, changed=("table item",))
    with pytest.raises(AssertionError, match="the drill has changed its source: table item"):
        drill_total_loss.drill_backup_restores_into_a_fresh_server(
            changed, steps, release, measured.update, left.__setitem__
        )


@pytest.mark.parametrize("fails", [False, True])
def test_the_drill_leaves_its_steps(monkeypatch: pytest.MonkeyPatch, *, fails: bool) -> None:
    """The picture is there for a drill that came to a copy, and for one that did not; the claim is as before."""
    steps = timed(monkeypatch, 100, 101)
    with steps.step("back up"):
        pass
    left: dict[str, str] = {}
    measured: dict[str, float] = {}
    well = Recovered(manifest=manifest("logical"), source={}, copy="", content={}, seconds=2.5)
    release = Release(name="shop", version="1", source=Source(paths=()), backup={"dump": ["pg_dump"]})

    try:
        drill_total_loss.drill_backup_restores_into_a_fresh_server(
            Failed("no") if fails else well, steps, release, measured.update, left.__setitem__
        )
    except AssertionError:
        assert fails
    drawn = decode(left["steps.chart.json"].encode(), "steps.chart.json")

    assert (drill_total_loss.HOW, steps.spans) == (
        drawn.description,
        list(drawn.spans) if isinstance(drawn, Timeline) else None,
    )
    assert fails != ("rto_s" in measured)
