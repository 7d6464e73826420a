"""`metrics.txt`: OpenMetrics 1.0, to be pushed or scraped, so that dashboards follow releases over time.

Run, version, digest and commit stand on one info metric only: on every series they would make each run a new one.
Written by hand, since the client library took most of the gate's time at 100,000 checks; its parser reads it in the
tests.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from reports.model import Gate, JudgedRule, Verdict
from reports.render.text import visible

Samples = Iterable[tuple[str, float]]
ESCAPES = str.maketrans({"\\": r"\\", '"': r"\"", "\n": r"\n"})


def render(gate: Gate) -> str:
    """Write the metrics of one judgement."""
    return "\n".join([*_lines(gate), "# EOF", ""])


def _lines(gate: Gate) -> Iterator[str]:
    release = gate.release
    known = {"name": release.name, "version": release.version, "digest": release.digest, "run": gate.run}
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
    yield from _family("release_rule", "gauge", "1 for what each rule came to.", judged)
    took = ((_labels(check=rule.check), rule.seconds) for rule in rules if rule.seconds is not None)
    yield from _family("release_check_seconds", "gauge", "How long each check took.", took)
    yield from _family("release_measured", "gauge", "What each check measured, its unit in its name.", _measured(rules))
    limits = ((labels, limit) for labels, limit, _ in _limits(rules))
    yield from _family("release_limit", "gauge", "What the policy asks for.", limits)
    margins = ((labels, margin) for labels, _, margin in _limits(rules) if margin is not None)
    yield from _family("release_margin_ratio", "gauge", "What is left of the limit, below 0 if broken.", margins)


def _measured(rules: Iterable[JudgedRule]) -> Samples:
    for rule in rules:
        for name, value in rule.measured.items():
            yield _labels(check=rule.check, measure=name), value


def _limits(rules: Iterable[JudgedRule]) -> Iterator[tuple[str, float, float | None]]:
    for rule in rules:
        for limit in rule.limits:
            labels = _labels(check=rule.check, measure=limit.measure, kind=limit.kind)
            yield labels, limit.limit, limit.margin


def _family(name: str, kind: str, says: str, samples: Samples, suffix: str = "") -> Iterator[str]:
    yield f"# TYPE {name} {kind}"
    if name.endswith("_seconds"):
        yield f"# UNIT {name} seconds"
    yield f"# HELP {name} {says}"
    for labels, value in samples:
        yield f"{name}{suffix}{labels} {float(value)!r}"


def _labels(**labels: str) -> str:
    """Write labels; a text that has nothing to escape is the common case."""
    return "{" + ",".join(f'{name}="{visible(text).translate(ESCAPES)}"' for name, text in labels.items()) + "}"
