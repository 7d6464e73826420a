"""What the browser wrote down of a load is reduced to the numbers that the field uses."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from suites.smoke.vitals import Entry, Timeline, Vitals, blocked_ms, median, shifted, vitals

PAINTED = (Entry(at=300), Entry(at=900))


@pytest.mark.parametrize(
    ("shifts", "expected"),
    [
        ([], 0.0),
        ([(100, 0.1), (1000, 0.2)], 0.3),
        ([(100, 0.1), (1200, 0.2)], 0.2),
        ([(100, 0.25), (1200, 0.125)], 0.25),
        ([(1000, 0.2), (100, 0.1)], 0.3),
        ([(at, 0.125) for at in range(0, 6000, 900)], 0.75),
    ],
)
def test_shifts(shifts: Sequence[tuple[float, float]], expected: float) -> None:
    """Shifts within a second of each other add up, for at most five seconds, and the worst group counts."""
    assert pytest.approx(expected) == shifted([Entry(at=at, moved=moved) for at, moved in shifts])


@pytest.mark.parametrize(
    ("at", "lasted", "expected"),
    [(500, 50, 0), (500, 200, 150), (100, 100, 0), (350, 100, 50), (390, 300, 250), (100, 1000, 700)],
)
def test_blocking(at: float, lasted: float, expected: float) -> None:
    """A task blocks by what it takes beyond 50 ms, and only once something is painted (here at 400 ms)."""
    assert expected == blocked_ms(Entry(at=at, lasted=lasted), 400)


def test_a_timeline_becomes_four_numbers() -> None:
    """The last of the largest paints counts, and tasks from the first contentful paint on."""
    timeline = Timeline(
        largest=PAINTED,
        shifts=(Entry(at=100, moved=0.25),),
        tasks=(Entry(at=100, lasted=100), Entry(at=600, lasted=150)),
        paints=(Entry(name="first-paint", at=50), Entry(name="first-contentful-paint", at=300)),
    )

    assert Vitals(lcp_ms=900, cls=0.25, tbt_ms=100, transferred_bytes=7) == vitals(timeline, 7)


def test_nothing_painted_is_no_number() -> None:
    """A load that painted nothing was not fast."""
    assert None is vitals(Timeline(), 7)


def test_the_median_is_taken_of_each_number() -> None:
    """One unlucky load is left out, for each number by itself."""
    loads = [
        Vitals(lcp_ms=lcp, cls=cls, tbt_ms=0, transferred_bytes=bytes_)
        for lcp, cls, bytes_ in ((100, 0.5, 10), (900, 0, 30), (200, 0.1, 20))
    ]

    assert Vitals(lcp_ms=200, cls=0.1, tbt_ms=0, transferred_bytes=20) == median(loads)
