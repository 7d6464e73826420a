"""Why evidence may not be relied on. Each function returns the reason, a sentence, or None; none of them decides."""

from __future__ import annotations

import datetime as dt
import math
import re

from checks.catalogue import LIVE, CheckInfo
from evidence.model import Evidence, Outcome, StageRecord
from evidence.release import Identity
from reports.limits import BOUND, SIGNED, Limit, figure, unit_of
from reports.places import nearest
from reports.policy import Rule
from reports.seen import Seen

COMMIT = re.compile(r"[0-9a-f]{7,64}")
LOOKED = (0, 1)
"""Exit codes of a runner that looked; pytest's others are accidents of ours, and no evidence."""
SKEW = dt.timedelta(minutes=5)
"""How far two machines' clocks may be apart."""
WHY = {
    Outcome.SKIPPED: "The check was skipped",
    Outcome.ERRORED: "The check could not tell",
    Outcome.FLAKY: "The check passed only on a retry",
}


def of_stage(seen: Seen, stage: str) -> str | None:
    """Doubt everything that a stage left: of a release that changed, torn, twice, another's, or after an accident."""
    if changed := _changed(seen.record.identity, seen.identity):
        return changed
    if why := seen.unreadable.get(stage):
        return f"The stage's evidence cannot be read: {why}."
    records = [found.record for found in seen.stages if found.record.stage == stage]
    if len(records) != 1:
        return f"The stage {stage} left {len(records) or 'no'} evidence file{'s' if records else ''} in this run."
    record = records[0]
    if strange := _another(seen, record.run, record.release):
        return f"The stage's evidence belongs to {strange}."
    if record.exit_code not in LOOKED:
        return f"The stage {stage} broke down: its runner ended with exit code {record.exit_code}."
    return _of_build(seen, record)


def _of_build(seen: Seen, record: StageRecord) -> str | None:
    """Doubt a live stage that did not look at the candidate, or at what could not say that it is."""
    build = record.build
    if build is None:
        deployed = seen.record.url if record.stage in LIVE else None
        return f"The stage {record.stage} did not ask which build answers at {deployed}." if deployed else None
    if build.reported is None:
        return sentence("It is not known which build answered", build.problem)
    identity = seen.record.identity
    if is_of(identity, build.reported):
        return None
    commit = f" at commit {identity.commit}" if identity.commit else ""
    return f"Another build answered: it says that it is {build.reported}, not {identity.version}{commit}."


def is_of(identity: Identity, reported: str) -> bool:
    """Say whether a reported build is the release: its version, its commit (seven digits or more), or both with a +."""
    ours, theirs = (version.removeprefix("v") for version in (identity.version, reported))
    version, _, local = theirs.partition("+")
    return ours == theirs or _is_commit(identity, reported) or (ours == version and _is_commit(identity, local))


def _is_commit(identity: Identity, text: str) -> bool:
    return bool(identity.commit and COMMIT.fullmatch(text.lower()) and identity.commit.startswith(text.lower()))


def of_origin(seen: Seen, info: CheckInfo) -> str | None:
    """Doubt one check's evidence: not planned, absent, more than one, another run's, release's or stage's."""
    planned = seen.planned.get(info.stage, set())
    found = seen.by_check.get(info.identifier, [])
    if not found and info.identifier not in planned:
        return f"The stage {info.stage} ran without this check."
    if len(found) != 1:
        return f"The check was planned and left {len(found) or 'no'} evidence{' records' if found else ''}."
    file, evidence = found[0]
    if strange := _another(seen, evidence.run, evidence.release):
        return f"The evidence belongs to {strange}."
    if strays := {file, evidence.stage} - {info.stage}:
        return f"The evidence is of the stage {min(strays)}, but the check belongs to {info.stage}."
    return None if info.identifier in planned else f"The stage {info.stage} did not plan this check."


def of_outcome(evidence: Evidence) -> str | None:
    """Doubt a check that was skipped, broke down, passed only on a retry, or had no case."""
    if why := WHY.get(evidence.outcome):
        return sentence(why, evidence.detail)
    return "The check ran no case." if evidence.cases < 1 else None


