"""What the tests share: a release in a folder of its own, and its stages' evidence."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import settings

from checks.stage import Stage
from evidence import release as releases
from evidence import run as runs

pytest_plugins = ["pytester"]

# How long an example takes says how busy the machine is, and nothing of the code.
settings.register_profile("any machine", deadline=None)
settings.load_profile("any machine")

RELEASE = """
name = "shop"
version = "2.14.0"

[source]
paths = ["src"]
"""


@pytest.fixture(autouse=True)
def _no_stage(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the stage that these tests may run in away from the stages that they make."""
    for name in ("RELEASE_STAGE", "RELEASE_RUN", "RELEASE_FILE", "RELEASE_SECRETS", "TARGET_URL", "TARGET_BUILD"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def release_file(tmp_path: Path) -> Path:
    """A release of one source file; the folder's name has a space, as some people's have."""
    root = tmp_path / "a shop"
    (root / "src").mkdir(parents=True)
    (root / "src" / "app.py").write_text("print('hello')\n")
    (root / "release.toml").write_text(RELEASE)
    return root / "release.toml"


@pytest.fixture
def stage(release_file: Path, tmp_path: Path) -> Stage:
    """A stage named smoke of a fresh run."""
    release = releases.load(release_file)
    return Stage("smoke", runs.start(tmp_path / "runs" / "r1", release), release)
