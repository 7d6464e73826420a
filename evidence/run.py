"""The folder of one run: `release.json`, one `<stage>.jsonl` a stage under `evidence/`, attachments beside them."""

from __future__ import annotations

import contextlib
import datetime as dt
import os
import platform
import tempfile
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import msgspec

from evidence.errors import InputError
from evidence.model import SCHEMA, Evidence, StageEvidence, StageRecord
from evidence.release import Identity, Release, identify


class RunRecord(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`release.json`: which release this run looks at. Evidence that names another run or digest is not judged.

    `url` is the deployment that is looked at, where there is one already; a start command's is told to each stage.
    """

    run: str
    identity: Identity
    release_file: str
    started: dt.datetime
    url: str | None = None
    tools: dict[str, str] = msgspec.field(default_factory=dict)
    schema: int = SCHEMA


class Run(msgspec.Struct, frozen=True):
    """One run's folder and what it is about."""

    path: Path
    record: RunRecord

    @property
    def evidence_path(self) -> Path:
        """The folder of the stages' files."""
        return self.path / "evidence"

    def write(self, record: StageRecord, evidence: list[Evidence]) -> Path:
        """Write a stage's file whole or not at all."""
        lines = [msgspec.json.encode(line) for line in (record, *evidence)]
        path = self.evidence_path / f"{record.stage}.jsonl"
        write_atomically(path, b"\n".join(lines) + b"\n")
        return path

    def read(self) -> list[StageEvidence]:
        """Read every stage's file; InputError names the file and line that is not evidence."""
        return [read_stage(path) for path in sorted(self.evidence_path.glob("*.jsonl"))]


def start(path: Path, release: Release) -> Run:
    """Open the run at `path`, or make it. Several stages may start at once: the first one's record holds.

    InputError where the folder belongs to another release, or the source has changed since the run began.
    """
    identity = identify(release)
    record = RunRecord(
        run=path.name,
        identity=identity,
        release_file=str(release.path),
        started=now(),
        url=_without_credentials(release.target.get("url")),
        tools={"python": platform.python_version(), "platform": platform.platform()},
    )
    try:
        (path / "evidence").mkdir(parents=True, exist_ok=True)
        with contextlib.suppress(FileExistsError):
            _write_once(path / "release.json", msgspec.json.format(msgspec.json.encode(record)))
    except OSError as error:
        msg = f"{path}: the run folder cannot be written ({error.strerror})"
        raise InputError(msg) from None
    run = load(path)
    if run.record.identity != identity:
        msg = (
            f"{path}: this run looks at another release: {differences(run.record.identity, identity)}; start a new run"
        )
        raise InputError(msg)
    return run


def load(path: Path) -> Run:
    """Open a run that exists; InputError where it does not or its `release.json` is not one."""
    try:
        record = msgspec.json.decode((path / "release.json").read_bytes(), type=RunRecord)
    except OSError as error:
        msg = f"{path / 'release.json'}: cannot be read ({error.strerror}); no stage of this run has started"
        raise InputError(msg) from None
    except (msgspec.ValidationError, msgspec.DecodeError, UnicodeDecodeError) as error:
        msg = f"{path / 'release.json'}: is not a run's record: {error}"
        raise InputError(msg) from None
    return Run(path, record)


def read_stage(path: Path) -> StageEvidence:
    """Read one stage's file; InputError names the line that is wrong."""
    lines = path.read_bytes().splitlines()
    number = 1
    try:
        record = msgspec.json.decode(lines[0] if lines else b"", type=StageRecord)
        evidence = []
        for number, line in enumerate(lines[1:], start=2):  # noqa: B007 - the number is used where a line is refused
            evidence.append(msgspec.json.decode(line, type=Evidence))
    except (msgspec.ValidationError, msgspec.DecodeError, UnicodeDecodeError) as error:
        msg = f"{path}:{number}: is not evidence: {error}"
        raise InputError(msg) from None
    return StageEvidence(record=record, evidence=tuple(evidence))


def differences(then: Identity, today: Identity) -> str:
    """Say which fields of two identities differ: "commit was a, and is b"."""
    changed = [(name, getattr(then, name), getattr(today, name)) for name in Identity.__struct_fields__]
    return ", ".join(f"{name} was {old}, and is {new}" for name, old, new in changed if old != new)


def write_atomically(path: Path, content: bytes) -> None:
    """Write a file so that a reader, or a crash, meets the old content or the new, never a part."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(name).chmod(0o644)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def now() -> dt.datetime:
    """The time in UTC."""
    return dt.datetime.now(dt.UTC)


def _without_credentials(url: object) -> str | None:
    if not isinstance(url, str):
        return None
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))


def _write_once(path: Path, content: bytes) -> None:
    """Like `write_atomically`, but FileExistsError where somebody was first."""
    ours = path.with_name(f".{path.name}.{os.getpid()}")
    write_atomically(ours, content)
    try:
        os.link(ours, path)
    finally:
        ours.unlink()
