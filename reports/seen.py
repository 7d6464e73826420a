"""What the gate finds in a run's folder, before it judges: nothing here refuses, everything is reported."""

from __future__ import annotations

import functools
import hashlib
from pathlib import Path

import msgspec

from evidence.chart import Chart
from evidence.errors import InputError
from evidence.model import Evidence, StageEvidence
from evidence.release import Identity
from evidence.run import Run, RunRecord, read_stage
from reports import charts
from reports.model import File


class Seen(msgspec.Struct, frozen=True, kw_only=True, dict=True):
    """A run as it lies there, and the release as it is now.

    `unreadable` says of a stage why its file is not evidence, `chart_notes` which charts are none; `options` make a
    command look at this run again.
    """

    record: RunRecord
    identity: Identity
    stages: tuple[StageEvidence, ...]
    unreadable: dict[str, str]
    files: tuple[File, ...] = ()
    charts: dict[str, Chart] = {}
    chart_notes: tuple[str, ...] = ()
    options: str = ""

    @functools.cached_property
    def by_check(self) -> dict[str, list[tuple[str, Evidence]]]:
        """All evidence of each check, each with the stage in whose file it lies."""
        found: dict[str, list[tuple[str, Evidence]]] = {}
        for file in self.stages:
            for evidence in file.evidence:
                found.setdefault(evidence.check, []).append((file.record.stage, evidence))
        return found

    @functools.cached_property
    def planned(self) -> dict[str, set[str]]:
        """The checks that each stage planned."""
        found: dict[str, set[str]] = {}
        for file in self.stages:
            found.setdefault(file.record.stage, set()).update(file.record.planned)
        return found


def look(run: Run, identity: Identity, options: str) -> Seen:
    """Read every file that the stages left; one that is torn is named, not fatal."""
    stages, unreadable = [], {}
    for path in sorted(run.evidence_path.glob("*.jsonl")):
        try:
            stages.append(read_stage(path))
        except InputError as error:
            unreadable[path.stem] = str(error).replace(f"{run.path}/", "")
        except OSError as error:
            unreadable[path.stem] = f"evidence/{path.name}: cannot be read ({error.strerror})"
    drawn = charts.read(run.path, _named(run.record, stages))
    return Seen(
        record=run.record,
        identity=identity,
        stages=tuple(stages),
        unreadable=unreadable,
        files=tuple(_files(run.path)),
        charts=drawn.charts,
        chart_notes=drawn.notes,
        options=options,
    )


def _named(record: RunRecord, stages: list[StageEvidence]) -> set[str]:
    """Give what the evidence of this very run names as attached."""
    bound = (record.run, record.identity.digest)
    own = (each for stage in stages for each in stage.evidence if (each.run, each.release) == bound)
    return {path for each in own for path in each.attachments}


def _files(folder: Path) -> list[File]:
    found = [
        folder / "release.json",
        folder / "merged.json",
        *folder.glob("evidence/*.jsonl"),
        *folder.glob("attachments/**/*"),
    ]
    return [
        File(path=path.relative_to(folder).as_posix(), sha256=_sha256(path), size=path.stat().st_size)
        for path in sorted(found)
        if path.is_file()
    ]


def _sha256(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        return f"cannot be read ({error.strerror})"
