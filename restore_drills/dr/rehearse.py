"""Run the steps, one after the other, and make a record of it whatever happens."""

from __future__ import annotations

import contextlib
import datetime as dt
import time
from typing import Literal

from evidence.release import Release
from restore_drills.backups import proof
from restore_drills.backups.proof import Fresh
from restore_drills.dr import record, sequence
from restore_drills.dr.contract import Dr
from restore_drills.dr.drill import Drill, Tell
from restore_drills.dr.estimate import estimate, parts_of
from restore_drills.dr.record import Outcome, Part, Record, Step

OVER = "after the drill, everything could not be taken down or opened again"


def rehearse(release: Release, dsn: str, fresh: Fresh, tell: Tell, how: Dr) -> Record:
    """Go through the drill; the first step that fails is the last, and what was taken away is brought back."""
    started, steps, findings = _now(), [], list[str]()
    outcome: Outcome = "passed"
    drill: Drill | None = None
    try:
        with contextlib.ExitStack() as stack:
            drill = Drill(release, dsn, fresh, tell, stack).begun()
            for step in sequence.STEPS:
                steps.append(_step(drill, step, reached=outcome == "passed"))
                if steps[-1].outcome in {"failed", "undecided"}:
                    outcome = "failed" if steps[-1].outcome == "failed" else "undecided"
            findings = drill.findings
    except Exception as problem:  # noqa: BLE001 - a record is made whatever happened
        outcome = "failed" if outcome == "failed" else "undecided"
        findings = [*(drill.findings if drill else ()), f"{OVER if drill else 'the drill could not begin'}: {problem}"]
    return _recorded(release, drill, started, tuple(steps), outcome, tuple(findings), how)


def reopen(release: Release, dsn: str, tell: Tell) -> None:
    """End a drill that was killed: bring the server back where nobody answers, and open the database for writing."""
    with contextlib.ExitStack() as stack:
        drill = Drill(release, dsn, proof.ours, tell, stack)
        sequence.reopen(drill)
    tell(f"A disaster-recovery drill of {release.name} was killed; its database takes writes again.")


def _step(drill: Drill, step: sequence.Step, *, reached: bool) -> Step:
    name, began, clock = sequence.title(step), _now(), time.monotonic()
    made = Step(name=name, sentence=sequence.sentence(step), began=began, seconds=0, outcome="not reached")
    if not reached:
        return made
    outcome: Literal["done", "failed", "undecided"] = "done"
    try:
        with drill.clock.step(name):
            step(drill)
    except Exception as problem:  # noqa: BLE001 - whatever it is belongs into the record
        outcome = "failed" if sequence.blamed(problem) else "undecided"
        drill.findings.append(f"{name}: {' '.join(str(problem).split()) or type(problem).__name__}")
    return Step(
        name=name, sentence=made.sentence, began=began, seconds=round(time.monotonic() - clock, 3),
        commands=drill.named(), outcome=outcome,
    )  # fmt: skip


def _recorded(  # noqa: PLR0913, PLR0917 - everything that there is
    release: Release, drill: Drill | None, started: dt.datetime, steps: tuple[Step, ...], outcome: Outcome,
    findings: tuple[str, ...], how: Dr,
) -> Record:  # fmt: skip
    finished = _now()
    manifest, parts = (drill.manifest, _parts(drill, steps)) if drill else (None, ())
    size = drill.bytes if drill else 0
    return Record(
        release=release.name, version=release.version, started=started, finished=finished, outcome=outcome,
        steps=steps, backup=manifest.id if manifest else "", store=drill.place.kept if drill else "",
        rows=manifest.content.rows if manifest else 0, bytes=size,
        rto_s=_rounded(drill.rto_s if drill else None), rpo_s=_rounded(drill.rpo_s if drill else None), parts=parts,
        findings=findings, actions=record.actions(findings, outcome, finished),
        estimate=estimate(parts, size, how.size, how.target) if outcome == "passed" and how.size else "",
    )  # fmt: skip


def _parts(drill: Drill, steps: tuple[Step, ...]) -> tuple[Part, ...]:
    after = [(step.name, step.seconds) for step in steps if step.name in {"verify", "switch", "test"}]
    return parts_of(drill.clock.spans, "restore", after, drill.taken().id) if drill.manifest else ()


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 3)


def _now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)
