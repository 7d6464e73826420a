"""Write history.html: what the last runs came to, what they measured, and how their drills went.

Reads history.jsonl in the folder of the runs, and the newest run's gate.json for the limits.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from evidence.errors import InputError
from evidence.run import write_atomically
from reports import history
from reports.explain import read_gate
from reports.history import History, Line
from reports.model import Gate
from reports.publish import shown
from reports.render import html, past

MOST = 50
HELP = """
examples:
  python -m reports history                          the runs below reports/runs
  python -m reports history reports/runs --last 12   a year of monthly drills
"""


def main(arguments: Sequence[str]) -> int:
    """Write the page and print its path; InputError where there is no history."""
    parser = argparse.ArgumentParser(
        prog="python -m reports history",
        description=__doc__,
        epilog=HELP,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("folder", type=Path, nargs="?", default=Path("reports/runs"), help="default: reports/runs")
    parser.add_argument(
        "--last", type=_count, default=MOST, metavar="N", help=f"how many runs, at most; default: {MOST}"
    )
    options = parser.parse_args(arguments)
    path = options.folder / "history.html"
    try:
        write_atomically(path, render(options.folder, options.last).encode("utf-8", "replace"))
    except OSError as error:
        msg = f"{path}: cannot be written ({error.strerror})"
        raise InputError(msg) from None
    sys.stdout.write(f"{shown(path)}\n")
    return 0


def render(folder: Path, last: int) -> str:
    """Read the history of the release that was judged last, and lay it out."""
    found = history.read(folder / history.NAME)
    if not found.lines:
        why = "; ".join(found.notes) or "there is none, or it has no line"
        msg = f"{folder / history.NAME}: {why}; the gate adds a line for every judgement of a run in this folder"
        raise InputError(msg)
    newest = max(found.lines, key=lambda line: line.judged_at)
    runs = [line.past for line in _of(found, newest)[-last:]]
    gate = _gate(folder / newest.run)
    limits = past.limits_of(gate) if gate else dict.fromkeys(newest.judgements, ())
    return html.history(newest.release.name, past.layout(runs, limits), found.notes, gate)


def _of(found: History, newest: Line) -> list[Line]:
    """Return the lines of one release's name, in the order in which they were judged."""
    own = [line for line in found.lines if line.release.name == newest.release.name]
    return sorted(own, key=lambda line: line.judged_at)


def _gate(run: Path) -> Gate | None:
    try:
        return read_gate(run)
    except InputError:
        return None


def _count(text: str) -> int:
    if not text.isdecimal() or not int(text):
        msg = f"{text!r} is not a whole number above 0"
        raise argparse.ArgumentTypeError(msg)
    return int(text)
