"""`python -m load` in a process of its own, as the stage runs it: Locust never enters the tests' process."""

from __future__ import annotations

import csv
import gzip
import io
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from evidence import run as runs
from evidence.model import Evidence, Outcome

TREE = Path(__file__).parents[2]
UNSEEN = {"LOAD-006", "LOAD-007", "LOAD-008", "LOAD-011"}
"""What nobody can see of an address alone: no process, no release before it, no number of instances; and what it does
not declare."""


@dataclass
class Ran:
    """What a run left."""

    code: int
    output: str
    run: Path

    @property
    def evidence(self) -> dict[str, Evidence]:
        """The evidence, by check."""
        return {one.check: one for one in runs.read_stage(self.run / "evidence" / "load.jsonl").evidence}

    @property
    def outcomes(self) -> set[Outcome]:
        """What became of the checks that had something to look at."""
        return {one.outcome for check, one in self.evidence.items() if check not in UNSEEN}

    @property
    def summary(self) -> dict[str, Any]:
        """`load.json`."""
        found: dict[str, Any] = json.loads((self.run / "attachments" / "load" / "load.json").read_bytes())
        return found

    @property
    def unfit(self) -> str:
        """Why the generator could not tell, where this machine was too busy for it."""
        return str(self.summary["generator"]["unfit"])

    @property
    def rows(self) -> list[dict[str, str]]:
        """Every request."""
        packed = (self.run / "attachments" / "load" / "requests.csv.gz").read_bytes()
        return list(csv.DictReader(io.StringIO(gzip.decompress(packed).decode())))


class Command:
    """`python -m load` on a release with the given `[load]`."""

    def __init__(self, release_file: Path, run: Path) -> None:
        """Nothing runs yet; `within` is what each process is started by."""
        self.run = run
        self.within: tuple[str, ...] = ()
        self.release_file = release_file

    def start(self, url: str, load: str, *options: str, **variables: str) -> subprocess.Popen[str]:
        """Start it."""
        self.release_file.write_text(f"{self.release_file.read_text()}\n[load]\n{load}")
        return self.process(url, *options, **variables)

    def process(self, url: str, *options: str, **variables: str) -> subprocess.Popen[str]:
        """Start another process of it, such as a worker."""
        environment = {
            **os.environ,
            "RELEASE_FILE": str(self.release_file),
            "RELEASE_RUN": str(self.run),
            "RELEASE_STAGE": "load",
            "TARGET_URL": url,
            **variables,
        }
        return subprocess.Popen(
            [*self.within, sys.executable, "-m", "load", *options],
            cwd=TREE,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def __call__(self, url: str, load: str, *options: str, **variables: str) -> Ran:
        """Run it to its end."""
        return self.ended(self.start(url, load, *options, **variables))

    def ended(self, process: subprocess.Popen[str]) -> Ran:
        """Wait for its end."""
        try:
            output, _ = process.communicate(timeout=60)
        finally:
            process.kill()
        return Ran(process.returncode, output, self.run)


@pytest.fixture
def command(release_file: Path, tmp_path: Path) -> Command:
    """The command, on a fresh release and run."""
    return Command(release_file, tmp_path / "runs" / "r1")
