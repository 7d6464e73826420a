"""`load.json`: the run by name of request, for people and for later."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from load.measurement import Measurement
from load.quantile import nearest_rank, ordered
from load.recorder import Sample

SCHEMA = 1


def summary(measurement: Measurement, tools: Mapping[str, str]) -> dict[str, Any]:
    """Return the run as plain data; a percentile of nothing is null."""
    load = measurement.load
    names = dict.fromkeys(request.name for request in load.requests)
    return {
        "schema": SCHEMA,
        "tools": dict(tools),
        "model": "open, Poisson arrivals",
        "seed": load.seed,
        "rate_per_s": load.rate_per_s,
        "window_s": [load.warmup_s, load.ends_s],
        "max_in_flight": load.max_in_flight,
        "timeout_s": load.timeout_s,
        "generator": {
            "slip_p99_ms": measurement.slip_p99_ms,
            "lag_p99_ms": measurement.lag_p99_ms,
            "cpu_ratio": measurement.cpu_max_ratio,
            "unfit": measurement.unfit(),
        },
        "dropped": measurement.dropped,
        "requests": {name: _group([one for one in measurement.sent if one.name == name]) for name in names},
    }


def _group(samples: Sequence[Sample]) -> dict[str, Any]:
    good = ordered([sample.latency_ms for sample in samples if not sample.error])
    errors = Counter(sample.error for sample in samples if sample.error)
    return {
        "count": len(samples),
        "errors": dict(errors.most_common()),
        **{f"p{share:.0f}_ms": nearest_rank(good, share / 100) if good else None for share in (50, 95, 99)},
        "max_ms": good[-1] if good else None,
        "service_p95_ms": nearest_rank(ordered([one.service_ms for one in samples if not one.error]), 0.95)
        if good
        else None,
    }
