"""A measured number against the last promoted release's, and against the best of the last few.

The one before is the baseline; the best of several catches what creeps, a tolerated step at a time.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import msgspec

from reports import values
from reports.limits import Kind, Limit, figure, unit_of
from reports.model import Change
from reports.places import Keys, Places, nearest
from reports.two_sample import SIGNIFICANT

KEYS = ["worse_by", "floor", "drift"]
NOISE = " (measured at another time, perhaps on another machine: the noise of both is in the difference)"
"""What a comparison with stored evidence always leaves open: only what is asked in the same minutes does not."""


class Regression(msgspec.Struct, frozen=True, kw_only=True):
    """How much worse than the baseline a measured number may be; `kind` says which direction is worse.

    Both must be exceeded: `worse_by`, a share of the baseline, and `floor`, below which a difference is noise. `drift`
    is the share by which it may be worse than the best of the last promoted runs.
    """

    measure: str
    kind: Kind
    worse_by: float
    floor: float
    drift: float | None = None


class Reference(msgspec.Struct, frozen=True, kw_only=True):
    """What one rule's number is compared with: the baseline's, the best of the last, and what the samples say."""

    baseline: float
    best: float | None = None
    p_value: float | None = None


def read_regression(places: Places, keys: Keys, value: object, limits: tuple[Limit, ...]) -> Regression | None:
    """Read a rule's one comparison; beside it stands a limit, so that no release is judged by the last one alone."""
    if value is None:
        return None
    table = values.table(places, keys, value)
    if len(table) > 1:
        raise places.error(keys, sorted(table), "a rule compares one measure")
    ((measure, terms),) = table.items()
    inside: Keys = (*keys, measure)
    bounds = [limit for limit in limits if limit.kind is not Kind.EQUALS]
    kinds = [limit.kind for limit in bounds if limit.measure == measure]
    if len(kinds) != 1:
        known = sorted({limit.measure for limit in bounds})
        says = f"needs an absolute limit beside it, max or min, which says what is worse; {nearest(measure, known)}"
        raise places.error(inside, None, says)
    values.closed(places, inside, values.table(places, inside, terms), KEYS)
    return _terms(places, inside, terms, Regression(measure=measure, kind=kinds[0], worse_by=0, floor=0))


def compare(regression: Regression, measured: Mapping[str, float], reference: Reference) -> Change:
    """Hold a number against the reference: worse is beyond share, noise floor and chance, or beyond the drift."""
    value = measured[regression.measure]
    low, high = Limit(regression.kind, regression.measure, 0).ends(measured)
    surely = value if math.isnan(low) else low if regression.kind is Kind.MAX else high
    change = Change(
        measure=regression.measure,
        baseline=reference.baseline,
        measured=value,
        surely=surely,
        ratio=_share(regression, value, reference.baseline),
        tolerated=regression.worse_by,
        floor=regression.floor,
        p_value=reference.p_value,
        best=reference.best,
        drift=_share(regression, value, reference.best),
        drift_tolerated=regression.drift,
        worse=False,
    )
    worse = _regressed(regression, change) or _drifted(regression, change, surely)
    return msgspec.structs.replace(change, worse=worse)


def sentence(regression: Regression, change: Change) -> str:
    """Say of a number that is worse, or would be but for chance, by how much, and how much is tolerated."""
    stepped = _stepped(regression, change, change.measured)
    by_drift = not _regressed(regression, change) if change.worse else not stepped
    other, share, allowed, whose = (
        (change.best, change.drift, change.drift_tolerated, "the best of the last promoted runs")
        if by_drift
        else (change.baseline, change.ratio, change.tolerated, "the baseline")
    )
    unit = unit_of(change.measure)
    more = "" if share is None else f"{figure(share * 100)} % "
    chance = "" if change.p_value is None or by_drift else f" (p = {figure(change.p_value)})"
    return (
        f"{change.measure} is {figure(change.measured, other)}{unit}, {more}worse than {whose}, "
        f"{figure(other or 0, change.measured)}{unit}{chance}; "
        f"{figure((allowed or 0) * 100)} % and {figure(change.floor)}{unit} are tolerated{NOISE}"
    )


def notable(regression: Regression, change: Change) -> str:
    """Say what is worth a warning though it is not called worse: beyond what is tolerated, but perhaps by chance."""
    value = change.measured
    beyond = _stepped(regression, change, value) or _drifted(regression, change, value)
    return f"{sentence(regression, change)}, but this may be chance" if beyond and not change.worse else ""


def better(kind: Kind, numbers: list[float]) -> float | None:
    """Return the best of some numbers, or None of none."""
    return (min if kind is Kind.MAX else max)(numbers, default=None)


def _regressed(regression: Regression, change: Change) -> bool:
    """Say whether the number is surely beyond the baseline, and the samples of both sides do not allow for chance."""
    by_chance = change.p_value is not None and change.p_value >= SIGNIFICANT
    return _stepped(regression, change, change.surely) and not by_chance


def _stepped(regression: Regression, change: Change, value: float) -> bool:
    return _exceeds(regression, value, change.baseline, regression.worse_by)


def _drifted(regression: Regression, change: Change, value: float) -> bool:
    if regression.drift is None or change.best is None:
        return False
    return _exceeds(regression, value, change.best, regression.drift)


def _exceeds(regression: Regression, measured: float, other: float, share: float) -> bool:
    worse = _worse(regression, measured, other)
    return worse > regression.floor and worse > share * abs(other)


def _worse(regression: Regression, measured: float, other: float) -> float:
    return measured - other if regression.kind is Kind.MAX else other - measured


def _share(regression: Regression, measured: float, other: float | None) -> float | None:
    if not other:
        return None
    share = _worse(regression, measured, other) / abs(other)
    return share if math.isfinite(share) else None


def _terms(places: Places, keys: Keys, terms: dict[str, Any], bare: Regression) -> Regression:
    worse_by = values.share(places, (*keys, "worse_by"), terms.get("worse_by"))
    floor = values.number(places, (*keys, "floor"), terms.get("floor"))
    if floor <= 0:
        raise places.error((*keys, "floor"), terms["floor"], "is above 0: a difference up to it is noise")
    drift = values.share(places, (*keys, "drift"), terms["drift"]) if "drift" in terms else None
    if drift is not None and drift < worse_by:
        raise places.error((*keys, "drift"), terms["drift"], "is not less than worse_by")
    return msgspec.structs.replace(bare, worse_by=worse_by, floor=floor, drift=drift)
