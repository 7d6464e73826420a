"""The way from a team's own backup to a copy that comes of it alone."""

from __future__ import annotations

import contextlib
import errno
import functools
import glob
import itertools
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import msgspec
import psycopg
from psycopg import conninfo

from evidence.errors import CannotTell
from fixtures.folder import temporary
from fixtures.server import NotStarted
from restore_drills.backups import proof
from restore_drills.backups.crypt import KeyRefused
from restore_drills.backups.model import Damaged
from restore_drills.backups.programs import ProgramFailed, Programs, Tell
from restore_drills.backups.proof import Fresh
from restore_drills.backups.restore import Target
from restore_drills.backups.restored import restored
from restore_drills.backups.store import Missing
from restore_drills.own import logical, physical, repository
from restore_drills.own.contract import ADDRESS, DATA, FOLDER, Command, Own, Unfit
from restore_drills.own.form import form_of, newest
from restore_drills.own.look import counts
from restore_drills.own.tool import Complained, run

DATABASES = "SELECT datname::text FROM pg_database WHERE datallowconn AND NOT datistemplate ORDER BY 1"
BLAMED = (Unfit, Complained, Damaged, Missing, ProgramFailed, NotStarted, psycopg.Error)
"""What the backup is to be blamed for; a store that does not answer, or a run that is busy there, is none of it."""
FETCHED = "fetched"
"""The folder that `fetch` brings backups into, in ours."""
NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.ENOMEM, errno.EMFILE, errno.ENFILE)
"""What no backup is to be blamed for, wherever it happens."""


class Failed(AssertionError):
    """The team's backup, or what restores it, failed: the release's fault. The message quotes and names it."""


class Copy(msgspec.Struct, frozen=True, kw_only=True):
    """What came back: the superuser's address of the database, from what, and the seconds to its first answer.

    `changed` names what is not as it was at the backup, where a fingerprint was taken with it; ask it first of all.
    """

    address: str
    came_from: str
    seconds: float
    changed: Callable[[], list[str]] = list


class Back(NamedTuple):
    """A server with a copy on it, what that came from, and, where they are known, its database and what changed."""

    server: str
    came_from: str
    database: str = ""
    changed: Callable[[], list[str]] = list


