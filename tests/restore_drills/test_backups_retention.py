"""Retention is restic's `forget --keep-*`; the newest stays, and so does whatever something kept still needs."""

from __future__ import annotations

import datetime as dt
import itertools
from collections.abc import Iterable, Iterator, Sequence

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from evidence.errors import InputError
from restore_drills.backups.findings import find
from restore_drills.backups.model import KINDS, Kind, Manifest
from restore_drills.backups.retention import Plan, Rules, kept, plan
from restore_drills.backups.timelines import segment
from restore_drills.backups.wal import Kept
from tests.restore_drills.backups_world import NOON, manifest

Days = list[dt.datetime]


def days(*back: float) -> Days:
    """Moments, so many days ago, newest first."""
    return [NOON - dt.timedelta(days=one) for one in back]


def stays(times: Days, **rules: int) -> list[int]:
    """Say which stay, by position."""
    return [position for position, why in enumerate(kept(times, Rules(**rules))) if why]


@pytest.mark.parametrize(
    ("times", "rules", "expected"),
    [
        pytest.param(days(0, 1, 2, 3), {"last": 2}, [0, 1], id="the last two"),
        pytest.param(days(0, 0.1, 0.2, 1, 2), {"daily": 2}, [0, 3], id="the newest of each day"),
        pytest.param([NOON - dt.timedelta(weeks=n) for n in range(12)], {"daily": 4}, [0, 1, 2, 3], id="12 Sundays"),
        pytest.param(days(0, 1, 2), {"daily": 5}, [0, 1, 2], id="fewer than the count"),
        pytest.param(days(0, 0.1, 0.2), {"daily": 2}, [0, 2], id="the oldest, where the count is not used up"),
        pytest.param(days(0, 0.1, 0.2), {"daily": 1}, [0], id="not the oldest, where it is"),
        pytest.param(days(*range(67)), {"daily": 7, "weekly": 4, "monthly": 12}, [*range(7), 10, 17, 25, 56, 66],
                     id="67 days: 7 days, weeks, months, and the oldest of all"),
        pytest.param(days(*range(100)), {"yearly": 3}, [0, 99], id="the oldest stands for the year before"),
        pytest.param([dt.datetime(2027, 1, 3, tzinfo=dt.UTC), dt.datetime(2027, 1, 1, tzinfo=dt.UTC),
                      dt.datetime(2026, 12, 31, tzinfo=dt.UTC), dt.datetime(2026, 12, 27, tzinfo=dt.UTC)],
                     {"weekly": 2}, [0, 3], id="New Year is in ISO week 53 of the old year"),
        pytest.param([dt.datetime(2026, 10, 25, 2, 30, tzinfo=dt.timezone(dt.timedelta(hours=1))),
                      dt.datetime(2026, 10, 25, 2, 30, tzinfo=dt.timezone(dt.timedelta(hours=2))),
                      dt.datetime(2026, 10, 24, 2, 30, tzinfo=dt.timezone(dt.timedelta(hours=2)))],
                     {"hourly": 2}, [0, 1], id="the hour that comes twice in autumn is two hours"),
        pytest.param(days(-400, 0, 1), {"daily": 2}, [0, 1], id="one from the future eats a count, as in restic"),
    ],
)  # fmt: skip
def test_restics_rules(times: Days, rules: dict[str, int], expected: list[int]) -> None:
    """Each documented behaviour of `forget --keep-*`."""
    assert expected == stays(times, **rules)


def test_a_policy_that_keeps_nothing_is_refused() -> None:
    """All counts zero is a mistake, never a wish."""
    with pytest.raises(InputError, match=r"\[keep.full\]: keeps nothing"):
        plan([manifest()], {"full": Rules()})


def test_what_a_kept_backup_needs_stays_with_the_reason() -> None:
    """A full backup that its own rule lets go stays for its incremental one, and says so."""
    old = manifest(when=NOON - dt.timedelta(days=9))
    new = manifest(when=NOON, number=1)
    child = manifest("incremental", NOON - dt.timedelta(days=8), (old.id,), number=2)
    planned = plan([old, new, child], {"full": Rules(last=1), "incremental": Rules(hourly=24)})

    assert {old.id: (f"needed by {child.id}",), child.id: ("hourly",), new.id: ("last",)} == planned.keep
    assert () == planned.remove


