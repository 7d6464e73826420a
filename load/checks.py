"""The claims about a release under load. The limits are the policy's; a check says what was measured."""

from __future__ import annotations

from collections.abc import Callable

from checks.claim import check, identifier_of
from evidence.release import Undeclared
from load.bounds import bounds
from load.check_baseline import check_no_slower_than_before
from load.check_compression import check_answers_are_compressed
from load.check_instances import check_instances_follow_the_load
from load.check_memory import check_memory_does_not_grow
from load.check_rest import check_first_request_after_a_rest
from load.check_stalls import check_nothing_stops
from load.correlation import worth
from load.finding import Finding, told
from load.generated import avoided
from load.measurement import Measurement
from load.proportion import share_interval
from load.quantile import TooFewSamples, effective_size, nearest_rank, ordered
from load.sequential import confidence
from load.summary import LIMITED


@check("LOAD-001")
def check_p95_latency(measurement: Measurement) -> Finding:
    """The 95th percentile of latency, from the intended start, stays within its limit."""
    if not measurement.asked:
        raise nothing(measurement)
    silence = f"no request was answered as declared: {failures(measurement)}"
    assert measurement.good, told(silence, measurement.server.why())
    series = [sample.latency_ms for sample in measurement.good]
    latencies, effective = ordered(series), effective_size(series, 0.95)
    found = bounds(measurement, series, confidence(measurement.load))
    measured = {
        "p50_ms": nearest_rank(latencies, 0.5),
        "p95_ms": nearest_rank(latencies, 0.95),
        "p95_low_ms": found.low,
        "p95_high_ms": found.high,
        "p99_ms": nearest_rank(latencies, 0.99),
        "max_ms": latencies[-1],
        "p95_with_errors_ms": nearest_rank(ordered([sample.latency_ms for sample in measurement.sent]), 0.95),
        "samples_total": len(latencies),
        "samples_effective_total": effective,
        "generator_slip_p99_ms": measurement.slip_p99_ms,
        "generator_lag_p99_ms": measurement.lag_p99_ms,
        "generator_cpu_ratio": measurement.cpu_max_ratio,
    }
    return Finding(measured, told(found.words, avoided(measurement.load), measurement.server.why()))


@check("LOAD-002")
def check_requests_succeed(measurement: Measurement) -> Finding:
    """Requests do not fail."""
    if not measurement.sent:
        raise nothing(measurement)
    failed = [bool(sample.error) for sample in measurement.sent]
    errors, sent = sum(failed), len(failed)
    low, high = share_interval(errors, sent, worth(failed))
    limited = sum(1 for sample in measurement.sent if sample.status == LIMITED and sample.error)
    measured = {
        "error_ratio": errors / sent,
        "errors_at_least_ratio": low,
        "errors_at_most_ratio": high,
        "errors_total": errors,
        "limited_total": limited,
        "samples_total": sent,
    }
    apart = f", {limited} of them refused by a rate limit (429)" if limited else ""
    named = f": {failures(measurement)}" if errors else ""
    sure = f"with 95 % confidence between {low:.2%} and {high:.2%} fail"
    detail = f"{errors} of {sent} requests failed{apart}; {sure}{named}"
    return Finding(measured, told(detail, measurement.server.why() if errors else ""))


@check("LOAD-003")
def check_arrival_rate(measurement: Measurement) -> Finding:
    """The asked arrival rate is reached."""
    if measurement.load.model == "closed":
        msg = (
            "the users of a closed model ask at no rate that could be missed: declare one and the model `open`, or say "
            "why not under [not_applicable]"
        )
        raise Undeclared(msg)
    asked, answered = measurement.asked, measurement.answered_in_window
    if not asked:
        raise nothing(measurement)
    seconds = measurement.span.lasted_s
    measured = {
        "asked_per_s": asked / seconds,
        "achieved_per_s": answered / seconds,
        "achieved_ratio": answered / asked,
        "dropped_total": measurement.dropped,
    }
    detail = (
        f"{answered} answers in {seconds:g} s to {asked} arrivals; {measurement.dropped} arrivals found no free user"
    )
    return Finding(measured, told(detail, measurement.server.why() if answered < asked else ""))


@check("LOAD-004")
def check_no_kind_is_slow(measurement: Measurement) -> Finding:
    """No single kind of request is seen to be slow, however rare it is among the others."""
    by_name: dict[str, list[float]] = {request.name: [] for request in measurement.load.requests}
    for sample in measurement.good:
        by_name[sample.name].append(sample.latency_ms)
    sent = {sample.name for sample in measurement.sent}
    silent = [name for name, series in by_name.items() if not series]
    never = f"none of these was answered as declared: {', '.join(silent)}"
    assert not sent.intersection(silent), told(never, measurement.server.why())
    if silent:
        msg = f"too short for any {', '.join(silent)}: measure longer, or give it more weight"
        raise TooFewSamples(msg)
    # Each of several has its chance to look slow by luck: the error rate is shared out (Bonferroni).
    sure = 1 - (1 - confidence(measurement.load)) / len(by_name)
    found = {name: bounds(measurement, series, sure) for name, series in by_name.items()}
    slowest_first = sorted(found, key=lambda name: -found[name].low)
    measured = {
        "slowest_p95_at_least_ms": found[slowest_first[0]].low,
        "kinds_total": len(found),
        "samples_total": len(measurement.good),
    }
    kinds = "\n".join(f"{name}: {found[name].words}" for name in slowest_first)
    return Finding(measured, told(kinds, measurement.server.why()))


Check = Callable[[Measurement], Finding]
CHECKS: tuple[Check, ...] = (
    check_p95_latency,
    check_requests_succeed,
    check_arrival_rate,
    check_no_kind_is_slow,
    check_nothing_stops,
    check_memory_does_not_grow,
    check_no_slower_than_before,
    check_instances_follow_the_load,
    check_first_request_after_a_rest,
    check_answers_are_compressed,
)
UNTIMED: frozenset[Check] = frozenset({check_answers_are_compressed})
"""What is seen however late the generator was."""


def identifier(function: Check) -> str:
    """Return a check's id."""
    return str(identifier_of(function))


def nothing(measurement: Measurement) -> TooFewSamples:
    """Who was asked for nothing has broken no promise, and kept none."""
    return TooFewSamples(f"no request was sent in the {measurement.span.lasted_s:g} s of measuring: measure longer")


def failures(measurement: Measurement) -> str:
    """Name the failures, most frequent first."""
    return "; ".join(f"{name}: {count} x {error}" for (name, error), count in measurement.errors.most_common())
