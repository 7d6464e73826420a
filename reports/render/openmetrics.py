"""`metrics.txt`: OpenMetrics 1.0, to be pushed or scraped, so that dashboards follow releases over time.

Run, version, digest and commit stand on one info metric only: on every series they would make each run a new one.
Numbers are in base units (seconds, bytes, ratios), which the names of the metrics end in; `measure` is the whole name
by which the policy knows the number, since `p95_ms` and `p95_s` of one check would otherwise be one series.

Written by hand, since the client library took most of the gate's time at 100,000 checks; its parser reads it in the
tests.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Iterable, Iterator

from reports.limits import unit_of
from reports.model import Counts, Gate, JudgedRule, Judgement, Verdict
from reports.render.text import visible

Samples = Iterable[tuple[str, float]]
"""Labels and a number."""
Numbers = Iterable[tuple[str, str, float]]
"""The same behind the name of the measure."""
ESCAPES = str.maketrans({"\\": r"\\", '"': r"\"", "\n": r"\n"})
UNITS = ("seconds", "bytes", "ratio")
BASE = {
    "ms": ("_seconds", 1, 1000),
    "s": ("_seconds", 1, 1),
    "min": ("_seconds", 60, 1),
    "h": ("_seconds", 3600, 1),
    "d": ("_seconds", 86400, 1),
    "bytes": ("_bytes", 1, 1),
    "MiB": ("_bytes", 1 << 20, 1),
    "%": ("_ratio", 1, 100),
}
"""The base unit of each unit, and what to multiply and divide by; whole numbers, so that 86.4 ms are 0.0864 s."""


def render(gate: Gate) -> str:
    """Write the metrics of one judgement."""
    return "\n".join([*_lines(gate), "# EOF", ""])


def _lines(gate: Gate) -> Iterator[str]:
    release = gate.release
    known = {"release": release.name, "version": release.version, "digest": release.digest, "run": gate.run}
    info = _labels(**known, commit=release.commit or "")
    yield from _family("release", "info", "What was judged.", [(info, 1)], "_info")
    verdicts = [(_labels(release_verdict=each), each is gate.verdict) for each in Verdict]
    yield from _family("release_verdict", "stateset", "The verdict.", verdicts)
    moment = [("", gate.judged_at.timestamp())]
    yield from _family("release_judged_timestamp_seconds", "gauge", "When it was judged.", moment)
    stages = [(_labels(stage=stage.name), stage.seconds) for stage in gate.stages if stage.seconds is not None]
    yield from _family("release_stage_seconds", "gauge", "How long each stage took.", stages)
    rules = gate.rules
    judged = ((_labels(check=rule.check, stage=rule.stage, judgement=rule.judgement), 1) for rule in rules)
    yield from _family("release_judgement", "gauge", "1 for what each rule came to.", judged)
    took = ((_labels(check=rule.check), rule.seconds) for rule in rules if rule.seconds is not None)
    yield from _family("release_check_seconds", "gauge", "How long each check took.", took)
    yield from _family("release_rules", "gauge", "How many rules came to what.", _counts(gate.counts))
    yield from _by_unit("release_measured", "What each check measured.", _measured(rules))
    limits = ((measure, labels, limit) for measure, labels, limit, _ in _limits(rules))
    yield from _by_unit("release_limit", "What the policy asks for.", limits)
    margins = ((labels, margin) for _, labels, _, margin in _limits(rules) if margin is not None)
    yield from _family("release_margin_ratio", "gauge", "What is left of the limit, below 0 if broken.", margins)


def _counts(counts: Counts) -> Samples:
    """Count the rules by judgement, also where there are none, so that a graph falls to 0."""
    given = {
        Judgement.PASS: counts.passed,
        Judgement.FAIL: counts.failed,
        Judgement.UNVERIFIED: counts.unverified,
        Judgement.WAIVED: counts.waived,
        Judgement.NOT_APPLICABLE: counts.not_applicable,
    }
    return [(_labels(judgement=judgement), number) for judgement, number in given.items()]


def _measured(rules: Iterable[JudgedRule]) -> Numbers:
    for rule in rules:
        for name, value in rule.measured.items():
            yield name, _labels(check=rule.check, measure=name), value


def _limits(rules: Iterable[JudgedRule]) -> Iterator[tuple[str, str, float, float | None]]:
    for rule in rules:
        for limit in rule.limits:
            labels = _labels(check=rule.check, measure=limit.measure, kind=limit.kind)
            yield limit.measure, labels, limit.limit, limit.margin


def _by_unit(name: str, says: str, numbers: Numbers) -> Iterator[str]:
    """Write numbers of many measures as one family a base unit."""
    families: dict[str, list[tuple[str, float]]] = {}
    for measure, labels, value in numbers:
        unit, times, per = _base(measure)
        families.setdefault(unit, []).append((labels, value * times / per))
    for unit in sorted(families):
        yield from _family(f"{name}{unit}", "gauge", says, families[unit])


@functools.lru_cache(1024)
def _base(measure: str) -> tuple[str, int, int]:
    return ("_ratio", 1, 1) if measure.endswith("_ratio") else BASE.get(unit_of(measure).strip(), ("", 1, 1))


def _family(name: str, kind: str, says: str, samples: Samples, suffix: str = "") -> Iterator[str]:
    yield f"# TYPE {name} {kind}"
    unit = name.rpartition("_")[2]
    if unit in UNITS:
        yield f"# UNIT {name} {unit}"
    yield f"# HELP {name} {says}"
    for labels, value in samples:
        yield f"{name}{suffix}{labels} {_number(value)}"


def _number(value: float) -> str:
    """Write a number; OpenMetrics spells those that are none in its own way."""
    return repr(float(value)) if math.isfinite(value) else "NaN" if math.isnan(value) else f"{value:+}".title()


def _labels(**labels: str) -> str:
    """Write labels; a text that has nothing to escape is the common case."""
    return "{" + ",".join(f'{name}="{visible(text).translate(ESCAPES)}"' for name, text in labels.items()) + "}"
