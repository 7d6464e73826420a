"""A breach is dealt with on a copy: what a thief holds is taken away step by step, and tried again after each."""

from __future__ import annotations

import contextlib
import time
from pathlib import Path

import msgspec
from psycopg import conninfo

from restore_drills import replica
from restore_drills.application import Application
from restore_drills.incident import Breach, Case, Wrong
from restore_drills.rollback import named
from restore_drills.steps import Steps
from restore_drills.thief import Doors, stolen


class Closed(msgspec.Struct, frozen=True, kw_only=True):
    """What came of it: how long each step took, how many ways were tried, how many entries the audit log had before.

    `closed_s` and `back_s` run from the announcement: until nothing stolen opened any more, and until who belongs here
    had signed in anew and written. `commands` are those that were run, by their steps.
    """

    closed_s: float
    back_s: float
    seconds: dict[str, float]
    commands: dict[str, tuple[str, ...]]
    ways: int
    audited: int
    wrong: Wrong
    steps: Steps


def breached(address: str, declared: Breach, application: Application, opened: Doors, root: Path) -> Closed:
    """Do it on a copy of the server at `address`; AssertionError where a command fails, or nothing serves then."""
    assert application.writes, "[backup.application] declares no `writes`: nobody would notice that they are stopped"
    with replica.clone(address) as server, contextlib.ExitStack() as serving:
        case = Case(conninfo.make_conninfo(server.dsn, dbname=named(address)), declared, application, opened, root)
        case.serve(serving)
        case.must_be_well()
        with stolen(case.url, opened, case.environment[application.database_env[0]]) as loot:
            before, began = case.audit(), time.monotonic()
            case.shut(loot, serving)
            closed_s = time.monotonic() - began
            case.open(loot)
            back_s = time.monotonic() - began
            case.written_down(before)
        if closed_s > declared.within_s:
            case.wrong.append(("within_s", f"it took {closed_s:.1f} s, and {declared.within_s:g} are declared"))
        return Closed(
            closed_s=closed_s, back_s=back_s, seconds=case.seconds, commands=case.commands, ways=len(loot.ways),
            audited=before.total(), wrong=case.wrong, steps=case.steps,
        )  # fmt: skip
