"""Run a command to its end or its time limit; nothing that it started is left behind."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from fixtures.guard import Guard


@dataclass(frozen=True)
class Done:
    """How it ended; `code` is None where it was ended by us, being too slow."""

    code: int | None
    output: str


def run(
    command: Sequence[str], within_s: float, *, cwd: Path | None = None, environment: Mapping[str, str] | None = None
) -> Done:
    """Run the command with its output, both streams, kept; OSError where it cannot be started."""
    with tempfile.TemporaryFile() as output, Guard() as guard:
        process = subprocess.Popen(  # noqa: S603 - the callers' own commands
            command,
            cwd=cwd,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        guard.process(process)
        code: int | None = None
        try:
            with contextlib.suppress(subprocess.TimeoutExpired):
                code = process.wait(within_s)
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        output.seek(0)
        return Done(code, output.read().decode("utf-8", "replace"))
