"""What is done about a breach, by the release's own commands on a copy, and what is wrong afterwards."""

from __future__ import annotations

import contextlib
import os
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import msgspec
import psycopg
from psycopg import sql

from evidence.errors import CannotTell
from evidence.variables import variable
from restore_drills import visitor
from restore_drills.application import Application, moved, started
from restore_drills.fingerprint import PINNED
from restore_drills.steps import Steps
from restore_drills.thief import Doors, Loot
from restore_drills.traffic import answered

WITHIN_S = 60
"""Named wait: for one command."""
Wrong = list[tuple[str, str]]
SENTENCES = {
    "announce": "Say that somebody has broken in; the time counts from here.",
    "stop": "Stop writes. Then a write by the application is refused, and a new connection of its role is read-only.",
    "revoke": "Revoke every API key. Then the stolen one is refused.",
    "end": "End every session. Then the stolen one is refused.",
    "rotate": "Make every secret anew, and start the application with them. Then nothing stolen opens: session, key, "
    "password, a connection that was open by it, or a delivery signed with the old secret.",
    "reopen": "Let writes in again. Then somebody signs in anew and writes, nothing stolen opens, and the audit log "
    "has every entry from before, and one of each step.",
}
"""What each step is for, and what is tried right after it, in their order: the runbook says it so."""


