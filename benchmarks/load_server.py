"""The calibration server of `tests/load/server.py`, in a process of its own."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

TREE = Path(__file__).parents[1]


@contextmanager
def server() -> Iterator[str]:
    """A calibration server in a process of its own."""
    command = [sys.executable, "-m", "tests.load.server"]
    with subprocess.Popen(command, cwd=TREE, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip()
        finally:
            process.kill()
