"""What the checks make of a measurement, and when the generator says nothing."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import msgspec
import pytest

from evidence.release import Undeclared
from load import checks  # the functions' names would be collected
from load.config import Load, Request
from load.measurement import Measurement, Span, Vitals
from load.quantile import TooFewSamples
from load.recorder import DROPPED, NOT_ASKED, UNANSWERED, Sample
from load.summary import summary

LOAD = Load(rate_per_s=100, warmup_s=1, duration_s=4, requests=(Request(name="home", path="/"),))
SPAN = Span(1.0, 5.0, 0.5)
WELL = Vitals(lag_ms=[1.0] * 40, cpu_ratio=[0.2] * 4)


def sample(at_s: float, latency_ms: float = 20.0, status: int = 200, error: str = "", slip_ms: float = 0.5) -> Sample:
    """One request."""
    return Sample("home", at_s, latency_ms, latency_ms - slip_ms, status, 2, error, slip_ms)


def measured(samples: Sequence[Sample], vitals: Vitals = WELL, span: Span = SPAN) -> Measurement:
    """A run of 5 s of which the first is warm-up."""
    return Measurement(LOAD, span, samples, vitals)


def steady(slip_ms: float = 0.5) -> list[Sample]:
    """100 a second, all well, latencies of 1 to 100 ms well mixed."""
    return [sample(number / 100, latency_ms=1.0 + number * 37 % 100, slip_ms=slip_ms) for number in range(500)]


def test_latency_is_that_of_the_window_s_good_requests() -> None:
    """Warm-up is discarded; instant errors make nothing faster; both p95 are told."""
    errors = [sample(1 + number / 100, latency_ms=0.1, status=500, error="500 instead of 200") for number in range(300)]
    slow_start = [one._replace(latency_ms=9000.0) for one in steady() if one.at_s < 1]
    window = [one for one in steady() if one.at_s >= 1]
    found = checks.check_p95_latency(measured([*slow_start, *sorted([*window, *errors])])).measured

    assert (400, 95.0, 100.0) == (found["samples_total"], found["p95_ms"], found["max_ms"])
    assert found["p95_low_ms"] < 95.0 < found["p95_high_ms"] <= 100.0
    assert 92.0 == found["p95_with_errors_ms"]


def test_a_release_without_one_good_answer_fails() -> None:
    """No latency at all is the release's failure, and is told with its reasons."""
    refused = [sample(1 + number / 100, status=0, error="ConnectionRefusedError") for number in range(400)]

    with pytest.raises(AssertionError, match="home: 400 x ConnectionRefusedError"):
        checks.check_p95_latency(measured(refused))


SILENT = {"nobody came": [], "we got to none": [one._replace(error=NOT_ASKED, status=0) for one in steady()]}


@pytest.mark.parametrize("samples", SILENT.values(), ids=SILENT)
@pytest.mark.parametrize("check", [checks.check_p95_latency, checks.check_requests_succeed, checks.check_arrival_rate])
def test_who_was_asked_nothing_broke_no_promise(check: checks.Check, samples: list[Sample]) -> None:
    """A window in which nobody came to ask, or we got to nobody, is too short, and no silence of the release."""
    with pytest.raises(TooFewSamples, match="no request was sent in the 4 s of measuring: measure longer"):
        check(measured(samples))


def test_arrivals_that_found_no_user_are_not_nothing() -> None:
    """A release that keeps all users waiting was asked, and answered nobody: that is its own."""
    dropped = [one._replace(latency_ms=math.nan, status=0, error=DROPPED) for one in steady()]

    with pytest.raises(AssertionError, match="no request was answered as declared"):
        checks.check_p95_latency(measured(dropped))
    with pytest.raises(TooFewSamples, match="no request was sent"):
        checks.check_requests_succeed(measured(dropped))
    assert 0 == checks.check_arrival_rate(measured(dropped)).measured["achieved_ratio"]


def test_too_few_samples_pass_nothing() -> None:
    """The percentile is shown, but its interval reaches up to the longest that a request may take: 2 x timeout_s."""
    finding = checks.check_p95_latency(measured([one for one in steady() if 1 <= one.at_s < 1.7]))

    assert finding.measured["p95_low_ms"] < finding.measured["p95_ms"] < 100 < finding.measured["p95_high_ms"]
    assert 20_000 == finding.measured["p95_high_ms"]
    assert "it takes 72: measure longer" in finding.detail


def test_a_release_that_is_slow_all_the_time_fails_without_an_interval() -> None:
    """A queue that only grows is worth a handful of samples: still the least that its p95 can be breaks a limit."""
    growing = [sample(1 + number / 100, latency_ms=300.0 + 10 * number) for number in range(400)]
    finding = checks.check_p95_latency(measured(growing))

    assert finding.measured["samples_effective_total"] < 72
    assert 300 <= finding.measured["p95_low_ms"] <= finding.measured["p95_ms"]
    assert "cannot bound the 95% quantile" in finding.detail


