"""How fast the ways back are, side by side, and how long it takes to look at what came back.

    python -m benchmarks.restore                     print the tables of docs/drills.md, of 1 and 4 GB
    python -m benchmarks.restore --write             put them into docs/drills.md
    python -m benchmarks.restore --scale 7           of 0.1 GB (pgbench's scale): sooner, and coarser

Each way is timed from nothing to the first answered query, ours with every proof of their inputs, all in turns. What
is read is in the page cache beforehand. Seconds are of this machine; what counts is the ratios. Needs Linux's /proc,
and room for ten times the largest size where temporary files go; pgBackRest is measured where it and a server that it
knows are installed.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.document import put
from benchmarks.restore import pgbackrest
from benchmarks.restore.aims import Measured
from benchmarks.restore.looks import looked
from benchmarks.restore.rounds import in_turns
from benchmarks.restore.table import NAME, tables
from benchmarks.restore.ways import ways
from benchmarks.restore.world import world

DOCUMENT = Path(__file__).parents[2] / "docs" / "drills.md"


def main(arguments: Sequence[str]) -> int:
    """Measure every size, and print or write."""
    shape = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(prog="python -m benchmarks.restore", description=__doc__, formatter_class=shape)
    parser.add_argument("--scale", type=int, nargs="+", default=[68, 272], metavar="N", help="68 is about 1 GB")
    parser.add_argument("--rounds", type=int, nargs="+", default=[3], metavar="N", help="of all sizes, or of each")
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args(arguments)
    scales = sorted(options.scale)
    rounds = options.rounds * len(scales) if len(options.rounds) == 1 else options.rounds
    if len(rounds) != len(scales):
        parser.error(f"--rounds: {len(rounds)} numbers for {len(scales)} sizes: give one, or one for each size")
    text = report([measured(*each) for each in zip(scales, rounds, strict=True)], rounds)
    if options.write:
        DOCUMENT.write_text(put(DOCUMENT.read_text(encoding="utf-8"), NAME, text), encoding="utf-8")
    else:
        sys.stdout.write(text)
    return 0


def report(sizes: Sequence[Measured], rounds: Sequence[int]) -> str:
    """Say when and on what, and write the tables."""
    today = datetime.now(UTC).date()
    turns = " and ".join(map(str, dict.fromkeys(rounds)))
    how = f"Measured on {today}, {os.cpu_count()} cores, rounds in turns: {turns}; median (least and most)."
    return f"{how}\n\n{tables(sizes)}"


def measured(scale: int, rounds: int) -> Measured:
    """Measure one size; nothing is left of it."""
    with tempfile.TemporaryDirectory(prefix="release-verification-benchmark-") as name:
        root = Path(name)
        root.chmod(0o755)
        made = world(root, scale)
        tasks = {**ways(made), **pgbackrest.ways(root / "pgbackrest", scale)}
        back = in_turns(tasks, root, rounds)
        return Measured(made.size, back, looked(made, root, rounds), pgbackrest.absent())


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
