"""Measure several things in turns, so that what else the machine does is everybody's; and what memory each takes."""

from __future__ import annotations

import contextlib
import mmap
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import psutil

from benchmarks.restore.watch import Memory, Watch


class Task(NamedTuple):
    """`run` is given a folder that is not there yet, and says when it had its answer; `inputs` are what it reads."""

    run: Callable[[Path], float]
    inputs: tuple[Path, ...] = ()


class Taken(NamedTuple):
    """What a task took: the seconds of each round, and the memory of one more."""

    seconds: tuple[float, ...]
    memory: Memory


def in_turns(tasks: Mapping[str, Task], root: Path, rounds: int) -> dict[str, Taken]:
    """Run every task once for its memory, untimed, which also warms the programs; then time them, round by round."""
    memory: dict[str, Memory] = {}
    for title, task in tasks.items():
        with _ready(task, root) as folder, Watch() as watch:
            task.run(folder)
        memory[title] = watch.seen()
        told(f"memory: {title}: {memory[title].ours / 1e6:.0f} MB")
    seconds: dict[str, list[float]] = {title: [] for title in tasks}
    order = list(tasks)
    for number in range(rounds):
        for title in order:
            with _ready(tasks[title], root) as folder:
                began = time.monotonic()
                seconds[title].append(tasks[title].run(folder) - began)
            told(f"round {number + 1} of {rounds}: {title}: {seconds[title][-1]:.2f} s")
        order = [*order[1:], order[0]]  # nobody always comes after the same
    return {title: Taken(tuple(seconds[title]), memory[title]) for title in tasks}


@contextlib.contextmanager
def _ready(task: Task, root: Path) -> Iterator[Path]:
    """Have the inputs in the page cache, and nothing of anybody else's on its way to the disk; clean up afterwards."""
    folder = root / "copy"
    files = [file for path in task.inputs for file in (path.rglob("*") if path.is_dir() else [path]) if file.is_file()]
    subprocess.run(["cat", "/dev/null", *map(str, files)], stdout=subprocess.DEVNULL, check=True)
    os.sync()
    held(2 * sum(file.stat().st_size for file in files))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def held(size: int) -> None:
    """Have so many bytes of memory in use for a moment, at most half of what there is.

    A virtual machine gives what lies idle back to its host, and then waits for it: copying 1 GB took 0.5 to 2 s.
    """
    size = min(size, psutil.virtual_memory().available // 2) // mmap.PAGESIZE * mmap.PAGESIZE
    if size:
        with mmap.mmap(-1, size) as memory:
            memory[:: mmap.PAGESIZE] = bytes(size // mmap.PAGESIZE)


def told(line: str) -> None:
    """Say how far it is."""
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()
