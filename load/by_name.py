"""What each kind of request came to, and all of them: a table for people, of what load.json has."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from evidence.chart import LONGEST, MOST_ROWS, Table

COLUMNS = (
    "requests",
    "p50",
    "p95",
    "surely",
    "p99",
    "slowest",
    "failed",
    "surely, of all",
    "refused (429)",
    "asked",
    "answered",
)
ALL = "all requests"


def by_name(told: Mapping[str, Any]) -> Table:
    """Lay out the groups of a run's summary: the total, then each kind, the most frequent first."""
    kinds = sorted(told["requests"].items(), key=lambda kind: (-kind[1]["count"], kind[0]))
    shown = kinds[: MOST_ROWS - 1]
    left = len(kinds) - len(shown)
    return Table(
        title="Requests by name",
        description="Latency in ms, from the intended start, of what was answered as declared; failures, with those "
        "that a rate limit refused, of what was sent; asked and answered, a second. What is sure is so with 95 % "
        "confidence, or more." + (f" {left} more kinds, the rarest, are in load.json." if left else ""),
        columns=COLUMNS,
        rows=tuple(_row(name, group) for name, group in [(ALL, told["total"]), *shown]),
    )


def _row(name: str, group: Mapping[str, Any]) -> tuple[str, ...]:
    low, high = group["p95_95_ms"] or (None, None)
    least, most = group["error_ratio_95"] or (None, None)
    return (
        name[:LONGEST] if name[:LONGEST].strip() else repr(name[: LONGEST // 2]),
        _ms(group["p50_ms"]),
        _ms(group["p95_ms"]),
        f"{_ms(low)} to {_ms(high)}" if high is not None else f"at least {_ms(low)}" if low is not None else "-",
        _ms(group["p99_ms"]),
        _ms(group["max_ms"]),
        _share(group["error_ratio"]),
        f"{_share(least)} to {_share(most)}" if most is not None else "-",
        str(group["limited"]),
        f"{group['asked_per_s']:.1f}/s",
        f"{group['answered_per_s']:.1f}/s",
    )


def _ms(number: float | None) -> str:
    return "-" if number is None else f"{number:.1f}"


def _share(number: float | None) -> str:
    return "-" if number is None else f"{number:.2%}"
