"""Which earlier run this one is compared with, and what it measured: gathered before the judge, who opens no file."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from evidence.chart import Chart
from evidence.errors import InputError
from reports import charts, history
from reports.doubt import stamp
from reports.explain import read_gate
from reports.history import History, Line
from reports.model import Baseline, Gate, Past, Verdict
from reports.places import nearest
from reports.policy import Policy
from reports.regression import Reference, Regression, better
from reports.samples import SAMPLES, read_latencies
from reports.seen import Seen
from reports.two_sample import p_value, thinned

DRIFT_RUNS = 10
"""Promoted runs whose best a drift is measured from."""
FEWEST = 30
"""Samples of a side below which the tests' approximations say nothing."""
QUANTILE = re.compile(r"p(\d\d)_")


class Comparison(msgspec.Struct, frozen=True, kw_only=True):
    """What the judge compares with: by check, and for the report the earlier runs and one sentence."""

    baseline: Baseline | None = None
    note: str = "There is no baseline: absolute limits decide."
    references: Mapping[str, Reference] = msgspec.field(default_factory=dict)
    previous: tuple[Past, ...] = ()
    charts: Mapping[str, Chart] = msgspec.field(default_factory=dict)


class Chosen(msgspec.Struct, frozen=True):
    """A baseline: its line of history, and its folder, whether or not that is still there."""

    line: Line
    folder: Path


def gather(policy: Policy, seen: Seen, folder: Path, pinned: str | None, now: dt.datetime) -> Comparison:
    """Find the baseline of a run: the last promoted run of the same release's name, or the one that is pinned."""
    past = history.read(history.beside(folder))
    earlier = past.before(seen.record.run, seen.record.identity.name, now)
    promoted = history.promoted(earlier)
    chosen = _pinned(pinned, past, seen, folder) if pinned else _last(promoted, folder)
    compared = {rule.check: rule.regression for rule in policy.rules if rule.regression}
    references = _references(compared, seen, (chosen, folder), promoted[-DRIFT_RUNS:]) if chosen else {}
    note = _note(seen, chosen, [check for check in compared if check not in references])
    return Comparison(
        baseline=_shown(chosen.line) if chosen else None,
        note=f"{'; '.join([note, *past.notes])}.",
        references=references,
        previous=tuple(line.past for line in earlier[-history.SHOWN :]),
        charts=charts.read(chosen.folder, seen.charts).charts if chosen else {},
    )


def recorded(gate: Gate) -> Comparison:
    """Give what a gate.json says that was compared with, so that it can be judged again from itself."""
    changes = {rule.check: rule.change for rule in gate.rules if rule.change}
    return Comparison(
        baseline=gate.baseline,
        note=gate.baseline_note,
        references={
            check: Reference(baseline=change.baseline, best=change.best, p_value=change.p_value)
            for check, change in changes.items()
        },
        previous=gate.previous,
        charts={each.path: each.before for each in gate.charts if each.before},
    )


def _last(promoted: Sequence[Line], folder: Path) -> Chosen | None:
    return Chosen(promoted[-1], folder.absolute().with_name(promoted[-1].run)) if promoted else None


def _pinned(pinned: str, past: History, seen: Seen, folder: Path) -> Chosen:
    """Take the baseline that the caller names; it must be a promoted run of the same release's name, and another."""
    if "/" in pinned or Path(pinned, "gate.json").exists():
        chosen = Chosen(history.line_of(read_gate(Path(pinned))), Path(pinned))
    else:
        lines = {line.run: line for line in past.lines}
        if pinned not in lines:
            msg = f"--baseline {pinned}: neither a folder nor a run in {history.NAME}; {nearest(pinned, list(lines))}"
            raise InputError(msg)
        chosen = Chosen(lines[pinned], folder.absolute().with_name(pinned))
    line, ours = chosen.line, seen.record
    wrong = (
        "is this very run"
        if line.run == ours.run
        else f"is a run of {line.release.name}, not of {ours.identity.name}"
        if line.release.name != ours.identity.name
        else f"came to {line.verdict}; only a promoted run is a baseline"
        if line.verdict is not Verdict.PROMOTE
        else ""
    )
    if wrong:
        msg = f"--baseline {pinned}: {wrong}"
        raise InputError(msg)
    return chosen


def _references(
    compared: Mapping[str, Regression], seen: Seen, sides: tuple[Chosen, Path], promoted: Sequence[Line]
) -> dict[str, Reference]:
    return {
        check: msgspec.structs.replace(reference, p_value=_chance(check, regression, seen, sides))
        for check, regression in compared.items()
        if (reference := _reference(check, regression, sides[0].line, promoted))
    }


def _reference(check: str, regression: Regression, line: Line, promoted: Sequence[Line]) -> Reference | None:
    baseline = history.good(line, check, regression.measure)
    if baseline is None:
        return None
    best = [value for each in promoted if (value := history.good(each, check, regression.measure)) is not None]
    return Reference(baseline=baseline, best=better(regression.kind, best))


def _chance(check: str, regression: Regression, seen: Seen, sides: tuple[Chosen, Path]) -> float | None:
    """Test the single latencies of both sides, as many of them as are independent; None where a side has none."""
    chosen, folder = sides
    ours = [evidence for _, evidence in seen.by_check.get(check, ())]
    if not regression.measure.endswith("_ms") or len(ours) != 1 or SAMPLES not in ours[0].attachments:
        return None
    before, after = read_latencies(chosen.folder), read_latencies(folder)
    if before is None or after is None:
        return None
    before = thinned(before, _independent(chosen.line.measured.get(check, {})))
    after = thinned(after, _independent(ours[0].measured))
    if min(len(before), len(after)) < FEWEST:
        return None
    quantile = QUANTILE.match(regression.measure)
    return p_value(before, after, int(quantile[1]) / 100 if quantile else None)


def _independent(measured: Mapping[str, float]) -> int:
    """Return how many samples are worth an independent one each; requests that queue behind each other are fewer."""
    worth = measured.get("samples_effective_total", measured.get("samples_total", 0.0))
    return int(worth) if 0 < worth < 1e9 else 0


def _shown(line: Line) -> Baseline:
    return Baseline(run=line.run, version=line.release.version, digest=line.release.digest, judged_at=line.judged_at)


def _note(seen: Seen, chosen: Chosen | None, missing: Sequence[str]) -> str:
    if not chosen:
        return (
            f"There is no baseline: no earlier run of {seen.record.identity.name} was promoted; absolute limits decide"
        )
    line = chosen.line
    note = f"The baseline is run {line.run} of {line.release.version}, promoted on {stamp(line.judged_at)}"
    if missing:
        return f"{note}; it has no number of {', '.join(missing)}, where absolute limits decide"
    return note
