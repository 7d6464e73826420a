"""Where the tests of the second store are, and how they ask."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from restore_drills.backups import __main__ as command
from restore_drills.backups.begun import begin
from restore_drills.backups.store import Folder
from tests.restore_drills.offsite.world import (
    Ask,
    away,
    config,
)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where backup.toml lies; both stores were begun."""
    monkeypatch.setenv("SHOP", "")
    config(tmp_path)
    begin(Folder(tmp_path / "the store"))
    begin(away(tmp_path).store)
    return tmp_path


@pytest.fixture(params=["folder", "s3"])
def anywhere(request: pytest.FixtureRequest, folder: Path) -> Path:
    """The same, with the second store in a folder, and on the S3 server."""
    if request.param == "s3":
        request.getfixturevalue("bucket")
        config(folder, f"s3://bucket/{request.node.name}")
        begin(away(folder).store)
    return folder


@pytest.fixture
def ask(folder: Path, capsys: pytest.CaptureFixture[str]) -> Ask:
    """Call the command; give its exit code and what it told machines, with what it told people as `said`."""

    def asked(*arguments: str) -> tuple[int, dict[str, Any]]:
        code = command.main([*arguments, "--config", str(folder / "backup.toml")])
        told = capsys.readouterr()
        return code, {**msgspec.json.decode(told.out), "said": told.err}

    return asked
