"""A run's folder belongs to one release, and is written whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec
import pytest

from checks.stage import Stage
from evidence import release as releases
from evidence import run as runs
from evidence.errors import InputError
from evidence.release import Identity


def test_two_stages_share_one_run(release_file: Path, tmp_path: Path) -> None:
    """The first stage's record of the run holds for the second."""
    release = releases.load(release_file)

    assert runs.start(tmp_path / "r", release).record == runs.start(tmp_path / "r", release).record


def test_the_deployment_is_named_without_its_credentials(release_file: Path, tmp_path: Path) -> None:
    """The record says which URL was looked at, and never repeats a password that stands in it."""
    release_file.write_text(release_file.read_text() + "[target]\nurl = 'https://me:hush@staging.example:8443/shop'\n")
    record = runs.start(tmp_path / "r", releases.load(release_file)).record

    assert "https://staging.example:8443/shop" == record.url
    assert {"python", "platform"} == set(record.tools)


def test_a_changed_source_needs_a_new_run(release_file: Path, tmp_path: Path) -> None:
    """A stage is not added to the run of a source that has changed since."""
    release = releases.load(release_file)
    runs.start(tmp_path / "r", release)
    (release_file.parent / "src" / "app.py").write_text("changed\n")

    with pytest.raises(InputError, match=r"another release: digest was sha256:\w+, and is sha256:\w+; start a new run"):
        runs.start(tmp_path / "r", release)


def test_each_difference_between_two_releases_is_told() -> None:
    """What is alike is not told: who changed only the state of the working tree reads no digest."""
    then = Identity(name="shop", version="1", digest="sha256:a", commit="c1", dirty=True)
    today = msgspec.structs.replace(then, commit="c2", dirty=None)

    assert "commit was c1, and is c2, dirty was True, and is None" == runs.differences(then, today)


def test_a_run_folder_that_cannot_be_made_is_named(release_file: Path, tmp_path: Path) -> None:
    """A file where the folder should be is one line, not a traceback."""
    (tmp_path / "file").write_text("")

    with pytest.raises(InputError, match="run folder cannot be written"):
        runs.start(tmp_path / "file" / "r", releases.load(release_file))


@pytest.mark.parametrize(
    "content", [b"", b"{", b'{"stage": "smoke"}', b"\xff\xfe", b'{"stage": "\xff"}', b'{"run": NaN}']
)
def test_what_is_not_evidence_is_refused_by_line(stage: Stage, content: bytes) -> None:
    """An empty, torn, foreign or binary file is an error that names file and line."""
    path = stage.run.evidence_path / "smoke.jsonl"
    path.write_bytes(content)

    with pytest.raises(InputError, match=r"smoke\.jsonl:1: is not evidence"):
        runs.read_stage(path)


def test_a_failed_write_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that fills up while writing leaves the old content and no litter."""
    path = tmp_path / "gate.json"
    path.write_text("old")

    def full(_handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        runs.write_atomically(path, b"new")

    assert ("old", ["gate.json"]) == (path.read_text(), [entry.name for entry in tmp_path.iterdir()])
