"""Prove that each bad release is blocked by exactly the checks that it names, and that the good one passes.

    nox -s matrix                                  every bad release, the stages that its checks belong to
    nox -s matrix -- csrf_token_is_not_compared    only this one
    nox -s matrix -- --stage drill                 only those that a check of this stage catches
    nox -s matrix -- --jobs 2                      two at a time; what load or drills catch is timed, and runs alone
    nox -s matrix -- --all-stages                  every stage for each: slow, and the whole truth

Prints one line each and a summary; exit code 1 where one is not caught, or is caught by other checks.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from checks.catalogue import STAGES
from checks.catalogue import read as checks_of
from fixtures.bad_releases import TREE, BadRelease, catalogue, plant

PLANTED = TREE / ".nox" / "bad releases"
"""Where the copies and their runs stay, to be looked at. The blank is on purpose: paths have blanks."""
NOX = (sys.executable, "-m", "nox", "-f", str(TREE / "noxfile.py"))
TIMED = {"load", "drill"}
ADVISORIES = TREE / "fixtures" / "advisories" / "known.jsonl"


@dataclass(frozen=True, kw_only=True)
class Seen:
    """What the gate said of one release; `optional` is what could not be verified here and need not be."""

    verdict: str
    failed: frozenset[str]
    unverified: frozenset[str]
    optional: frozenset[str]


def main(arguments: Sequence[str]) -> int:
    """Run the matrix."""
    bad_releases = catalogue()
    shape = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(prog="nox -s matrix --", description=__doc__, formatter_class=shape)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(bad_releases))
    parser.add_argument("--stage", choices=STAGES, help="only those that a check of this stage catches")
    parser.add_argument("--all-stages", action="store_true", help="run every stage for each, not only its checks' own")
    parser.add_argument("--jobs", type=int, default=1, choices=range(1, 17), metavar="N", help="so many at a time (1)")
    options = parser.parse_args(arguments)
    if unknown := set(options.names) - set(bad_releases):
        parser.error(f"no bad release is named {', '.join(sorted(unknown))}")
    stage_of = {identifier: check.stage for identifier, check in checks_of(TREE).items()}
    chosen = [
        name
        for name in options.names or bad_releases
        if not options.stage or options.stage in {stage_of[check] for check in bad_releases[name][0].caught_by}
    ]
    names_of = {name: {stage_of[check] for check in bad_releases[name][0].caught_by} for name in chosen}
    stages = {name: tuple(each for each in STAGES if options.all_stages or each in names_of[name]) for name in chosen}

    def look(name: str) -> tuple[str, bool]:
        return name, caught(name, bad_releases[name], stages[name], stage_of)

    install(sorted(set().union(*stages.values())))
    alone = [name for name in chosen if not TIMED.isdisjoint(stages[name])]
    with ThreadPoolExecutor(options.jobs) as pool:
        right = dict(pool.map(look, [name for name in chosen if name not in alone]))
    right |= dict(map(look, alone))
    missed = [name for name in chosen if not right[name]]
    say(f"{len(chosen) - len(missed)} of {len(chosen)} bad releases caught by exactly the checks they name")
    return 1 if missed or not chosen else 0


def install(stages: Sequence[str]) -> None:
    """Make the environments once: two runs at a time must not make the same one."""
    subprocess.run([*NOX, "--install-only", "-s", *stages, "gate"], env=others(), capture_output=True, check=False)


def caught(name: str, entry: tuple[BadRelease, str], chosen: Sequence[str], stage_of: dict[str, str]) -> bool:
    """Verify one bad release by the front door, and say how it went."""
    bad, defect = entry
    started = time.monotonic()
    folder = PLANTED / name
    shutil.rmtree(folder, ignore_errors=True)
    seen = verify(plant(bad, folder / "tree"), folder / "run", chosen)
    unverified = {check for check in seen.unverified if stage_of[check] in chosen}
    expected = bad.caught_by - seen.optional
    right = seen.verdict == "BLOCK" and seen.failed == expected and unverified <= bad.unverified
    mark = "caught" if right else "MISSED"
    failed = ", ".join(sorted(seen.failed)) or "-"
    say(f"{mark}  {name:34} {seen.verdict:8} {failed:40} {time.monotonic() - started:5.1f} s")
    if not right:
        say(f"        {defect}")
        say(f"        expected: {', '.join(sorted(expected))}")
        say(f"        not verified: {', '.join(sorted(unverified)) or '-'}")
    return right


def verify(release: Path, run: Path, stages: Sequence[str]) -> Seen:
    """Run the stages and the gate on a release; the gate's own words, not Nox's exit code, are what counts."""
    command = [*NOX, "-R", "-s", *stages, "gate"]
    output = run.with_name("output.txt")
    with output.open("wb") as log:
        paths = ("--release", str(release), "--run", str(run), "--advisories", str(ADVISORIES))
        subprocess.run([*command, "--", *paths], env=others(), stdout=log, stderr=log, check=False)
    if not (run / "gate.json").exists():
        say(output.read_text(errors="replace")[-4000:])
        return Seen(verdict="NONE", failed=frozenset(), unverified=frozenset(), optional=frozenset())
    gate = json.loads((run / "gate.json").read_text())
    by_judgement: dict[str, set[str]] = {}
    for rule in gate["rules"]:
        by_judgement.setdefault(rule["judgement"], set()).add(rule["check"])
    return Seen(
        verdict=gate["verdict"],
        failed=frozenset(by_judgement.get("FAIL", ())),
        unverified=frozenset(by_judgement.get("UNVERIFIED", ())) - set(gate["unverified_optional"]),
        optional=frozenset(gate["unverified_optional"]),
    )


def others() -> dict[str, str]:
    """Give the environment without what this session says of itself: that is not for the runs that it starts."""
    return {name: value for name, value in os.environ.items() if not name.startswith(("RELEASE_", "NOX_"))}


def say(line: str) -> None:
    """Print at once: the matrix is long."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
