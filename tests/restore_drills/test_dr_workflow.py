"""The monthly drill's record reaches whoever reads it: DR-001 has no other source than the repository."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]

from restore_drills.dr.contract import Dr

TREE = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def jobs() -> dict[str, Any]:
    """The jobs of the workflow."""
    text = (TREE / ".github" / "workflows" / "dr-drill.yml").read_text(encoding="utf-8")
    found: dict[str, Any] = yaml.safe_load(text)["jobs"]
    return found


def test_the_record_is_kept_whether_the_drill_passed_or_not(jobs: dict[str, Any]) -> None:
    """From where the drill leaves it, also when it failed; that there is none is an error."""
    (kept,) = [step for step in jobs["drill"]["steps"] if step.get("with", {}).get("name") == "dr-record"]

    assert Dr().records == kept["with"]["path"]
    assert ("${{ !cancelled() }}", "error") == (kept["if"], kept["with"]["if-no-files-found"])


def test_the_record_is_proposed_by_a_job_that_may(jobs: dict[str, Any]) -> None:
    """It fetches what was kept, and asks for it to be merged; the drill itself may write nothing."""
    record = jobs["record"]
    commands = record["steps"][-1]["run"]

    assert ("drill", "${{ !cancelled() }}") == (record["needs"], record["if"])
    assert {"contents": "read"} == jobs["drill"]["permissions"]
    assert {"actions": "read", "contents": "write", "pull-requests": "write"} == record["permissions"]
    assert f'gh run download "$GITHUB_RUN_ID" --name dr-record --dir {Dr().records}' in commands
    assert f"git add {Dr().records}" in commands
    assert commands.index("git push") < commands.index("gh pr create")