def test_dependants_go_first() -> None:
    """At whatever moment a prune is cut short, nothing is left whose parent is gone."""
    full = manifest(when=NOON - dt.timedelta(days=9))
    one = manifest("incremental", NOON - dt.timedelta(days=8), (full.id,), number=1)
    two = manifest("incremental", NOON - dt.timedelta(days=8, hours=-1), (full.id, one.id), number=2)
    new = manifest(number=3)
    other = manifest("incremental", NOON, (new.id,), number=4)
    planned = plan([full, one, two, new, other], {"full": Rules(last=1), "incremental": Rules(last=1)})

    assert (two, one, full) == planned.remove


def test_two_databases_in_one_store_do_not_push_each_other_out() -> None:
    """The policy is applied to each by itself."""
    shop = [manifest("logical", NOON - dt.timedelta(hours=n), number=n) for n in range(3)]
    crm = manifest("logical", NOON - dt.timedelta(days=30), number=9, database="crm")

    assert {shop[0].id, crm.id} == set(plan([*shop, crm], {"logical": Rules(last=1)}).keep)


def test_the_log_goes_up_to_the_oldest_physical_backup_that_stays() -> None:
    """Without a physical backup all of it stays: there is nothing to measure by."""
    log = segments(range(6))
    stay = [manifest(number=2), manifest(number=3, when=NOON + dt.timedelta(days=1))]

    assert ["000000010000000000000000", "000000010000000000000001", "000000010000000000000002"] == [
        one.name for one in plan(stay, {}, log).log
    ]
    assert () == plan([manifest("logical")], {}, log).log


SMALL, LARGE = 16 << 20, 64 << 20


def segments(numbers: Iterable[int], server: str = "7", size: int = SMALL) -> list[Kept]:
    """Make up segments of a server's log."""
    return [Kept(name := segment(1, n, size), "", f"wal/{server}/{name}") for n in numbers]


def full(start: str, server: str, size: int = SMALL, days: float = 0) -> Manifest:
    """Make up a full backup that begins there in the log."""
    return manifest(
        when=NOON - dt.timedelta(days=days), number=int(server), system_identifier=server, segment_size=size,
        start_lsn=start, end_lsn=start,
    )  # fmt: skip


def test_the_log_of_each_server_goes_up_to_its_own_oldest_backup() -> None:
    """Two servers in a store number their segments by sizes of their own, and one may be far behind the other."""
    here, there = full("0/40000028", "1"), full("0/C000028", "2", LARGE, days=1)
    large = segments(range(8), "2", LARGE)

    assert large[:3] == list(plan([here, there], {}, large).log)
    assert segments(range(0x40), "1") == list(plan([here, there], {}, segments(range(0x42), "1")).log)


def test_the_log_of_a_server_without_a_backup_stays() -> None:
    """What another server's backups need tells nothing of it."""
    assert () == plan([full("0/40000028", "1")], {}, segments(range(8), "2")).log


def test_the_log_of_a_server_whose_segments_grew_is_measured_by_both_sizes() -> None:
    """pg_resetwal changes the size, and the identity stays: a segment goes where no backup that stays needs it."""
    stay = [full("0/40000028", "1", days=1), full("1/C000028", "1", LARGE)]

    assert segments(range(0x40), "1") == list(plan(stay, {}, segments(range(0x44), "1")).log)
    assert () == plan(stay, {}, segments(range(0x42, 0x46), "1", LARGE)).log


RULES = st.builds(Rules, **{name: st.integers(0, 4) for name in ("last", "hourly", "daily", "weekly", "monthly")})


@st.composite
def histories(draw: st.DrawFn) -> list[Manifest]:
    """Chains in any order of time: each backup is full, logical, or goes on from any chain before it."""
    made: list[Manifest] = []
    moment = NOON
    for number, (kind, hours, back) in enumerate(
        draw(
            st.lists(
                st.tuples(st.sampled_from(KINDS), st.integers(0, 400), st.integers(0, 9)),
                max_size=25,
            )
        )
    ):
        moment += dt.timedelta(hours=hours)
        physical = [one for one in made if one.physical]
        chosen: Kind = kind if kind != "incremental" or physical else "full"
        parent = physical[-1 - back % len(physical)] if chosen == "incremental" else None
        parents = (*parent.parents, parent.id) if parent else ()
        made.append(manifest(chosen, moment, parents, number))
    return made


def policy_of(full: Rules, incremental: Rules, logical: Rules) -> dict[Kind, Rules]:
    """Give each kind its rules."""
    return {"full": full, "incremental": incremental, "logical": logical}


NOT_EMPTY = RULES.filter(lambda rules: rules != Rules())


