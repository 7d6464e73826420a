"""What a drill has in hand while its steps run, and the commands that it hears of."""

from __future__ import annotations

import contextlib
import functools
import re
import shlex
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from typing import Self

from psycopg import conninfo

from evidence.errors import CannotTell
from evidence.release import Release
from fixtures.guard import Guard
from fixtures.target import Target
from restore_drills.backups.model import Manifest
from restore_drills.backups.programs import Programs
from restore_drills.backups.proof import Fresh
from restore_drills.backups.repository import Repository
from restore_drills.contract import Backup
from restore_drills.dr import place as places
from restore_drills.sentinel import Sentinel
from restore_drills.steps import Steps

HOOK_WITHIN_S = 60
REOPEN = (sys.executable, "-m", "restore_drills.dr", "--reopen")
CLEAR = (sys.executable, "-m", "restore_drills.dr", "--clear")
SNAPSHOT = re.compile(r"--snapshot=[0-9A-F]{8}-[0-9A-F]{8}-\d+")
SCRATCH = re.compile(rf"{re.escape(tempfile.gettempdir())}/restore-proof-\w+/copy")
Tell = Callable[[str], None]


class Drill:
    """A drill under way, on the release's database at `dsn`; `tell` reaches people. It is over when `stack` is."""

    place: places.Place

    def __init__(self, release: Release, dsn: str, fresh: Fresh, tell: Tell, stack: contextlib.ExitStack) -> None:
        """Take in what is declared; nothing is done to the database yet."""
        self.release, self.dsn, self.fresh, self.tell, self.stack = release, dsn, fresh, tell, stack
        self.how = release.section("backup", Backup)
        self.hooks = release.section("target", Target).hooks
        self.clock = Steps()
        self._guard = stack.enter_context(Guard())  # first: whatever is undone is undone before it is dismissed
        self.commands: list[str] = []
        self.programs = Programs(heard=self.heard)
        self.findings: list[str] = []
        self.names: dict[str, str] = {}
        self.manifest: Manifest | None = None
        self.copy = self.url = ""
        self.down, self.failed_at, self.bytes = False, 0.0, 0
        self.rto_s: float | None = None
        self.rpo_s: float | None = None

    def begun(self) -> Self:
        """Have a place for the backup, and nobody else at work there, before anything is closed."""
        self.place = places.of(self.release, self.dsn, self.clock, self.stack)
        self.programs = Programs([self.place.handle], self.heard)
        self.names |= {self.repository.store.name: "STORE", str(self.repository.work): "WORK"}
        return self

    @property
    def repository(self) -> Repository:
        """Where the backup lies."""
        return self.place.repository

    def passing(self) -> None:
        """Have the backup taken out of a store that is kept when the drill is over, also where we are killed."""
        if self.place.kept:
            self._guard.command((*CLEAR, self.taken().id))
            self.stack.callback(self._clear)

    def _clear(self) -> None:
        if stays := self.place.cleared(self.taken()):
            self.findings.append(stays)

    @functools.cached_property
    def sentinel(self) -> Sentinel:
        """Words that only this drill knows; gone when it is over."""
        made = Sentinel(self.dsn)
        self.stack.callback(made.remove)
        return made

    @property
    def database(self) -> str:
        """The name of the release's database."""
        return str(conninfo.conninfo_to_dict(self.dsn)["dbname"])

    def watched(self) -> None:
        """Have somebody else's database opened again where we are killed; one that we started goes away with us."""
        if not self.release.target.get("start"):
            self._guard.command(REOPEN)

    def heard(self, command: tuple[str, ...]) -> None:
        """Take a command down; no secret is in one."""
        self.commands.append(shlex.join(command))

    def named(self) -> tuple[str, ...]:
        """Give the commands since the last time, each once, with a name in place of what is another one each time."""
        texts, self.commands = self.commands, []
        for value, name in {**self.names, self.database: "DATABASE"}.items():
            texts = [text.replace(value, name) for text in texts]
        texts = [SNAPSHOT.sub("--snapshot=SNAPSHOT", SCRATCH.sub("COPY", text)) for text in texts]
        return tuple(dict.fromkeys(texts))

    def sql(self, statement: str, dsn: str = "") -> str:
        """Run a statement by psql, on the release's database or another; give what it printed."""
        options = ("--no-psqlrc", "--quiet", "--tuples-only", "--no-align", "--set=ON_ERROR_STOP=1")
        return self.programs.run("psql", *options, f"--command={statement}", dsn=dsn or self.dsn).strip()

    def hook(self, name: str) -> None:
        """Run a hook of the release."""
        self.declared(name)
        self.heard(tuple(self.hooks[name]))
        subprocess.run(self.hooks[name], cwd=self.release.root, check=True, timeout=HOOK_WITHIN_S)  # noqa: S603

    def declared(self, name: str) -> None:
        """Refuse to go on where the release has no such hook: CannotTell."""
        if name not in self.hooks:
            msg = f"{self.release.path}: [target.hooks] has no {name}: declare the command, or the drill ends here"
            raise CannotTell(msg)

    def taken(self) -> Manifest:
        """The backup, once it was taken."""
        assert self.manifest, "no backup was taken"
        return self.manifest

    def since_failure(self) -> float:
        """Seconds since the server was lost."""
        return time.monotonic() - self.failed_at
