"""What the stages set out to do against what they did, and what nobody asked for."""

from __future__ import annotations

from collections.abc import Mapping

from checks.catalogue import STAGES, CheckInfo
from evidence.model import Outcome, StageRecord
from reports import doubt
from reports.model import StageSummary
from reports.seen import Seen

RAN = (Outcome.PASSED, Outcome.FAILED, Outcome.FLAKY, Outcome.ERRORED)


def summarise(seen: Seen, catalogue: Mapping[str, CheckInfo]) -> tuple[StageSummary, ...]:
    """Give one summary for each stage that has checks or left evidence, in the order in which they run."""
    present = {info.stage for info in catalogue.values()} | {found.record.stage for found in seen.stages}
    names = [*STAGES, *sorted(present - set(STAGES))]
    return tuple(_summary(seen, catalogue, name) for name in names if name in present)


def unexpected(seen: Seen, catalogue: Mapping[str, CheckInfo]) -> tuple[str, ...]:
    """Name evidence of stages and checks that do not exist: somebody's work that no rule judged."""
    strange = [f"the stage {stage}, whose file cannot be read" for stage in seen.unreadable if stage not in STAGES]
    for found in seen.stages:
        record = found.record
        if record.stage not in STAGES:
            strange.append(f"the stage {record.stage}, which does not exist")
        checks = dict.fromkeys((*record.planned, *(evidence.check for evidence in found.evidence)))
        strange += [f"{check} in the stage {record.stage}, which no rule names" for check in checks - catalogue.keys()]
    return tuple(sorted(strange))


def _summary(seen: Seen, catalogue: Mapping[str, CheckInfo], name: str) -> StageSummary:
    own = [info.identifier for info in catalogue.values() if info.stage == name]
    files = [found for found in seen.stages if found.record.stage == name]
    evidence = [each for found in files for each in found.evidence]
    ran = {each.check for each in evidence if each.outcome in RAN}
    outcomes = [each.outcome for each in evidence]
    record = files[0].record if files else None
    return StageSummary(
        name=name,
        checks=len(own),
        planned=len(record.planned) if record else 0,
        ran=len(ran),
        retried=outcomes.count(Outcome.FLAKY),
        skipped=outcomes.count(Outcome.SKIPPED),
        not_run=tuple(check for check in own if check not in ran),
        exit_code=record.exit_code if record else None,
        started=record.started if record else None,
        finished=record.finished if record else None,
        seconds=_seconds(record) if record else None,
        tools=record.tools if record else {},
        build=(record and record.build and record.build.reported) or "",
        asked=(record and record.build and record.build.by) or "",
        problem=doubt.of_stage(seen, name) or "",
    )


def _seconds(record: StageRecord) -> float | None:
    try:
        return (record.finished - record.started).total_seconds()
    except TypeError:  # one of them has no time zone
        return None
