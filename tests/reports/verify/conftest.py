"""A signed run to verify, and one to tamper with."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.reports import sealed
from tests.reports.sealed import World


@pytest.fixture(scope="module")
def promoted(tmp_path_factory: pytest.TempPathFactory) -> World:
    """A signed PROMOTE; tests copy it."""
    return sealed.build(tmp_path_factory.mktemp("promoted"))


@pytest.fixture(scope="module")
def blocked(tmp_path_factory: pytest.TempPathFactory) -> World:
    """A signed BLOCK; tests copy it."""
    return sealed.build(tmp_path_factory.mktemp("blocked"), p95_ms=140.0)


@pytest.fixture
def good(promoted: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    """A copy of the signed PROMOTE."""
    sealed.at(promoted.tree, monkeypatch)
    return promoted.copy(tmp_path)


@pytest.fixture
def bad(blocked: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    """A copy of the signed BLOCK."""
    sealed.at(blocked.tree, monkeypatch)
    return blocked.copy(tmp_path)
