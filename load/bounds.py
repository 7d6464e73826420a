"""Where the p95 of a run surely is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from load.measurement import Measurement
from load.quantile import TooFewSamples, at_least, effective_size, interval, nearest_rank, ordered


class Bounds(NamedTuple):
    """Where the p95 surely is, and in words, how well it is known; `upper` is None where samples give no upper end."""

    low: float
    high: float
    words: str
    upper: float | None

    @property
    def shown(self) -> tuple[float, float | None]:
        """Both ends, as far as samples give them."""
        return self.low, self.upper


def bounds(measurement: Measurement, series: Sequence[float], confidence: float) -> Bounds:
    """Bound the p95 of a series, in order of time, from both sides.

    Where too little was measured, or latencies never became steady, samples give no upper end. Then the longest that a
    request may take at all is one: a release that is slow all the time fails, and nothing passes by luck.
    """
    in_order, effective = ordered(series), effective_size(series, 0.95)
    p95, percent = f"p95 {nearest_rank(in_order, 0.95):.1f} ms", f"{100 * confidence:.3g} %"
    worth_words = f"{len(series)} answered requests are worth {effective} independent ones"
    why = ""
    if measurement.span.steady_s is None:
        why = f"latencies were not steady after {measurement.span.opens_s:g} s of warm-up"
    try:
        low, high = interval(in_order, 0.95, effective, confidence)
    except TooFewSamples as error:
        why = why or str(error)
    if not why:
        words = f"{p95}, with {percent} confidence between {low:.1f} and {high:.1f} ms; {worth_words}"
        return Bounds(low, high, words, high)
    low, high = at_least(in_order, 0.95, effective, confidence), max(measurement.load.most_ms, in_order[-1])
    return Bounds(low, high, f"{p95}, with {percent} confidence at least {low:.1f} ms, but {worth_words}; {why}", None)