def of_samples(rule: Rule, evidence: Evidence) -> str | None:
    """Doubt numbers that rest on no, or on too few, samples."""
    samples = evidence.measured.get("samples_total")
    if samples is None:
        return f"samples_total was not measured; the rule asks for {rule.min_samples}." if rule.min_samples else None
    if not math.isfinite(samples) or samples <= 0 or samples < rule.min_samples:
        return f"It rests on {figure(samples)} samples; the rule asks for at least {max(1, rule.min_samples)}."
    return None


def of_number(limit: Limit, evidence: Evidence) -> str | None:
    """Doubt a number that a limit needs: no measurement, or one whose confidence interval holds the limit."""
    if weak := of_measure(limit.measure, evidence):
        return weak
    low, high = limit.ends(evidence.measured)
    if math.isnan(low):
        return f"{limit.measure} was measured outside of its own confidence interval, or with one end of it alone."
    if limit.straddled(evidence.measured):
        unit, bound = unit_of(limit.measure), f"{BOUND[limit.kind]} {figure(limit.value)}"
        between = f"its confidence interval reaches from {figure(low)} to {figure(high)}{unit}"
        return f"{limit.measure} may be {bound}{unit}, but {between}, so that nobody can tell; measure longer."
    return None


def of_measure(measure: str, evidence: Evidence) -> str | None:
    """Doubt a number: not measured, or not one that can be."""
    measured = evidence.measured.get(measure)
    if measured is None:
        return sentence(f"{measure} was not measured; {nearest(measure, sorted(evidence.measured))}")
    if not math.isfinite(measured) or (measured < 0 and measure not in SIGNED):
        return f"{measure} was measured as {measured}, which is no measurement."
    return None


def of_age(rule: Rule, evidence: Evidence, now: dt.datetime) -> str | None:
    """Doubt what is from the future, too old, or rests on data that is."""
    for name, when in (("The evidence", evidence.started), ("The data that the evidence rests on", evidence.as_of)):
        if when is None:
            continue
        if when.tzinfo is None:
            return f"{name} is dated {when.isoformat()}, without a time zone."
        if when - now > SKEW:
            return f"{name} is dated {stamp(when)}, which is in the future."
        if now - when > rule.max_age:
            return f"{name} is of {stamp(when)}, older than the rule's {span(rule.max_age)}."
    return None


def sentence(says: str, detail: str = "") -> str:
    """Add what the check said first, without Python's name for it, and end on a full stop."""
    lines = detail.strip().splitlines()
    first = lines[0].replace("AssertionError: ", "", 1).strip() if lines else ""
    whole = f"{says}: {first}" if first else says
    return whole if whole.endswith((".", "!", "?")) else f"{whole}."


def stamp(when: dt.datetime) -> str:
    """Write a time in UTC, to the second."""
    return f"{when.astimezone(dt.UTC):%Y-%m-%d %H:%M:%S} UTC"


def span(length: dt.timedelta) -> str:
    """Write a duration as the policy does, in its largest whole unit."""
    seconds = int(length.total_seconds())
    for unit, size in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds % size == 0:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"


def _changed(then: Identity, now: Identity) -> str | None:
    """Say that the release is not what the run began with: another source, commit, or state of the work tree."""
    for what, before, after in (
        ("source", then.digest, now.digest),
        ("commit", then.commit, now.commit),
        ("work tree", _tree(then), _tree(now)),
    ):
        if before != after:
            return f"The {what} changed after the run began: the run looks at {before}, the {what} is now {after}."
    return None


def _tree(identity: Identity) -> str:
    return {True: "one with changes", False: "a clean one", None: "none"}[identity.dirty]


def _another(seen: Seen, run: str, release: str) -> str | None:
    if run != seen.record.run:
        return f"another run, {run}"
    return f"another release, {release}" if release != seen.record.identity.digest else None
