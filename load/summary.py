"""`load.json`: the run by name of request, for people and for later."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import msgspec

from load.bounds import bounds
from load.compression import Body
from load.correlation import worth
from load.measurement import Measurement
from load.proportion import share_interval
from load.quantile import nearest_rank, ordered
from load.recorder import DROPPED, NOT_ASKED, Sample
from load.sequential import confidence
from load.server import Server

SCHEMA = 4
LIMITED = 429


def summary(measurement: Measurement, tools: Mapping[str, str]) -> dict[str, Any]:
    """Return the run as plain data; a percentile of nothing is null."""
    load = measurement.load
    names = dict.fromkeys(request.name for request in load.requests)
    return {
        "schema": SCHEMA,
        "tools": dict(tools),
        "seed": load.seed,
        "rate_per_s": load.rate_per_s,
        "window_s": [measurement.span.opens_s, measurement.span.closes_s],
        "steady_s": measurement.span.steady_s,
        "max_in_flight": load.max_in_flight,
        "timeout_s": load.timeout_s,
        "generator": {
            "slip_p99_ms": measurement.slip_p99_ms,
            "lag_p99_ms": measurement.lag_p99_ms,
            "cpu_ratio": measurement.cpu_max_ratio,
            "unfit": measurement.unfit(),
        },
        "dropped": measurement.dropped,
        "not_asked": len(measurement.window) - measurement.asked,
        "compared": {**asdict(measurement.compared), "pairs": len(measurement.compared.pairs)}
        if load.baseline
        else None,
        "compression": _weighed(measurement) if load.compression else None,
        "instances": asdict(measurement.scaled) if load.instances else None,
        "server": _server(measurement.server),
        "total": _group(measurement, measurement.everything),
        "requests": {
            name: _group(measurement, [one for one in measurement.everything if one.name == name]) for name in names
        },
    }


def _weighed(measurement: Measurement) -> dict[str, Any]:
    """Give what each answer weighed, for who accepts gzip and for who does not."""
    return {
        "problem": measurement.weighed.problem,
        "answers": [
            {"name": pair.name, "gzip": _body(pair.packed), "identity": _body(pair.plain)}
            for pair in measurement.weighed.pairs
        ],
    }


def _body(body: Body) -> dict[str, Any]:
    return {**body._asdict(), "vary": sorted(body.vary)}


def _server(server: Server) -> dict[str, Any]:
    """Give what was seen of the release's own side, and what was not."""
    return {
        "notes": list(server.notes),
        "statements": [{**msgspec.structs.asdict(one), "mean_ms": one.mean_ms} for one in server.statements],
        "moments": [
            {**msgspec.structs.asdict(one), "own_mib": round(sum(one.own_mib.values()), 3) if one.own_mib else None}
            for one in server.moments
        ],
    }


def _group(measurement: Measurement, everything: Sequence[Sample]) -> dict[str, Any]:
    """Give one kind of request, or all: latencies are of those that were answered as declared.

    What was dropped was asked for; what was answered in the window may have been asked for before it.
    """
    span = measurement.span
    asked = [one for one in everything if span.opens_s <= one.at_s < span.closes_s and one.error != NOT_ASKED]
    samples = [one for one in asked if one.error != DROPPED]
    answered = sum(1 for one in everything if one.status and span.opens_s <= one.finished_s < span.closes_s)
    latencies = [sample.latency_ms for sample in samples if not sample.error]
    good = ordered(latencies)
    failed = [bool(sample.error) for sample in samples]
    errors = Counter(sample.error for sample in samples if sample.error)
    return {
        "count": len(samples),
        "dropped": len(asked) - len(samples),
        "asked_per_s": len(asked) / span.lasted_s,
        "answered_per_s": answered / span.lasted_s,
        "errors": dict(errors.most_common()),
        "limited": sum(sample.status == LIMITED for sample in samples),
        "error_ratio": sum(failed) / len(samples) if samples else None,
        "error_ratio_95": share_interval(sum(failed), len(samples), worth(failed)) if samples else None,
        **{f"p{share:.0f}_ms": nearest_rank(good, share / 100) if good else None for share in (50, 95, 99)},
        "p95_95_ms": bounds(measurement, latencies, confidence(measurement.load)).shown if latencies else None,
        "max_ms": good[-1] if good else None,
        "service_p95_ms": nearest_rank(ordered([one.service_ms for one in samples if not one.error]), 0.95)
        if good
        else None,
    }