class Act(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A command, and a word that the audit log has of it afterwards."""

    command: tuple[str, ...]
    audited: str


class Breach(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`[backup.drills.breach]`: what is done once somebody has broken in, and within how many seconds it has worked.

    `operator_env` is the variable that holds the address that the commands act by.
    Every address that a command is told is the copy's, TARGET_URL and TARGET_DATABASE too. `rotate` prints, as one JSON
    object, the variables that the application is started with from then on: each of `secrets` has another value.
    """

    within_s: float
    operator_env: str
    secrets: tuple[str, ...]
    announce: Act
    stop: Act
    revoke: Act
    end: Act
    rotate: Act
    reopen: Act


class Case:
    """The copy, the application on it, and what is wrong so far."""

    def __init__(self, copy: str, declared: Breach, application: Application, opened: Doors, root: Path) -> None:
        """Let everything that is started know nothing but the copy."""
        self.copy, self.declared, self.application, self.opened, self.root = copy, declared, application, opened, root
        self.steps, self.wrong, self.url = Steps(), Wrong(), ""
        self.seconds: dict[str, float] = {}
        self.commands: dict[str, tuple[str, ...]] = {}
        self.renewed: dict[str, str] = {}
        self.addresses = {
            name: moved(variable(name), [copy]) for name in (*application.database_env, declared.operator_env)
        }
        self.told = {**application.env, **self.addresses}
        self.environment = {**os.environ, **self.addresses, "TARGET_DATABASE": copy, "TARGET_PID": ""}

    def serve(self, serving: contextlib.ExitStack) -> None:
        """Start the application, with what it is told by now, in place of the one before."""
        serving.close()
        alone = msgspec.structs.replace(self.application, database_env=(), env=self.told)
        self.url = self.environment["TARGET_URL"] = serving.enter_context(started(alone, self.root))

    def must_be_well(self) -> None:
        """See a write taken, and an audit log; CannotTell where later there would be nothing to miss."""
        if not self._writes():
            msg = "[backup.application.writes]: is refused before anything was done: nothing would be proven"
            raise CannotTell(msg)
        if not self.audit():
            msg = f"[security.audit]: {self.opened.audit.table} has no entry: nothing could be lost"
            raise CannotTell(msg)

    def shut(self, loot: Loot, serving: contextlib.ExitStack) -> None:
        """Take everything away, and try what each step is for."""
        self._act("announce")
        self._act("stop")
        self._stopped()
        loot.hold()  # whoever has the password may come back until there is another one
        self._act("revoke")
        self._refused(loot, "revoke", "key")
        self._act("end")
        self._refused(loot, "end", "session")
        with self._timed("rotate"):
            self._rotate()
            self.serve(serving)
        # The server takes connections: that it refuses a thief's is about the password.
        psycopg.connect(self.environment[self.application.database_env[0]]).close()
        self._refused(loot, "rotate")

    def open(self, loot: Loot) -> None:
        """Let those in who belong here, and nobody else."""
        self._act("reopen")
        try:
            cookie = visitor.session(self.url, self.opened.account)
            mutation, status = visitor.change(self.url, self.opened.csrf, cookie)
        except CannotTell as problem:
            self.wrong.append(("sign-in", f"nobody can sign in afterwards: {problem}"))
        else:
            if status != mutation.expect:
                self.wrong.append(("write", f"{mutation.method} {mutation.path} is answered {status} afterwards"))
        hook, secret = self.opened.webhook, self.renewed.get(loot.secret)
        if hook and secret and (status := visitor.deliver(self.url, hook, secret)) != hook.accepted:
            self.wrong.append(("webhook", f"a delivery signed with the new secret is answered {status} afterwards"))
        self._refused(loot, "reopen")

    def audit(self) -> Counter[str]:
        """Read the audit log."""
        query = sql.SQL("SELECT t::text FROM {} AS t").format(sql.Identifier(*self.opened.audit.table.split(".")))
        with psycopg.connect(self.copy) as connection:
            for setting, value in PINNED.items():
                connection.execute(sql.SQL("SET LOCAL {} = {}").format(sql.Identifier(setting), sql.Literal(value)))
            return Counter(str(row) for (row,) in connection.execute(query))

    def written_down(self, before: Counter[str]) -> None:
        """Hold the audit log against what it was: nothing is gone, and what was done is in it."""
        now = self.audit()
        if gone := (before - now).total():
            self.wrong.append(("audit log", f"{gone} of {before.total()} entries from before are gone or changed"))
        for name in self._acts():
            word = getattr(self.declared, name).audited
            if not any(word in entry for entry in now - before):
                self.wrong.append((f"audit log {name}", f"has no new entry that says {word}"))

    def _acts(self) -> tuple[str, ...]:
        return tuple(name for name in Breach.__struct_fields__ if isinstance(getattr(self.declared, name), Act))

    @contextlib.contextmanager
    def _timed(self, name: str) -> Iterator[None]:
        began = time.monotonic()
        with self.steps.step(name):
            yield
        self.seconds[name] = time.monotonic() - began

    def _act(self, name: str) -> None:
        with self._timed(name):
            self._run(name)

    def _run(self, name: str) -> bytes:
        command = self.commands[name] = getattr(self.declared, name).command
        done = subprocess.run(  # noqa: S603 - the release's own command
            command, cwd=self.root, env=self.environment, stdin=subprocess.DEVNULL, capture_output=True,
            timeout=WITHIN_S, check=False,
        )  # fmt: skip
        assert 0 == done.returncode, f"{name}: {' '.join(command)}: {done.stderr.decode(errors='replace')[-2000:]}"
        return done.stdout

    def _rotate(self) -> None:
        """Take what is new; what was printed is never shown."""
        try:
            fresh = msgspec.json.decode(self._run("rotate"), type=dict[str, str])
        except (msgspec.ValidationError, msgspec.DecodeError):
            fresh = None
        assert fresh, "rotate: has to print the variables that are new, as one JSON object"
        for name in self.addresses.keys() & fresh.keys():
            assert moved(fresh[name], [self.copy]) == fresh[name], f"rotate: {name} is the address of another server"
        for name in self.declared.secrets:
            if fresh.get(name) in {None, self.environment.get(name)}:
                self.wrong.append((f"rotate {name}", "is the same as before"))
        self.renewed = {self.environment[name]: value for name, value in fresh.items() if name in self.environment}
        self.environment |= fresh
        self.told |= fresh

    def _writes(self) -> bool:
        assert self.application.writes
        create = self.application.writes.create
        return answered(self.url, create, {})[0] == str(create.expect)

    def _stopped(self) -> None:
        """See that the application takes no write, and that whoever connects may not write unasked."""
        if self._writes():
            self.wrong.append(("stop", "a write is taken after writes were stopped"))
        address = self.addresses[self.application.database_env[0]]
        with contextlib.suppress(psycopg.OperationalError), psycopg.connect(address) as connection:
            if ("on",) != connection.execute("SHOW transaction_read_only").fetchone():
                self.wrong.append(("stop database", "a new connection of the application's role may write"))

    def _refused(self, loot: Loot, after: str, *names: str) -> None:
        self.wrong += [(f"{name} after {after}", what) for name, what in loot.tried(self.url, *names)]
