"""Run a command of the release, or a tool of ours on its source, and tell findings from accidents."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from evidence.errors import CannotTell

FINISHED_WITHIN_S = 600
FINDINGS = 1
"""By convention 1 means findings; any other code but 0 means that the linter or type checker could not look."""
NOTHING = re.compile(
    r"no (python|source) files (found|are present)|no files (to (lint|check)|matching|found|were (found|processed))"
    r"|no inputs were found|nothing to do|\b0 (source )?files? (already|checked|inspected|processed|scanned)"
    r"|checked 0 (source )?files",
    re.IGNORECASE,
)
"""How linters, formatters and type checkers say that there was nothing to look at, some of them with exit code 0: the
paths hold no source, or git ignores them (Ruff, Black, Pyright, RuboCop, Biome, ESLint and others)."""


class ToolBroke(CannotTell):
    """The tool could not look: not the release's fault, and no pass."""


class Done(msgspec.Struct, frozen=True):
    """What a command came to."""

    command: tuple[str, ...]
    code: int
    output: str

    def __str__(self) -> str:
        """Quote the command as one line."""
        return " ".join(self.command)


def run(command: Sequence[str], root: Path, env: Mapping[str, str] | None = None) -> Done:
    """Run it in the release's folder; ToolBroke where it cannot be started or does not end in time."""
    try:
        done = subprocess.run(  # noqa: S603 - the release's own command
            command, cwd=root, env={**os.environ, **(env or {})}, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, timeout=FINISHED_WITHIN_S, check=False,
        )  # fmt: skip
    except OSError as error:
        msg = f"{command[0]!r} cannot be run in {root} ({error.strerror}); install it, or mend release.toml's [source]"
        raise ToolBroke(msg) from None
    except subprocess.TimeoutExpired:
        msg = f"{' '.join(command)!r} did not end within {FINISHED_WITHIN_S} s"
        raise ToolBroke(msg) from None
    return Done(tuple(command), done.returncode, done.stdout.decode(errors="replace"))


def findings(commands: Sequence[Sequence[str]], root: Path) -> dict[str, str]:
    """Run each; return what those said that found something. ToolBroke where one looked at nothing."""
    found = {}
    for done in (run(command, root) for command in commands):
        if done.code not in (0, FINDINGS):
            msg = f"{done} ended with exit code {done.code}, which is neither 0 (clean) nor 1 (findings): {done.output}"
            raise ToolBroke(msg)
        if said := NOTHING.search(done.output):
            msg = (
                f"{done} ended with exit code {done.code}, but looked at nothing ({said.group()!r}): mend the paths in "
                f"[source], or have it look at what git ignores; it said: {done.output}"
            )
            raise ToolBroke(msg)
        if done.code:
            found[str(done)] = done.output
    return found


def tool(module: str, *arguments: str) -> list[str]:
    """Write the command that runs a tool of this environment."""
    return [sys.executable, "-m", module, *arguments]
