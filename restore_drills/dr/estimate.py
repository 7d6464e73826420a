"""How long the way back would take for a named size: an estimate from the rate of one drill, by parts."""

from __future__ import annotations

from collections.abc import Sequence

from evidence.chart import Span
from restore_drills.backups.programs import human
from restore_drills.dr.contract import amount
from restore_drills.dr.record import Part

GROWS = ("fetch", "restore the data", "analyze", "verify")
"""Parts of the way back that take longer for more data; the others do not."""
SIZE = "SELECT pg_database_size(current_database())"
TELLING_BYTES, FEWEST_BYTES = 1e9, 1e8
"""Below the first caches hold all of it; below the second what grows is over before it has a rate."""


def parts_of(spans: Sequence[Span], whole: str, after: Sequence[tuple[str, float]], backup: str) -> tuple[Part, ...]:
    """Take the way back apart: what was told within the step `whole`, and what came `after` it; nothing without it."""
    restore = next((span for span in spans if span.name == whole), None)
    if restore is None:
        return ()
    told = [
        (span.name, span.end_s - span.start_s)
        for span in spans
        if span is not restore and restore.start_s <= span.start_s and span.end_s <= restore.end_s
    ]
    return tuple(
        Part(name=name.partition(backup)[0].strip(), seconds=round(took, 3), grows=name.startswith(GROWS))
        for name, took in (*told, *after)
    )


def estimate(parts: Sequence[Part], measured: int, size: str, target: str) -> str:
    """Say it in one sentence, with what is fixed and what grows; nothing where nothing was measured that grows."""
    growing = sum(part.seconds for part in parts if part.grows)
    if not measured or not growing:
        return ""
    if measured < FEWEST_BYTES:
        return (
            f"No estimate for your {size}: {human(measured)} are too few to tell a rate from; drill on a copy of "
            f"{human(TELLING_BYTES)} or more."
        )
    fixed = sum(part.seconds for part in parts if not part.grows)
    rate, limit = measured / growing, amount(target)
    seconds = fixed + amount(size) / rate
    holds = max(limit - fixed, 0) * rate
    doubt = (
        f" Measured on {human(measured)}, which caches hold: a drill on {human(TELLING_BYTES)} or more would tell more."
        if measured < TELLING_BYTES
        else ""
    )
    return (
        f"An estimate: your {size}: {spoken(seconds)}; target {target}: holds up to {human(holds)}. "
        f"{spoken(fixed)} are fixed ({_named(parts, grows=False)}); the rest grows with size, at {human(rate)} a "
        f"second ({_named(parts, grows=True)}), and indexes may make it grow faster.{doubt}"
    )


def spoken(seconds: float) -> str:
    """Write a time for people."""
    if seconds < 100:
        return f"{seconds:.1f} s"
    return f"{seconds / 60:.0f} min" if seconds < 100 * 60 else f"{seconds / 3600:.1f} h"


def _named(parts: Sequence[Part], *, grows: bool) -> str:
    return ", ".join(f"{part.name} {part.seconds:.1f} s" for part in parts if part.grows is grows) or "nothing"
