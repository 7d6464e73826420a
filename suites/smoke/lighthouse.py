"""Ask Lighthouse, where it is, for its performance score: several runs, since scores of one build vary by points."""

from __future__ import annotations

import os
import shutil
import statistics
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from evidence.errors import CannotTell
from suites.smoke.contract import Lighthouse
from suites.smoke.process import run

RUN_WITHIN_S = 120.0
FLAGS = ("--quiet", "--output=json", "--only-categories=performance", "--disable-full-page-screenshot")
PRESETS = {"desktop": "--preset=desktop", "mobile": "--form-factor=mobile"}
MEND = "install it beside Node (`npm install lighthouse`), in the release's folder or on the PATH"


class Category(msgspec.Struct, frozen=True):
    """A score from 0 to 1; None where Lighthouse could not tell."""

    score: float | None = None


class Problem(msgspec.Struct, frozen=True):
    """Why Lighthouse could not tell."""

    message: str = ""


class Report(msgspec.Struct, frozen=True, rename="camel"):
    """What is read of a report."""

    lighthouse_version: str
    categories: dict[str, Category] = {}
    runtime_error: Problem | None = None


@dataclass(frozen=True)
class Run:
    """One run's score from 0 to 100, and its report as Lighthouse wrote it."""

    score: int
    version: str
    report: str


@dataclass(frozen=True)
class Asker:
    """Knows where Lighthouse is and which browser it is to use; `scratch` is an empty folder."""

    command: str
    launch: Mapping[str, Any]
    scratch: Path

    def ask(self, url: str, wanted: Lighthouse) -> list[Run]:
        """Run it on an address as often as is wanted."""
        return [self._once(url, wanted.preset) for _ in range(wanted.runs)]

    def _once(self, url: str, preset: str) -> Run:
        path = self.scratch / "report.json"
        path.unlink(missing_ok=True)
        browser = f"--chrome-flags={' '.join(('--headless=new', *self.launch['args']))}"
        command = (self.command, url, *FLAGS, PRESETS[preset], f"--output-path={path}", browser)
        # Else it asks, or tells, the world about itself.
        environment = {**os.environ, "CI": "1", "CHROME_PATH": str(self.launch.get("executable_path", ""))}
        done = run((*command, "--no-enable-error-reporting"), RUN_WITHIN_S, environment=environment)
        if done.code is None:
            msg = f"Lighthouse was not over with {url} after {RUN_WITHIN_S:g} s"
            raise CannotTell(msg)
        if not path.exists():
            msg = f"Lighthouse left no report of {url}: {done.output.strip()[-1000:]}"
            raise CannotTell(msg)
        return read(path.read_text(encoding="utf-8"))


def find(root: Path, which: Callable[[str], str | None] = shutil.which) -> str:
    """Find Lighthouse, the release's own first; CannotTell where it, or the Node that it needs, is not there."""
    own = root / "node_modules" / ".bin" / "lighthouse"
    found = str(own) if own.is_file() else which("lighthouse")
    if not found or not which("node"):
        msg = f"there is no {'Node' if found else 'Lighthouse'} on this machine: {MEND}"
        raise CannotTell(msg)
    return found


def read(report: str) -> Run:
    """Read a report; CannotTell where it has no score: a page that Lighthouse could not load is not a slow page."""
    told = msgspec.json.decode(report, type=Report)
    score = told.categories.get("performance", Category()).score
    if score is None or told.runtime_error:
        msg = (
            f"Lighthouse gives no score: {told.runtime_error.message if told.runtime_error else 'it does not say why'}"
        )
        raise CannotTell(msg)
    return Run(round(score * 100), told.lighthouse_version, report)


def middle(runs: list[Run]) -> Run:
    """Find the run whose score is the median, of two the lower one: what is attached is what is judged."""
    return next(one for one in runs if one.score == statistics.median_low(run.score for run in runs))


def spread(runs: list[Run]) -> int:
    """Tell how many points the runs are apart."""
    return max(one.score for one in runs) - min(one.score for one in runs)
