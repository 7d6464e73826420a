"""The database itself, made as its dump says before what is in it: its owner, privileges, settings and locale."""

from __future__ import annotations

import re
from pathlib import Path

import psycopg
from psycopg import conninfo

from evidence.errors import CannotTell
from restore_drills.backups.programs import ProgramFailed, Programs, Tell

ENTRY = re.compile(r"\d+; \d+ \d+ (DATABASE( PROPERTIES)? - |(ACL|COMMENT) - DATABASE )")
NAMED = re.compile(r"^; +dbname: (.+)$", re.MULTILINE)
MAKES = re.compile(rb"^CREATE DATABASE ", re.MULTILINE)
HEAD = 1 << 16
SORTED = re.compile(r"^(CREATE DATABASE .*) LOCALE_PROVIDER = .*;$", re.MULTILINE)
RESERVED, INSTEAD = "postgres", "restored"
"""A fresh server has a database of that name already."""
STATEMENT = re.compile(
    r"^((?:CREATE|ALTER|COMMENT ON) DATABASE |(?:GRANT|REVOKE) .*ON DATABASE |ALTER ROLE .* IN DATABASE |\\connect )"
    rf"{RESERVED}\b",
    re.MULTILINE,
)
"""Where a statement names it; a line of somebody's comment that looks the same is changed too, and so is found."""
OPEN = "-c default_transaction_read_only=off"
"""A database that was closed for writing when it was backed up comes back closed, and is filled all the same."""


def make(programs: Programs, archive: Path, server: str, folder: Path, say: Tell) -> str:
    """Make the database of an archive, empty; give its name. `folder` takes the statements; ProgramFailed says why not.

    Where this machine has not its locale, it is made with C: that is said, and shows in the fingerprint.
    """
    listed = programs.run("pg_restore", "--create", "--list", str(archive))
    own = [line for line in listed.splitlines() if ENTRY.match(line)]
    if not own or not (named := NAMED.search(listed)):
        return by_default(programs, server, INSTEAD, say)
    entries, script = folder / "database.list", folder / "database.sql"
    entries.write_text("".join(f"{line}\n" for line in own))
    options = ("--create", "--no-tablespaces", f"--use-list={entries}", f"--file={script}")
    programs.run("pg_restore", *options, str(archive))
    name = named[1]
    if name == RESERVED:
        name = INSTEAD
        _rewrite(script, STATEMENT, rf"\1{name}")
    try:
        play(programs, script, server)
    except ProgramFailed as problem:
        if _there(server, name):
            raise
        _rewrite(script, SORTED, r"\1 LC_COLLATE = 'C' LC_CTYPE = 'C';")
        play(programs, script, server)
        why = " ".join(str(problem).split())
        say(f"the database's locale is not on this machine, so the copy sorts by C instead ({why})")
    return name


def by_default(programs: Programs, server: str, name: str, say: Tell) -> str:
    """Make a database of which nothing is known but its name; give the name that it can have."""
    name = INSTEAD if name == RESERVED else name
    say("the dump does not say whom the database belongs to, nor its settings: it is made by default")
    programs.run("createdb", "--", name, dsn=server)
    return name


def makes_one(script: Path) -> bool:
    """Tell whether SQL makes its database by itself, as pg_dump --create writes it."""
    with script.open("rb") as file:
        return bool(MAKES.search(file.read(HEAD)))


def made_by(programs: Programs, script: Path, server: str, name: str) -> None:
    """Run SQL that makes its database by itself; CannotTell where this machine could not even make it."""
    there = name == RESERVED
    try:
        play(programs, script, server)
    except ProgramFailed as problem:
        if there or not _there(server, name):
            msg = f"the database cannot be made here as the dump makes it: {problem}"
            raise CannotTell(msg) from None
        raise


def play(programs: Programs, script: Path, dsn: str) -> None:
    """Run SQL by psql up to the first error."""
    programs.run("psql", "--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1", "--file", str(script), dsn=opened(dsn))


def opened(dsn: str) -> str:
    """Give an address whose sessions may write, whatever the database is set to."""
    return conninfo.make_conninfo(dsn, options=OPEN)


def _rewrite(script: Path, what: re.Pattern[str], by: str) -> None:
    # Names may be in whatever encoding the database has.
    script.write_text(what.sub(by, script.read_text(errors="surrogateescape")), errors="surrogateescape")


def _there(server: str, name: str) -> bool:
    with psycopg.connect(server) as connection:
        return connection.execute("SELECT FROM pg_database WHERE datname = %s", [name]).fetchone() is not None
