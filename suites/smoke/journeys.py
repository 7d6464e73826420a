"""Run the release's own folders of pytest-playwright tests, each by its own pytest, and say what became of them."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from evidence.errors import InputError
from evidence.model import Outcome
from evidence.release import Release
from evidence.variables import variable
from suites.smoke.launch import VARIABLE, Task
from suites.smoke.process import Done, run
from suites.smoke.redaction import redacted_trace
from suites.smoke.seen import Seen
from suites.touched import TOUCHED

TREE = Path(__file__).parents[2]
FOLDER_WITHIN_S = 900.0
NAME_LIMIT = 100
OURS = "log"
# The outer stage's: an inner pytest must neither write its evidence nor take its options.
NOT_PASSED_ON = ("RELEASE_STAGE", "RELEASE_RUN", "PYTEST_ADDOPTS", "PYTEST_PLUGINS", "PYTEST_BASE_URL")


@dataclass(frozen=True, kw_only=True)
class Ran:
    """One folder's run, with its one retry. `kept` holds a folder an attempt: traces, logs and pictures of failures."""

    folder: str
    done: Done
    seconds: float
    seen: Seen
    kept: Path

    @property
    def failed(self) -> list[str]:
        """The journeys that the release broke."""
        return self._that(Outcome.FAILED)

    @property
    def flaky(self) -> list[str]:
        """The journeys that passed only when tried again."""
        return self._that(Outcome.FLAKY)

    @property
    def skipped(self) -> list[str]:
        """The journeys that did not run."""
        return self._that(Outcome.SKIPPED)

    @property
    def unseen(self) -> str:
        """Say why the folder's run does not tell whether all of it works; empty where it does."""
        if errored := self._that(Outcome.ERRORED):
            return "\n".join(errored)
        if self.done.code is None:
            return f"{self.folder}: not over after {FOLDER_WITHIN_S:g} s"
        if self.done.code != 0 and not self.failed and not self.flaky:
            return f"{self.folder}: pytest ended with exit code {self.done.code}: {self.done.output.strip()[-2000:]}"
        if not self.seen.journeys:
            return f"{self.folder}: has no journey that pytest can find"
        if not self.seen.pages:
            return f"{self.folder}: no journey opened a page by pytest-playwright's fixtures"
        return ""

    def artifacts(self) -> Iterator[tuple[str, bytes]]:
        """Yield what was kept, without secrets; videos and pictures of the folder's own are left out."""
        for path in sorted(path for path in self.kept.rglob("*") if path.is_file()):
            attempt, *inner = path.relative_to(self.kept).parts
            name = ("retry-" if attempt == "2" else "") + "-".join(inner[1:])[-NAME_LIMIT:]
            if path.suffix == ".zip":
                yield name, redacted_trace(path.read_bytes())
            elif inner[0] == OURS:
                yield name, path.read_bytes()

    def _that(self, outcome: Outcome) -> list[str]:
        return [str(journey) for journey in self.seen.journeys if journey.outcome is outcome]


def _environment() -> dict[str, str]:
    environment = {name: value for name, value in os.environ.items() if name not in NOT_PASSED_ON}
    environment["PYTHONPATH"] = os.pathsep.join(filter(None, [str(TREE), environment.get("PYTHONPATH")]))
    if "PYTHONPYCACHEPREFIX" not in environment:  # the team's folder is left as it was found
        environment["PYTHONDONTWRITEBYTECODE"] = "1"
    return environment


@dataclass(frozen=True, kw_only=True)
class Folder:
    """A folder of journeys, and all that its run needs: the environment as it is now, so that a thread may run it."""

    name: str
    release: Release
    launch: dict[str, Any]
    scratch: Path
    environment: dict[str, str] = field(default_factory=_environment)

    def run(self) -> Ran:
        """Run it, and what failed in it once more; InputError where there is none of that name."""
        if not (self.release.root / self.name).exists():
            msg = f"{self.release.path}: [smoke] journeys: {self.name!r} does not exist"
            raise InputError(msg)
        started = time.monotonic()
        done, seen = self._attempt(1)
        if done.code == 1 and not any(journey.retried for journey in seen.journeys):
            again, seen_again = self._attempt(2)
            done = Done(done.code, f"{done.output}\nonce more:\n{again.output}")
            seen = with_retry(seen, seen_again)
        seconds = time.monotonic() - started
        return Ran(folder=self.name, done=done, seconds=seconds, seen=seen, kept=self.scratch / "kept")

    def _attempt(self, number: int) -> tuple[Done, Seen]:
        seen, kept = self.scratch / "seen" / str(number), self.scratch / "kept" / str(number)
        seen.mkdir(parents=True)
        (kept / OURS).mkdir(parents=True)
        target = variable("TARGET_URL", self.environment)
        task = Task(launch=self.launch, target=target, folder=str(seen), kept=str(kept / OURS))
        options = {
            "--base-url": task.target,
            "--tracing": "retain-on-failure",
            "--screenshot": "off",  # ours cover what is secret
            "--output": kept / "traces",
            "--override-ini": f"cache_dir={self.scratch / 'cache'}",  # the team's folder is left as it was found
        }
        command = [sys.executable, "-m", "pytest", "-p", "suites.smoke.launch", self.name]
        command += [f"{name}={value}" for name, value in options.items()]
        command += ["--last-failed", "--last-failed-no-failures=none"] if number > 1 else []
        environment = {**self.environment, VARIABLE: msgspec.json.encode(task).decode()}
        done = run(command, FOLDER_WITHIN_S, cwd=self.release.root, environment=environment)
        read = _read(seen)
        TOUCHED.take(read.touched)
        return done, read


def with_retry(first: Seen, again: Seen) -> Seen:
    """Call what failed, and passed when tried again, flaky; all else stays what it was, and problems come together."""
    passed = {journey.test for journey in again.journeys if journey.outcome is Outcome.PASSED}
    return Seen(
        journeys=tuple(
            msgspec.structs.replace(journey, outcome=Outcome.FLAKY)
            if journey.test in passed and journey.outcome in (Outcome.FAILED, Outcome.ERRORED)
            else journey
            for journey in first.journeys
        ),
        problems=tuple(dict.fromkeys((*first.problems, *again.problems))),
        pages=first.pages + again.pages,
    )


def _read(folder: Path) -> Seen:
    """Unite what each process of the run wrote: one, unless the folder's own options split it."""
    parts = [msgspec.json.decode(path.read_bytes(), type=Seen) for path in sorted(folder.glob("*.json"))]
    return Seen(
        journeys=tuple(dict.fromkeys(journey for part in parts for journey in part.journeys)),
        problems=tuple(problem for part in parts for problem in part.problems),
        pages=sum(part.pages for part in parts),
        touched=tuple(row for part in parts for row in part.touched),
    )