def test_latencies_that_never_became_steady_pass_nothing() -> None:
    """Many samples of something that still changes are no interval of anything, but at least that slow it was."""
    found = checks.check_p95_latency(measured(steady(), span=Span(1.0, 5.0, None)))

    assert (True, 20_000) == (80 < found.measured["p95_low_ms"] <= 95, found.measured["p95_high_ms"])
    assert "latencies were not steady after 1 s of warm-up" in found.detail


def test_errors_are_counted_of_what_was_sent() -> None:
    """Refusals by the rate limit are counted apart too; dropped arrivals were not sent."""
    samples = [
        *(sample(1 + number / 100) for number in range(90)),
        *(sample(2, status=429, error="429 instead of 200") for _ in range(6)),
        *(sample(2, status=0, error=UNANSWERED) for _ in range(4)),
        *(sample(2, latency_ms=math.nan, status=0, error=DROPPED) for _ in range(100)),
    ]
    finding = checks.check_requests_succeed(measured(samples))

    counted = {"error_ratio": 0.1, "errors_total": 10, "limited_total": 6, "samples_total": 100}
    assert counted == {name: finding.measured[name] for name in counted}
    assert finding.detail.startswith("10 of 100 requests failed, 6 of them refused by a rate limit (429); with 95 %")
    assert finding.detail.endswith(": home: 6 x 429 instead of 200; home: 4 x unanswered")


def test_a_share_of_errors_is_only_as_sure_as_its_requests() -> None:
    """None of 400 is no proof of none in 1000; failures that come together are fewer than they look."""
    none = checks.check_requests_succeed(measured(steady())).measured
    broken = [one._replace(error="status 500", status=500) for one in steady()]
    spread = [
        bad if number % 20 == 0 else well for number, (well, bad) in enumerate(zip(steady(), broken, strict=True))
    ]
    burst = [*steady()[:300], *broken[300:320], *steady()[320:]]
    apart, together = (checks.check_requests_succeed(measured(samples)).measured for samples in (spread, burst))

    assert (0, 0) == (none["error_ratio"], none["errors_at_least_ratio"])
    assert pytest.approx(0.0095, abs=0.0002) == none["errors_at_most_ratio"]
    assert apart["error_ratio"] == together["error_ratio"] == 0.05
    assert apart["errors_at_most_ratio"] < 0.08 < together["errors_at_most_ratio"]


def test_what_we_did_not_get_to_is_not_the_releases_fault() -> None:
    """It was never asked: neither an error nor a missing answer; that we are unfit says so elsewhere."""
    samples = [one._replace(error=NOT_ASKED, status=0) if one.at_s >= 4 else one for one in steady()]
    run = measured(samples)

    assert (300, 300, 0) == (run.asked, len(run.sent), run.dropped)
    assert checks.check_arrival_rate(run).measured["achieved_ratio"] >= 1


KINDS = msgspec.structs.replace(LOAD, requests=(Request(name="home", path="/"), Request(name="rare", path="/rare")))


def test_a_rare_slow_kind_is_seen_among_many_fast_ones() -> None:
    """One request in forty takes 400 ms: no percentile of all shows it, its own does, however few it has."""
    samples = [one._replace(name="rare", latency_ms=400.0) if n % 40 == 0 else one for n, one in enumerate(steady())]
    run = Measurement(KINDS, SPAN, samples, WELL)
    finding = checks.check_no_kind_is_slow(run)

    assert checks.check_p95_latency(run).measured["p95_high_ms"] <= 400
    assert (400, 2) == (finding.measured["slowest_p95_at_least_ms"], finding.measured["kinds_total"])
    assert finding.detail.startswith("rare: p95 400.0 ms")


def test_a_kind_that_is_never_answered_fails_and_one_never_sent_is_not_verified() -> None:
    """Silence is no speed."""
    samples = [
        one._replace(name="rare", status=500, error="500") if n % 40 == 0 else one for n, one in enumerate(steady())
    ]

    with pytest.raises(AssertionError, match="none of these was answered as declared: rare"):
        checks.check_no_kind_is_slow(Measurement(KINDS, SPAN, samples, WELL))
    with pytest.raises(TooFewSamples, match="too short for any rare"):
        checks.check_no_kind_is_slow(Measurement(KINDS, SPAN, steady(), WELL))