class Way(msgspec.Struct, frozen=True, kw_only=True):
    """The way from a team's backup to a copy: `source` is whom PG* variables name for `fetch`, `fresh` a new server."""

    own: Own
    root: Path
    source: str
    fresh: Fresh
    say: Tell

    @contextlib.contextmanager
    def gone(self) -> Iterator[Copy]:
        """Fetch and restore, into nothing but what is fresh; Failed says why it came to no copy."""
        with contextlib.ExitStack() as stack:
            folder = stack.enter_context(temporary("release-verification-own-"))
            folder.chmod(0o711)  # the server's own user passes through
            started = time.monotonic()
            with self._judged(folder):
                back = self._back(stack, folder)
                self.say("answer the first query")
                address = _database(back.database or self.own.database, back.server)
            seconds = time.monotonic() - started
            yield Copy(address=address, came_from=back.came_from, seconds=seconds, changed=back.changed)

    @contextlib.contextmanager
    def _judged(self, folder: Path) -> Iterator[None]:
        """Tell what the backup is to be blamed for from what this machine could not do."""
        try:
            yield
        except KeyRefused as problem:
            msg = f"{problem}: what opens it, the command `key` of [backup.own] must print"
            raise Failed(" ".join(msg.split())) from None
        except OSError as problem:
            if problem.errno in NO_ROOM or not self._theirs(folder, problem.filename):
                raise
            raise Failed(" ".join(str(problem).split())) from None
        except BLAMED as problem:
            said = " ".join(str(problem).split())
            if any(os.strerror(one) in said for one in (errno.ENOSPC, errno.EDQUOT)):
                raise CannotTell(said) from None
            raise Failed(said) from None

    def _theirs(self, folder: Path, name: str | bytes | None) -> bool:
        """Tell whether a file is of the backup: where it is said to lie, or where it was laid out."""
        given = (_at(text, folder / FETCHED) for text in (self.own.path, self.own.globals, self.own.wal) if text)
        places = [
            folder / "data",
            *(self.root.joinpath(*itertools.takewhile(_plain, Path(one).parts)) for one in given),
        ]
        return name is not None and any(Path(os.fsdecode(name)).is_relative_to(place) for place in places)

    def _back(self, stack: contextlib.ExitStack, folder: Path) -> Back:
        if self.own.repository:
            return self._by_repository(stack, folder)
        return self._by_tool(stack, folder) if self.own.restore else self._by_path(stack, folder)

    def _by_repository(self, stack: contextlib.ExitStack, folder: Path) -> Back:
        """Restore what leads farthest of what `nox -s backup` has made, as that command does."""
        place = repository.opened(self.own, self.root, folder, self.say)
        # Until it is restored nobody on this machine prunes it; nothing is written for that.
        with place.reading(repository.WAIT_S) as held:
            one = repository.farthest(place, self.own, self.source)
            copying = proof.copied(place, Programs(held), one, self.fresh, Target())
            address = stack.enter_context(copying)
        # Data files have all databases, a dump the one that its address names.
        name = "" if one.physical else str(conninfo.conninfo_to_dict(address)["dbname"])
        return Back(address, f"the backup {one.id}", name, functools.partial(repository.changed, place, one, address))

    def _by_path(self, stack: contextlib.ExitStack, folder: Path) -> Back:
        """Restore the newest backup that `path` fits; give the server's address, and what it was."""
        scratch = _scratch(folder)
        if self.own.fetch:
            self.say("fetch")
            run(_put(self.own.fetch, {FOLDER: str(scratch)}), self.source, self.root)
        path = newest(_at(self.own.path, scratch), self.root)
        path = logical.laid_open(path, scratch) if path.is_file() and _archived(path) else path
        form = form_of(path)
        if form == "files":
            log = self.root / _at(self.own.wal, scratch) if self.own.wal else None
            settings = physical.lay_out(path, log, folder, self.say)
            return Back(self._started(stack, folder, settings), f"the base backup {path.name}")
        self.say("start a fresh server")
        server = stack.enter_context(self.fresh()).dsn
        roles = str(self.root / _at(self.own.globals, scratch)) if self.own.globals else ""
        logical.restore(path, form, roles, server, self.say)
        return Back(server, f"the dump {path.name}")

    def _by_tool(self, stack: contextlib.ExitStack, folder: Path) -> Back:
        """Have the team's tool restore, into a data directory or into a server."""
        scratch, command = _scratch(folder), self.own.restore
        if self.own.fetch:
            self.say("fetch")
            run(_put(self.own.fetch, {FOLDER: str(scratch)}), self.source, self.root)
        if self.own.into_data:
            data = folder / "data"
            data.mkdir(mode=0o700)
            self.say(command[0])
            run(_put(command, {DATA: str(data), FOLDER: str(scratch)}), "", self.root)
            # What the tool has written of its recovery stays: it knows where its log is, and reads it by itself, here.
            settings = physical.settle(data, None, folder, self.say)
            (data / "postgresql.conf").touch()  # some keep it elsewhere
            return Back(self._started(stack, folder, settings, own_tool=True), command[0])
        self.say("start a fresh server")
        server = stack.enter_context(self.fresh()).dsn
        into = logical.made(server)
        self.say(command[0])
        run(_put(command, {ADDRESS: into, FOLDER: str(scratch)}), into, self.root)
        return Back(server, command[0])

    def _started(
        self, stack: contextlib.ExitStack, folder: Path, settings: dict[str, str], *, own_tool: bool = False
    ) -> str:
        self.say("recover")
        programs = physical.programs_for(folder / "data").other
        return stack.enter_context(
            restored(folder, self.own.superuser, settings, programs, own_tool=own_tool)
        ).address()


def _database(name: str, server: str) -> str:
    """Find the database that was meant: the one named, or the only one that holds a table."""
    with psycopg.connect(server) as connection:
        names = [str(one) for (one,) in connection.execute(DATABASES)]
    addresses = {one: conninfo.make_conninfo(server, dbname=one) for one in names}
    if name:
        if name not in names:
            msg = f"the copy has no database {name!r} as [backup.own] names it, but {', '.join(names)}"
            raise Unfit(msg)
        return addresses[name]
    # Connecting to each is a proof of its own: one may be listed, and its files be gone.
    holding = [one for one, address in addresses.items() if counts(address)]
    if len(holding) > 1:
        msg = f"the copy has several databases ({', '.join(holding)}): name one with `database` of [backup.own]"
        raise Unfit(msg)
    if not holding:
        msg = "the copy holds no table at all: the backup is empty"
        raise Unfit(msg)
    return addresses[holding[0]]


def _scratch(folder: Path) -> Path:
    scratch = folder / FETCHED
    scratch.mkdir(mode=0o700)
    return scratch


def _put(command: Command, values: dict[str, str]) -> Command:
    for name, value in values.items():
        command = tuple(part.replace(name, value) for part in command)
    return command


def _at(text: str, scratch: Path) -> str:
    return text.replace(FOLDER, str(scratch))


def _plain(part: str) -> bool:
    """Whether a part of a pattern is a name."""
    return not glob.has_magic(part)


def _archived(path: Path) -> bool:
    """Whether it is what pg_restore reads, packed or not."""
    return form_of(path) == "archive"
