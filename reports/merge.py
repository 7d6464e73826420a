"""Unite the evidence of several machines in one run: `python -m reports merge --into RUN PART...`.

Each part is the folder of a run that looked at the same release. The evidence is bound to the new run's name, since
that is what will be judged; merged.json keeps each part's name and the digests of its files as they were. Nothing is
written before everything fits together.
"""

from __future__ import annotations

import argparse
import datetime as dt
import hashlib
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

import msgspec

from evidence import run
from evidence.errors import InputError
from evidence.model import StageEvidence
from evidence.run import RunRecord
from reports.doubt import SKEW, stamp
from reports.publish import shown
from reports.render.text import visible

NAME = "merged.json"
FIELDS = ("name", "version", "digest", "commit", "dirty")


class Origin(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A part as it was: its run's record, and the SHA-256 of each file that it gave."""

    record: RunRecord
    files: dict[str, str]


class Merged(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`merged.json`: where the evidence of a run came from."""

    run: str
    parts: tuple[Origin, ...]
    schema: int = 1


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """One machine's run, read: its stages, and the digest of each file that it gives by the path in the run."""

    path: Path
    record: RunRecord
    stages: tuple[StageEvidence, ...]
    files: dict[str, str]


def main(arguments: Sequence[str]) -> int:
    """Merge, and say what was united; InputError where the parts do not fit together."""
    parser = argparse.ArgumentParser(
        prog="python -m reports merge",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--into", type=Path, required=True, metavar="RUN", help="the folder of the united run")
    parser.add_argument("parts", type=Path, nargs="+", metavar="PART", help="the folder of one machine's run")
    options = parser.parse_args(arguments)
    parts = merge(options.into, options.parts, run.now())
    stages = ", ".join(sorted({found.record.stage for part in parts for found in part.stages})) or "none"
    sys.stdout.write(visible(f"{shown(options.into)}: {len(parts)} parts; stages: {stages}") + "\n")
    return 0


def merge(into: Path, folders: Sequence[Path], now: dt.datetime) -> list[Part]:
    """Unite the parts in a new run's folder and return them; InputError names the part that does not fit, and why."""
    if (into / "release.json").exists():
        raise _refusal(into, "is a run already; name a new folder, and this one as a part")
    parts = [_read(folder) for folder in folders]
    for part in parts:
        _same_release(part, parts[0])
        _same_deployment(part, parts[0])
        _not_of_the_future(part, now)
    stages, files = _stages(into.name, parts), _files(parts)
    _write(into, parts, stages, files)
    return parts


def _read(folder: Path) -> Part:
    """Read a part; what is torn, or bound to another run than the part's own, is refused."""
    found = run.load(folder)
    stages = []
    for path in sorted(found.evidence_path.glob("*.jsonl")):
        try:
            stage = run.read_stage(path)
        except OSError as error:
            raise _refusal(path, f"cannot be read ({error.strerror})") from None
        if stage.record.stage != path.stem:
            raise _refusal(path, f"holds the evidence of another stage, {stage.record.stage}")
        for bound in ((stage.record.run, stage.record.release), *((each.run, each.release) for each in stage.evidence)):
            if bound != (found.record.run, found.record.identity.digest):
                raise _refusal(path, f"belongs to another run or release, {bound[0]} of {bound[1]}")
        stages.append(stage)
    files = {}
    for path in sorted((folder / "attachments").rglob("*")):
        if path.is_symlink():
            raise _refusal(folder, f"{path.relative_to(folder)} is a link, not a file")
        if path.is_file():
            files[path.relative_to(folder).as_posix()] = _sha256(path)
    return Part(path=folder, record=found.record, stages=tuple(stages), files=files)


def _same_release(part: Part, first: Part) -> None:
    for field in FIELDS:
        ours, theirs = getattr(first.record.identity, field), getattr(part.record.identity, field)
        if ours != theirs:
            raise _refusal(part.path, f"looks at another release: its {field} is {theirs}, that of {first.path} {ours}")


def _same_deployment(part: Part, first: Part) -> None:
    if part.record.url != first.record.url:
        raise _refusal(part.path, f"looks at {part.record.url}, but {first.path} at {first.record.url}")


def _not_of_the_future(part: Part, now: dt.datetime) -> None:
    dated = [("its record", part.record.started)]
    for stage in part.stages:
        dated += [(f"the stage {stage.record.stage}", stage.record.started)]
        dated += [(f"the stage {stage.record.stage}", stage.record.finished)]
        dated += [(evidence.check, evidence.started) for evidence in stage.evidence]
        dated += [(evidence.check, evidence.as_of) for evidence in stage.evidence if evidence.as_of]
    for name, when in dated:
        if when.tzinfo is None:
            raise _refusal(part.path, f"{name} is dated {when.isoformat()}, without a time zone")
        if when - now > SKEW:
            raise _refusal(
                part.path, f"{name} is dated {stamp(when)}, which is in the future; set that machine's clock"
            )


def _stages(name: str, parts: Sequence[Part]) -> dict[str, StageEvidence]:
    """Bind every stage's evidence to the united run; the same stage may come twice only if it says the same."""
    united: dict[str, tuple[StageEvidence, Part]] = {}
    for part in parts:
        for found in part.stages:
            stage = found.record.stage
            bound = StageEvidence(
                record=msgspec.structs.replace(found.record, run=name),
                evidence=tuple(msgspec.structs.replace(evidence, run=name) for evidence in found.evidence),
            )
            other, whose = united.setdefault(stage, (bound, part))
            if other != bound:
                raise _refusal(part.path, f"the stage {stage} is also in {whose.path}, and says something else")
    return {stage: bound for stage, (bound, _) in united.items()}


def _files(parts: Sequence[Part]) -> dict[str, Path]:
    """Find where each attachment comes from; the same path may come twice only with the same content."""
    united: dict[str, tuple[str, Part]] = {}
    for part in parts:
        for name, digest in part.files.items():
            other, whose = united.setdefault(name, (digest, part))
            if other != digest:
                raise _refusal(part.path, f"{name} is also in {whose.path}, with other content")
    return {name: part.path / name for name, (_, part) in united.items()}


def _write(into: Path, parts: Sequence[Part], stages: dict[str, StageEvidence], files: dict[str, Path]) -> None:
    """Write the run; its record comes last, so that half of a run is none."""
    started = min(part.record.started for part in parts)
    tools = dict(set.intersection(*(set(part.record.tools.items()) for part in parts)))
    record = msgspec.structs.replace(parts[0].record, run=into.name, started=started, tools=dict(sorted(tools.items())))
    origin = Merged(run=into.name, parts=tuple(Origin(record=part.record, files=_given(part)) for part in parts))
    try:
        for name, source in files.items():
            (into / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, into / name)
        for found in stages.values():
            run.Run(into, record).write(found.record, list(found.evidence))
        for name, content in ((NAME, origin), ("release.json", record)):
            run.write_atomically(into / name, msgspec.json.format(msgspec.json.encode(content)))
    except OSError as error:
        raise _refusal(into, f"cannot be written ({error.strerror})") from None


def _given(part: Part) -> dict[str, str]:
    """Give the digests of all that a part gave, evidence included."""
    evidence = {f"evidence/{path.name}": _sha256(path) for path in sorted((part.path / "evidence").glob("*.jsonl"))}
    return {**evidence, **part.files}


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _refusal(path: Path, says: str) -> InputError:
    return InputError(f"{path}: {says}")