@settings(max_examples=60, deadline=None)
@given(histories(), st.builds(policy_of, NOT_EMPTY, NOT_EMPTY, NOT_EMPTY))
def test_what_always_holds(history: list[Manifest], policy: dict[Kind, Rules]) -> None:
    """The newest of each kind stays, with everything it needs; nothing is lost; planning again removes nothing more."""
    planned: Plan = plan(history, policy)
    left = [one for one in history if one.id in planned.keep]

    assert sorted(one.id for one in history) == sorted([*planned.keep, *(one.id for one in planned.remove)])
    assert {parent for one in left for parent in one.parents} <= planned.keep.keys()
    for kind in KINDS:
        if own := [one for one in history if one.kind == kind]:
            assert max(own, key=lambda one: (one.started, one.id)).id in planned.keep
    assert all(why for why in planned.keep.values())
    for position in range(len(planned.remove)):
        there = {one.id for one in (*left, *planned.remove[position:])}
        assert all(parent in there for one in history if one.id in there for parent in one.parents)


@settings(max_examples=60, deadline=None)
@given(histories(), st.builds(policy_of, NOT_EMPTY, NOT_EMPTY, NOT_EMPTY))
def test_pruning_twice_is_pruning_once(history: list[Manifest], policy: dict[Kind, Rules]) -> None:
    """What a prune leaves, the next one leaves too."""
    left = [one for one in history if one.id in plan(history, policy).keep]

    assert () == plan(left, policy).remove


HOUR = dt.timedelta(hours=1)
EVERY: dict[Kind, float] = {"full": 24.0, "incremental": 1.0, "logical": 24.0}


def a_year(full_at: int, late: Sequence[int], skipped: frozenset[int] = frozenset()) -> Iterator[list[Manifest]]:
    """Run on time for a year, each run a little late, and prune each day; give what is there after each prune."""
    there: list[Manifest] = []
    for hour in range(365 * 24):
        when = NOON + hour * HOUR + dt.timedelta(seconds=late[hour % len(late)])
        if hour not in skipped:
            fresh = hour % 24 == full_at or not there
            parents = [one for one in there if one.physical][-1:]
            chain = () if fresh else (*parents[0].parents, parents[0].id)
            there.append(manifest("full" if fresh else "incremental", when, chain, hour))
            if fresh:
                there.append(manifest("logical", when, (), 10**6 + hour))
        if hour % 24 == 0:
            left = plan(there, {}).keep
            there = [one for one in there if one.id in left]
            yield there


def problems(there: list[Manifest], now: dt.datetime) -> list[str]:
    """Look for missed runs."""
    return [f"{one.place}: {one.problem}" for one in find(there, [], EVERY, now)]


@settings(max_examples=5, deadline=None, phases=(Phase.generate,))  # a year each: too long to be made simpler
@given(st.integers(0, 23), st.lists(st.integers(0, 600), min_size=1, max_size=7))
def test_a_year_of_runs_on_time_and_prunes_has_no_finding(full_at: int, late: list[int]) -> None:
    """What the policy lets go is not missed: farther back only weeks and months are kept."""
    for day, there in enumerate(a_year(full_at, late)):
        if day % 30 == 29 or day == 364:
            assert [] == problems(there, NOON + day * 24 * HOUR + HOUR / 2)


@settings(max_examples=5, deadline=None, phases=(Phase.generate,))  # a year each: too long to be made simpler
@given(st.integers(0, 23), st.integers(2, 22), st.integers(2, 28))
def test_a_run_that_was_missed_within_what_is_kept_is_found(full_at: int, hours: int, days: int) -> None:
    """One incremental of the last hours, or one full of the last days."""
    end = 60 * 24
    day = end - days * 24
    full = next(hour for hour in range(day, day + 24) if hour % 24 == full_at)
    missed = end - hours
    told = {}
    for name, skipped in (("incremental", missed), ("full", full)):
        there = next(itertools.islice(a_year(full_at, [7], frozenset({skipped})), 60, None))
        told[name] = " ".join(problems(there, NOON + end * HOUR + HOUR / 2))

    assert "incremental: none between" in told["incremental"]
    assert "full: none between" in told["full"]


def test_a_second_full_backup_of_a_day_makes_no_gap() -> None:
    """Of a day only the newest is kept, and a run by hand may come late on it."""
    times = [NOON - 10 * HOUR, NOON + 34 * HOUR, NOON + 38 * HOUR]
    there = [manifest(when=when, number=number) for number, when in enumerate(times)]

    assert [] == find(there, [], {"full": 24.0}, times[-1])
