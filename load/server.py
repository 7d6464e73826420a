"""The release's own side of a run: its processes and its database, on the axis of the load."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import NamedTuple

import msgspec

READY_WITHIN_S = 20.0
TOLD_WITHIN_S = 40.0
"""Named waits: for the sampler's first look, and for what it saw, once it is told to end."""
NO_PROCESS = "its processor and memory were not seen: the target told of no process (TARGET_PID)"
NO_DATABASE = "its connections and statements were not seen: the target told of no database (TARGET_DATABASE)"
TEXT = re.compile(r"'(?:[^']|'')*'|\$(\w*)\$.*?\$\1\$", re.DOTALL)
QUERY = re.compile(r"\s*(SELECT|INSERT|UPDATE|DELETE|MERGE|WITH|VALUES)\b", re.IGNORECASE)
LONGEST, MOST = 400, 3
"""Characters of a statement, and statements, that are told, each with its plan."""


class Moment(msgspec.Struct, frozen=True, kw_only=True):
    """One look; what could not be seen is None. `at_s` is by the machine's clock until `Server.since` moves it.

    `own_mib` is what each process holds and shares with no other, by name and pid; the other sizes are of all of them.
    """

    at_s: float
    cpu_cores: float | None = None
    resident_mib: float | None = None
    own_mib: dict[str, float] = {}
    connections: int | None = None
    active: int | None = None
    blocked: int | None = None
    statements_per_s: float | None = None
    statements_ms_per_s: float | None = None


class Statement(msgspec.Struct, frozen=True, kw_only=True):
    """What one kind of statement cost while the load ran, warm-up included. No constant is in its text or plan."""

    query: str
    calls: int
    total_ms: float
    plan: str = ""

    @property
    def mean_ms(self) -> float:
        """How long one took."""
        return self.total_ms / self.calls


class Server(msgspec.Struct, frozen=True, kw_only=True):
    """What was seen; `statements` are the costliest, in order, and `notes` say what was not seen, and why."""

    moments: tuple[Moment, ...] = ()
    statements: tuple[Statement, ...] = ()
    notes: tuple[str, ...] = ()

    def since(self, began_s: float) -> Server:
        """Count time from when the load began."""
        moved = (msgspec.structs.replace(moment, at_s=moment.at_s - began_s) for moment in self.moments)
        return msgspec.structs.replace(self, moments=tuple(moved))

    def why(self) -> str:
        """Tell the costliest statements and their plans: where the time of a slow release went."""
        if not self.statements:
            return ""
        lines = ["statements that took longest, warm-up included, and how they are planned for any parameters:"]
        for one in self.statements[:MOST]:
            lines.append(f"{one.calls} x {one.mean_ms:.1f} ms: {_short(one.query)}")
            lines += [f"    {line}" for line in one.plan.splitlines()]
        return "\n".join(lines)


NOTHING = Server()


class Watched(NamedTuple):
    """The sampler at work; without one there is nothing to see."""

    process: subprocess.Popen[bytes] | None
    notes: tuple[str, ...] = ()

    def end(self) -> Server:
        """Let it end, and return what it saw."""
        if self.process is None:
            return Server(notes=self.notes)
        try:
            told = self.process.communicate(b"end\n", TOLD_WITHIN_S)[0]
            server = msgspec.json.decode(told, type=Server)
        except (OSError, subprocess.TimeoutExpired, msgspec.DecodeError) as error:
            lost = f"the release's own side was not seen: its sampler ended early ({type(error).__name__})"
            return Server(notes=(*self.notes, lost))
        return msgspec.structs.replace(server, notes=(*self.notes, *server.notes))


@contextmanager
def watched(statistics: str | None, environment: Mapping[str, str] = os.environ) -> Iterator[Watched]:
    """Sample once a second, in a process of its own, from now on; `statistics` is the database with the extension."""
    said = {"TARGET_PID": NO_PROCESS, "TARGET_DATABASE": NO_DATABASE}
    notes = tuple(note for name, note in said.items() if not environment.get(name))
    if len(notes) == len(said):
        yield Watched(None, notes)
        return
    command = [sys.executable, "-m", "load.sampler", *([statistics] if statistics else [])]
    with subprocess.Popen(  # noqa: S603 - our own module
        command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        try:
            assert process.stdout is not None
            process.stdout.readline()  # the counters' first reading is taken before the load begins
            yield Watched(process, notes)
        finally:
            process.kill()


def without_constants(text: str) -> str:
    """Take every quoted text out: PostgreSQL stores a statement as it was sent where it forgot the normalised one."""
    return TEXT.sub("'…'", text)


def shown(query: str) -> str:
    """Give a statement as it may be told: of what is no query, only the first word, since it may set a password."""
    bare = without_constants(query).strip()
    return bare if QUERY.match(bare) else f"{(bare.split() or ['?'])[0].upper()} …"


def _short(query: str) -> str:
    line = " ".join(query.split())
    return line if len(line) <= LONGEST else f"{line[:LONGEST]}…"
