"""How this release and the last promoted one compare: both distributions, and the difference with its interval."""

from __future__ import annotations

from evidence.chart import Axis, Chart, Line, Lines, Mark
from load.baseline import Compared
from load.charts import SHARES, percentiles_of
from load.paired import Difference, difference
from load.quantile import TooFewSamples

DIFFERS_AT = (75, 80, 85, 90, 93, 95, 97, 99)
"""Percentiles whose difference is drawn: each takes a thousand draws of all that is beyond it."""
NOW, BEFORE = "this release", "the last promoted release"


def compared_charts(compared: Compared) -> dict[str, Chart]:
    """Give each chart by the name of its file; none where nothing can be compared."""
    if compared.problem:
        return {}
    try:
        slower = [(share, difference(compared.pairs, share / 100)) for share in DIFFERS_AT]
    except TooFewSamples:
        return {}
    return {"compared": _distributions(compared), "slower": _difference(slower, len(compared.pairs))}


def _distributions(compared: Compared) -> Lines:
    sides = {
        NOW: [latency for pair in compared.pairs for latency in pair.now],
        BEFORE: [latency for pair in compared.pairs for latency in pair.before],
    }
    return Lines(
        title="How long requests took, and before",
        description="The share of the requests that were answered within a time, of this release and of the last "
        f"promoted one: {len(compared.pairs)} blocks of each, asked in turns.",
        x=Axis(label="answered within", unit="ms", scale="log"),
        y=Axis(label="share of the requests", unit="%"),
        lines=tuple(
            Line(name=name, points=tuple(zip(percentiles_of(latencies, SHARES), SHARES, strict=True)))
            for name, latencies in sides.items()
        ),
    )


def _difference(slower: list[tuple[int, Difference]], pairs: int) -> Lines:
    return Lines(
        title="How much slower than before",
        description="How much longer this release takes than the last promoted one, by percentile, and the 95 % "
        f"confidence interval of that, from {pairs} pairs of blocks. Below 0 it is faster.",
        x=Axis(label="percentile", unit="%"),
        y=Axis(label="slower by", unit="ms"),
        lines=tuple(
            Line(name=name, points=tuple((share, round(getattr(found, end), 3)) for share, found in slower))
            for name, end in (("difference", "middle"), ("at least", "low"), ("at most", "high"))
        ),
        marks=(Mark(axis="y", measure="p95_slower_ms", at=95),),
    )
