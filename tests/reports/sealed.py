"""A small run that was judged and signed, in a tree of two checks, for tests that tamper with it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from checks.stage import Result, Stage
from evidence import chart
from evidence import release as releases
from evidence import run as runs
from evidence.model import Outcome
from reports import __main__ as gate
from reports import sign
from reports.attestation import again, keys, sums
from tests.evidence.test_chart import LINES

CHECK = '@check("{check}")\ndef check_it():\n    """{claim}"""\n'
POLICY = """schema = 1
max_age = "24 h"
[rules.PAGE-001]
[rules.LOAD-001]
max = { p95_ms = 100 }
"""
RELEASE = 'name = "a shop"\nversion = "2.14.0"\n[source]\npaths = ["app.py"]\n'


class World(NamedTuple):
    """A tree, a release in it, a run of that release, and the keys."""

    tree: Path
    run: Path
    key: Path

    @property
    def public(self) -> Path:
        """The key that verifies."""
        return Path(f"{self.key}.pub")

    def judge(self, *options: str) -> int:
        """Judge the run."""
        release = str(self.tree / "release.toml")
        return gate.main(["--run", str(self.run), "--release", release, "--policy", str(self.policy), *options])

    def sign(self, *options: str) -> int:
        """Sign what was judged."""
        return sign.main(["--run", str(self.run), "--key", str(self.key), "--policy", str(self.policy), *options])

    @property
    def policy(self) -> Path:
        """The policy of the tree."""
        return self.tree / "policy.toml"

    def files(self) -> list[str]:
        """Name every file of the run."""
        return sorted(path.relative_to(self.run).as_posix() for path in self.run.rglob("*") if path.is_file())

    def edit(self, name: str, change: Callable[[Any], object]) -> None:
        """Change a file of JSON, or each line of one, leaving it valid."""
        path = self.run / name
        whole = path.suffix == ".json"
        parts = [json.loads(part) for part in ([path.read_text()] if whole else path.read_text().splitlines())]
        for part in parts:
            change(part)
        path.write_text("".join(f"{json.dumps(part, indent=2 if whole else None)}\n" for part in parts))

    def reseal(self) -> None:
        """Write SHA256SUMS anew, as somebody would who has no key."""
        (self.run / sums.NAME).write_bytes(sums.write(sums.digests(self.run)))

    def copy(self, place: Path) -> World:
        """Copy the run; tree and keys are shared."""
        return self._replace(run=Path(shutil.copytree(self.run, place / self.run.name)))


def build(root: Path, *, p95_ms: float = 71.5, name: str = "r1") -> World:
    """Make the tree, run its checks, judge and sign: PROMOTE, or BLOCK where p95_ms is above 100."""
    world = World(tree=root, run=root / "runs" / name, key=root / "release.key")
    for place, check, claim in (
        ("suites/smoke/check_page.py", "PAGE-001", "The page loads."),
        ("load/checks.py", "LOAD-001", "The p95 stays within its limit."),
    ):
        (root / place).parent.mkdir(parents=True)
        (root / place).write_text(CHECK.format(check=check, claim=claim))
    world.policy.write_text(POLICY)
    (root / "app.py").write_text("print('hello')\n")
    (root / "release.toml").write_text(RELEASE)
    run_checks(world, p95_ms)
    keys.generate(world.key)
    with pytest.MonkeyPatch.context() as patch:
        at(root, patch)
        world.judge()
        assert 0 == world.sign()
    return world


def at(tree: Path, patch: pytest.MonkeyPatch) -> None:
    """Let gate, sign and verify work in this tree."""
    patch.setattr(gate, "TREE", tree)
    patch.setattr(again, "TREE", tree)


def run_checks(world: World, p95_ms: float) -> None:
    """Leave evidence of both checks."""
    _leave(world, "smoke", "PAGE-001", {})
    _leave(world, "load", "LOAD-001", {"p95_ms": p95_ms, "samples_total": 900.0})


def _leave(world: World, stage: str, check: str, measured: dict[str, float]) -> None:
    release = releases.load(world.tree / "release.toml")
    open_stage = Stage(stage, runs.start(world.run, release), release)
    open_stage.plan([check])
    drawn = [open_stage.attach(f"time{chart.SUFFIX}", chart.encode(LINES))] if measured else []
    open_stage.add(
        Result(
            check=check,
            claim="It holds.",
            outcome=Outcome.PASSED,
            started=runs.now(),
            seconds=0.1,
            measured=measured,
            attachments=(open_stage.attach("target.log", "started\nstopped\n"), *drawn),
        )
    )
    open_stage.finish(0)
