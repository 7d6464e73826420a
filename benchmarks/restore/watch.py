"""The most memory that we, and each program that we start, take at once; as Linux's /proc tells."""

from __future__ import annotations

import contextlib
import os
import re
import threading
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self

import psutil

EVERY_S = 0.02
"""The kernel keeps each process's peak: only what came within its last moment can be missed."""
PEAK = re.compile(r"^VmHWM:\s+(\d+) kB", re.MULTILINE)


class Memory(NamedTuple):
    """Peaks in bytes: our own process, and the largest of the programs that it started, with its name."""

    ours: int
    largest: int = 0
    program: str = ""


class Watch:
    """`with Watch() as watch: …`, then `watch.seen()`."""

    def __enter__(self) -> Self:
        """Forget our own peak, and begin to look at our children."""
        Path("/proc/self/clear_refs").write_text("5")
        self._programs: dict[str, int] = {}
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Look no longer."""
        self._ours = peak(os.getpid())
        self._over.set()
        self._thread.join()

    def seen(self) -> Memory:
        """Say what was seen."""
        program, largest = max(self._programs.items(), key=lambda item: item[1], default=("", 0))
        return Memory(self._ours, largest, program)

    def _look(self) -> None:
        us = psutil.Process()
        ours = us.cmdline()
        while not self._over.wait(EVERY_S):
            for child in us.children(recursive=True):
                with contextlib.suppress(psutil.Error, OSError):
                    # Between fork and exec a child has our memory and our command.
                    if child.cmdline() != ours:
                        name = child.name()
                        self._programs[name] = max(self._programs.get(name, 0), peak(child.pid))


def peak(process: int) -> int:
    """Ask the kernel for the peak of one process, in bytes."""
    found = PEAK.search(Path(f"/proc/{process}/status").read_text())
    return int(found[1]) * 1024 if found else 0
