"""Time to verdict of the reference release, and how much of it is our own.

    python -m benchmarks.verdict              warm: once in sequence, once with --parallel 2
    python -m benchmarks.verdict --cold       first of all in a fresh clone, with empty caches of uv and bytecode

`checks` is what the checks themselves took, `target` what bringing the release up took; `own` is the rest of the wall
clock: Nox, installing, starting runners, evidence, gate. In parallel the parts overlap: `own` is told in sequence only.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from evidence import run as runs
from evidence.model import StageEvidence

TREE = Path(__file__).parents[1]
UP = re.compile(r"^target: up in ([0-9.]+) s", re.MULTILINE)
ENVIRONMENT = {name: value for name, value in os.environ.items() if not name.startswith(("RELEASE_", "NOX_"))}


def main(arguments: Sequence[str]) -> int:
    """Measure and print one row each."""
    shape = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(prog="python -m benchmarks.verdict", description=__doc__, formatter_class=shape)
    parser.add_argument("--cold", action="store_true", help="measure a fresh clone with empty caches, too")
    options = parser.parse_args(arguments)
    say(f"{'':22}{'exit':>5}{'wall s':>9}{'checks s':>10}{'target s':>10}{'own s':>8}{'own / rest':>12}")
    with tempfile.TemporaryDirectory(prefix="benchmark ") as scratch:
        if options.cold:
            clone = Path(scratch, "clone")
            subprocess.run(["git", "clone", "-q", str(TREE), str(clone)], check=True)
            empty = {"UV_CACHE_DIR": f"{scratch}/uv", "XDG_CACHE_HOME": f"{scratch}/cache"}
            row("cold", clone, Path(scratch, "cold"), (), empty)
        row("warm", TREE, Path(scratch, "warm"), ())
        row("warm, --parallel 2", TREE, Path(scratch, "parallel"), ("--parallel", "2"))
    return 0


def row(name: str, tree: Path, run: Path, options: Sequence[str], more: Mapping[str, str] | None = None) -> None:
    """Verify the reference release once, and print where the time went."""
    command = [
        sys.executable,
        "-m",
        "nox",
        "--no-color",
        "-f",
        str(tree / "noxfile.py"),
        *options,
        "--",
        "--run",
        str(run),
    ]
    started = time.monotonic()
    done = subprocess.run(command, env={**ENVIRONMENT, **(more or {})}, capture_output=True, text=True, check=False)
    wall = time.monotonic() - started
    checks = sum(map(at_work, runs.load(run).read()))
    target = sum(map(float, UP.findall(done.stdout + done.stderr)))
    own = wall - checks - target
    told = f"{own:8.1f}{own / (checks + target):12.0%}" if not options else f"{'':8}{'':12}"
    say(f"{name:22}{done.returncode:5}{wall:9.1f}{checks:10.1f}{target:10.1f}{told}")


def at_work(stage: StageEvidence) -> float:
    """Seconds that a stage's checks took; several that rest on one measurement count it once."""
    lasted = (stage.record.finished - stage.record.started).total_seconds()
    return min(lasted, sum(evidence.seconds for evidence in stage.evidence))


def say(line: str) -> None:
    """Print at once."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
