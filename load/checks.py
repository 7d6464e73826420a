"""The claims about a release under load. The limits are the policy's; a check says what was measured."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from checks.claim import check, identifier_of
from load.measurement import Measurement
from load.quantile import TooFewSamples, effective_size, interval, nearest_rank, ordered


class Finding(msgspec.Struct, frozen=True):
    """What a check measured, for the policy, and in words, for people."""

    measured: dict[str, float]
    detail: str = ""
    certain: bool = True
    """False where what was measured cannot carry a statement."""


@check("LOAD-001")
def check_p95_latency(measurement: Measurement) -> Finding:
    """The 95th percentile of latency, from the intended start, stays within its limit."""
    assert measurement.good, f"no request was answered as declared: {failures(measurement)}"
    series = [sample.latency_ms for sample in measurement.good]
    latencies, effective = ordered(series), effective_size(series, 0.95)
    measured = {
        "p50_ms": nearest_rank(latencies, 0.5),
        "p95_ms": nearest_rank(latencies, 0.95),
        "p99_ms": nearest_rank(latencies, 0.99),
        "max_ms": latencies[-1],
        "p95_with_errors_ms": nearest_rank(ordered([sample.latency_ms for sample in measurement.sent]), 0.95),
        "samples_total": len(latencies),
        "samples_effective_total": effective,
        "generator_slip_p99_ms": measurement.slip_p99_ms,
        "generator_lag_p99_ms": measurement.lag_p99_ms,
        "generator_cpu_ratio": measurement.cpu_max_ratio,
    }
    worth = f"{len(latencies)} answered requests are worth {effective} independent ones"
    try:
        low, high = interval(latencies, 0.95, effective)
    except TooFewSamples as error:
        return Finding(measured, f"p95 {measured['p95_ms']:.1f} ms, but {worth}; {error}", certain=False)
    words = f"p95 {measured['p95_ms']:.1f} ms, with 95 % confidence between {low:.1f} and {high:.1f} ms; {worth}"
    return Finding({**measured, "p95_low_ms": low, "p95_high_ms": high}, words)


@check("LOAD-002")
def check_requests_succeed(measurement: Measurement) -> Finding:
    """Requests do not fail."""
    errors, sent = measurement.errors.total(), len(measurement.sent)
    measured = {
        "error_ratio": errors / sent,
        "errors_total": errors,
        "limited_total": sum(1 for sample in measurement.sent if sample.status == 429 and sample.error),
        "samples_total": sent,
    }
    return Finding(measured, failures(measurement))


@check("LOAD-003")
def check_arrival_rate(measurement: Measurement) -> Finding:
    """The asked arrival rate is reached."""
    asked, answered = len(measurement.window), measurement.answered_in_window
    seconds = measurement.load.duration_s
    measured = {
        "asked_per_s": asked / seconds,
        "achieved_per_s": answered / seconds,
        "achieved_ratio": answered / asked,
        "dropped_total": measurement.dropped,
    }
    detail = (
        f"{answered} answers in {seconds:g} s to {asked} arrivals; {measurement.dropped} arrivals found no free user"
    )
    return Finding(measured, detail)


Check = Callable[[Measurement], Finding]
CHECKS: tuple[Check, ...] = (check_p95_latency, check_requests_succeed, check_arrival_rate)


def identifier(function: Check) -> str:
    """Return a check's id."""
    return str(identifier_of(function))


def failures(measurement: Measurement) -> str:
    """Name the failures, most frequent first."""
    return "; ".join(f"{name}: {count} x {error}" for (name, error), count in measurement.errors.most_common())
