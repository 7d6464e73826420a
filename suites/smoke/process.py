"""Run a command to its end or its time limit; nothing that it started is left behind."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import tempfile
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from fixtures.guard import Guard

Answer = TypeVar("Answer")


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


def beside(do: Callable[[], Answer]) -> Future[Answer]:
    """Do it in a thread. Nobody waits for one that goes away with us: a guard ends what it has started by `run`."""
    future: Future[Answer] = Future()

    def work() -> None:
        try:
            future.set_result(do())
        except BaseException as error:  # noqa: BLE001 - whatever it is, it belongs to who asks for the answer
            future.set_exception(error)

    threading.Thread(target=work, daemon=True).start()
    return future
