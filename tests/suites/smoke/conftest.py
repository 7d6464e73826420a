"""The shop, and two ways to look at it: by one module of journeys, and by the whole stage."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from evidence import release as releases
from evidence import run as runs
from evidence.model import Evidence
from suites.smoke.journeys import Folder, Ran
from suites.smoke.process import run
from tests.suites.smoke.shop import JOURNEY, RunFolder, RunStage, Shop

TREE = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def shop() -> Iterator[str]:
    """The URL of the shop."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Shop) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture
def folder(release_file: Path) -> Path:
    """The release's folder of journeys, empty."""
    journeys = release_file.parent / "journeys"
    journeys.mkdir()
    return journeys


@pytest.fixture
def ran(folder: Path, shop: str, launch: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RunFolder:
    """Run one module of journeys."""
    monkeypatch.setenv("TARGET_URL", shop)

    def go(source: str) -> Ran:
        (folder / "test_shop.py").write_text(source)
        release = releases.load(folder.parent / "release.toml")
        return Folder(name="journeys", release=release, launch=launch, scratch=tmp_path / "scratch").run()

    return go


@pytest.fixture
def stage_ran(folder: Path, release_file: Path, shop: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RunStage:
    """Run the whole stage for some pages and one module of journeys; return the evidence by id."""
    for name, value in {
        "TARGET_URL": shop,
        "RELEASE_STAGE": "smoke",
        "RELEASE_RUN": str(tmp_path / "run"),
        "RELEASE_FILE": str(release_file),
        "PYTHONPATH": str(TREE),
    }.items():
        monkeypatch.setenv(name, value)

    def go(table: str, source: str = JOURNEY) -> dict[str, Evidence]:
        (folder / "test_shop.py").write_text(source)
        release_file.write_text(f"{release_file.read_text()}[smoke]\n{table}\n")
        command = [sys.executable, "-m", "pytest", "-p", "checks.plugin", str(TREE / "suites" / "smoke")]
        done = run(command, 110, cwd=tmp_path)
        assert done.code in (0, 1), done.output
        evidence = runs.read_stage(tmp_path / "run" / "evidence" / "smoke.jsonl").evidence
        return {one.check: one for one in evidence}

    return go
