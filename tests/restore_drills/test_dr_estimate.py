"""How long the way back would take for a named size, by the rate that one drill has measured."""

from __future__ import annotations

from evidence.chart import Span
from restore_drills.dr.estimate import estimate, parts_of, spoken
from restore_drills.dr.record import Part


def test_a_time_for_a_named_size() -> None:
    """By the rate of what grows, with what is fixed on top; the largest size that the target holds for."""
    parts = (
        Part(name="restore the data", seconds=4, grows=True),
        Part(name="verify", seconds=1, grows=True),
        Part(name="switch", seconds=30, grows=False),
    )

    assert estimate(parts, 2 * 10**9, "200 GB", "30 min") == (
        "An estimate: your 200 GB: 9 min; target 30 min: holds up to 708.0 GB. 30.0 s are fixed (switch 30.0 s); the "
        "rest grows with size, at 400.0 MB a second (restore the data 4.0 s, verify 1.0 s), and indexes may make it "
        "grow faster."
    )
    assert "Measured on 200.0 MB, which caches hold" in estimate(parts, 2 * 10**8, "1 TB", "1 h")
    assert estimate(parts, 2 * 10**7, "1 TB", "1 h") == (
        "No estimate for your 1 TB: 20.0 MB are too few to tell a rate from; drill on a copy of 1.0 GB or more."
    )
    assert "holds up to 0 B" in estimate(parts, 2 * 10**9, "1 TB", "20 s")
    assert not estimate((), 10**9, "1 TB", "1 h")
    assert ["9.0 s", "2 min", "2.0 h"] == [spoken(seconds) for seconds in (9, 100, 7200)]


def test_the_way_back_is_taken_apart() -> None:
    """Parts are what was told within the restore and what came after it; a backup's id is no part of a name."""
    spans = (
        Span(name="back up", start_s=0, end_s=4),
        Span(name="recovery", start_s=4, end_s=10),
        Span(name="start a server", start_s=4, end_s=5),
        Span(name="fetch B-1 of the store", start_s=5, end_s=10),
    )

    assert (
        Part(name="start a server", seconds=1, grows=False),
        Part(name="fetch", seconds=5, grows=True),
        Part(name="verify", seconds=2, grows=True),
    ) == parts_of(spans, "recovery", [("verify", 2)], "B-1")
    assert () == parts_of(spans[:1], "recovery", [("verify", 2)], "B-1")