def test_the_rate_is_of_answers_within_the_window() -> None:
    """What is answered after the window closes was not achieved in it, and a dropped arrival never was."""
    samples = [
        *(sample(0.5, latency_ms=1000) for _ in range(10)),
        *(sample(2) for _ in range(300)),
        *(sample(4.9, latency_ms=200) for _ in range(50)),
        *(sample(3, latency_ms=math.nan, status=0, error=DROPPED) for _ in range(50)),
    ]
    found = checks.check_arrival_rate(measured(samples)).measured

    assert {"asked_per_s": 100, "achieved_per_s": 77.5, "achieved_ratio": 0.775, "dropped_total": 50} == found


def test_a_fit_generator_has_nothing_to_say() -> None:
    """Within its bounds it adds no word."""
    assert "" == measured(steady()).unfit()


@pytest.mark.parametrize(
    ("measurement", "reason"),
    [
        (measured([*steady()[:490], *steady(slip_ms=21.0)[490:]]), "left more than 21 ms late"),
        (measured(steady(), Vitals([1.0], [0.2, 0.95])), "used 95% of a core"),
        (measured(steady(slip_ms=100.0)), "got to 97.5% of the arrivals in time"),
        (measured(steady(), Vitals([1.0], [0.2], ["an error of its own, ValueError"])), "ValueError"),
    ],
)
def test_an_unfit_generator_says_why(measurement: Measurement, reason: str) -> None:
    """Late sending, a full core, arrivals not got to, an accident of ours: each is a reason to say nothing."""
    assert reason in measurement.unfit()


def test_a_generator_that_got_to_nothing_says_so() -> None:
    """None of its arrivals left, so that there is no lateness of them, alone or as one of several."""
    idle = measured([one._replace(error=NOT_ASKED, status=0, slip_ms=math.nan) for one in steady()])
    several = replace(measured(steady()), parts=[measured(steady()), idle])

    assert idle.unfit().startswith("generator saturated, so that nothing can be said about the release: it got to 0.0%")
    assert "generator 2 of 2: it got to 0.0% of the arrivals in time" in several.unfit()


CLOSED = Load(model="closed", users=3, duration_s=4, requests=LOAD.requests)


def test_an_event_loop_that_stands_still_says_nothing_of_the_release() -> None:
    """Where nobody schedules anything nothing is late, but answers are read late; arrivals say so themselves."""
    late = replace(measured(steady(), Vitals([1.0] * 90 + [300.0] * 10, [0.2])), load=CLOSED)

    assert "its event loop was 300 ms late 1 time in 100 (bound 100 ms)" in late.unfit()
    assert "" == replace(late, vitals=WELL).unfit() == replace(late, load=LOAD).unfit()
    never = replace(late, vitals=Vitals([], [0.2]))
    assert "its event loop was 4000 ms late" in never.unfit()


def test_how_we_were_in_another_stage_is_not_judged() -> None:
    """A saturated stage after the window, or before it, says nothing of what was measured between them."""
    lags, shares = (
        [(0.5, 900.0), (2.0, 1.0), (4.0, 2.0), (5.5, 400.0)],
        [(0.5, 1.0), (2.5, 0.3), (3.5, 0.2), (6.0, 0.99)],
    )
    vitals = Vitals(
        lag_ms=[lag for _, lag in lags],
        cpu_ratio=[share for _, share in shares],
        lag_at_s=[at_s for at_s, _ in lags],
        cpu_at_s=[at_s for at_s, _ in shares],
    )
    run = measured(steady(), vitals)

    assert ("", 0.3, 2.0) == (run.unfit(), run.cpu_max_ratio, run.lag_p99_ms)
    # A delay that begins within the window is of it, and where no share is, the nearest is.
    assert [2.0, 400.0] == list(vitals.within(4.0, 5.2).lag_ms)
    assert [0.99] == list(vitals.within(4.9, 5.4).cpu_ratio)


def test_a_closed_model_has_no_rate_to_reach() -> None:
    """None was asked: it does not pass, and release.toml can say that there is none."""
    with pytest.raises(Undeclared, match=r"closed model ask at no rate .* under \[not_applicable\]"):
        checks.check_arrival_rate(replace(measured(steady()), load=CLOSED))


def test_an_interval_that_is_refused_is_in_no_table() -> None:
    """Of latencies that never became steady the summary has no upper end either."""
    steadied, not_steadied = (
        summary(measured(steady(), span=Span(1.0, 5.0, steady_s)), {})["total"]["p95_95_ms"] for steady_s in (0.5, None)
    )

    assert steadied[1] <= 100
    assert None is not_steadied[1]


def test_a_group_without_an_answer_has_no_percentile() -> None:
    """The summary says null, which no reader takes for fast, and is valid JSON."""
    whole = summary(measured([sample(1, status=0, error=UNANSWERED)] * 80), {"locust": "2"})
    group = msgspec.json.decode(msgspec.json.encode(whole))["requests"]["home"]

    assert (80, None, None, {"unanswered": 80}) == (group["count"], group["p95_ms"], group["max_ms"], group["errors"])
