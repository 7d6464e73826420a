"""`metrics.txt`: OpenMetrics 1.0, to be pushed or scraped, so that dashboards follow releases over time.

Run, version, digest and commit stand on one info metric only: on every series they would make each run a new one.
"""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client.core import GaugeMetricFamily, InfoMetricFamily, Metric, StateSetMetricFamily
from prometheus_client.openmetrics.exposition import generate_latest

from reports.model import Gate, Verdict
from reports.render.text import visible


def render(gate: Gate) -> str:
    """Write the metrics of one judgement."""
    text: bytes = generate_latest(_Collected(gate))  # type: ignore[no-untyped-call]
    return text.decode()


class _Collected:
    """One gate, as the library collects it."""

    def __init__(self, gate: Gate) -> None:
        self._gate = gate

    def collect(self) -> Iterator[Metric]:
        gate, release = self._gate, self._gate.release
        known = {"name": release.name, "version": release.version, "digest": release.digest, "run": gate.run}
        known["commit"] = release.commit or ""
        yield InfoMetricFamily(
            "release", "What was judged.", value={name: visible(text) for name, text in known.items()}
        )
        yield StateSetMetricFamily(
            "release_verdict", "The verdict.", value={str(each): each is gate.verdict for each in Verdict}
        )
        moment = gate.judged_at.timestamp()
        yield GaugeMetricFamily("release_judged_timestamp_seconds", "When it was judged.", value=moment, unit="seconds")
        yield from _rules(gate)
        yield from _numbers(gate)
        stages = GaugeMetricFamily("release_stage_seconds", "How long each stage took.", labels=["stage"])
        for stage in gate.stages:
            if stage.seconds is not None:
                stages.add_metric([visible(stage.name)], stage.seconds)
        yield stages


def _rules(gate: Gate) -> Iterator[Metric]:
    rules = GaugeMetricFamily("release_rule", "1 for what each rule came to.", labels=["check", "stage", "judgement"])
    seconds = GaugeMetricFamily("release_check_seconds", "How long each check took.", labels=["check"])
    for rule in gate.rules:
        check = visible(rule.check)
        rules.add_metric([check, visible(rule.stage), str(rule.judgement)], 1)
        if rule.seconds is not None:
            seconds.add_metric([check], rule.seconds)
    yield from (rules, seconds)


def _numbers(gate: Gate) -> Iterator[Metric]:
    """Give what was measured and what it is held against, in the units that the names of the measures end in."""
    measured = GaugeMetricFamily("release_measured", "What each check measured.", labels=["check", "measure"])
    limits = GaugeMetricFamily("release_limit", "What the policy asks for.", labels=["check", "measure", "kind"])
    margins = GaugeMetricFamily(
        "release_margin_ratio", "What is left of the limit, below 0 if broken.", labels=["check", "measure", "kind"]
    )
    for rule in gate.rules:
        for name, value in rule.measured.items():
            measured.add_metric([visible(rule.check), visible(name)], value)
        for limit in rule.limits:
            labels = [visible(rule.check), visible(limit.measure), str(limit.kind)]
            limits.add_metric(labels, limit.limit)
            if limit.margin is not None:
                margins.add_metric(labels, limit.margin)
    yield from (measured, limits, margins)
