"""What is measured of the ways back is what happened: a small database, each way for real."""

from __future__ import annotations

import mmap
import subprocess
import time
from functools import partial
from pathlib import Path

import pytest

from benchmarks.document import line, marks
from benchmarks.restore import __main__ as command
from benchmarks.restore import pgbackrest, table, ways
from benchmarks.restore.aims import AIMS
from benchmarks.restore.rounds import Task, in_turns
from benchmarks.restore.watch import Watch

MUCH = 64 * 2**20


@pytest.mark.timeout(300)
def test_the_table_is_made_from_what_was_measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every way brings a database back, every look finds it whole, and the document has their figures."""
    seen = command.measured(1, 1)
    document = tmp_path / "drills.md"
    document.write_text("".join(marks(table.NAME)) + "\n")
    monkeypatch.setattr(command, "DOCUMENT", document)
    monkeypatch.setattr(command, "measured", lambda *_: seen)

    assert 0 == command.main(["--write", "--scale", "1", "--rounds", "1"])
    lines = document.read_text().splitlines()

    here = [title for title in table.WAYS if not seen.absent or title not in (pgbackrest.LIMIT, pgbackrest.TITLE)]
    assert here == list(seen.back)
    for title in here:
        (seconds,) = seen.back[title].seconds
        row = line(title, table.seconds(seen.back[title])).removesuffix(" |")
        assert seconds > 0
        assert any(one.startswith(row) for one in lines), row
    assert len(AIMS) == sum("| met |" in one or "| **missed** |" in one for one in lines)
    assert seen.back[ways.SCRIPT].memory.program == "postgres"


def test_tasks_take_turns(tmp_path: Path) -> None:
    """Every task once for its memory, then round by round, each round beginning with another; nothing is left."""
    ran: list[str] = []

    def run(name: str, folder: Path) -> float:
        ran.append(name)
        folder.mkdir()
        return time.monotonic()

    tasks = {name: Task(partial(run, name)) for name in "abc"}
    taken = in_turns(tasks, tmp_path, 3)

    assert "abcabcbcacab" == "".join(ran)
    assert dict.fromkeys("abc", 3) == {name: len(each.seconds) for name, each in taken.items()}
    assert [] == list(tmp_path.iterdir())


def test_peaks_are_seen() -> None:
    """What we, or a program, took for a moment is seen, and forgotten by the next."""
    with Watch() as before:
        pass
    with Watch() as ours, mmap.mmap(-1, MUCH) as memory:
        memory.write(b"x" * MUCH)
    with Watch() as theirs:
        subprocess.run(["dd", "if=/dev/zero", "of=/dev/null", f"bs={MUCH}", "count=10"], check=True)

    assert ours.seen().ours - before.seen().ours >= MUCH
    assert theirs.seen().ours - before.seen().ours < MUCH / 2
    assert theirs.seen().largest >= MUCH
    assert "dd" == theirs.seen().program
