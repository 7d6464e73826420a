"""What the source checks ask for."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest

from evidence.release import Command, Release, Undeclared
from suites.source.command import findings

Clean = Callable[[str, Sequence[Command]], None]


@pytest.fixture
def clean(release: Release, measure: Callable[..., None]) -> Clean:
    """Demand that commands of `[source]` find nothing; with none declared nothing was looked at, which is no pass."""

    def demand(key: str, commands: Sequence[Command]) -> None:
        if not commands:
            msg = f"{release.path}: [source] {key} declares no command; declare one, or say why not in [not_applicable]"
            raise Undeclared(msg)
        found = findings(commands, release.root)
        measure(commands_total=len(commands), commands_with_findings_total=len(found))

        assert not found, "\n\n".join(f"$ {command}\n{output.strip()}" for command, output in found.items())

    return demand
