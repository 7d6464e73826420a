"""Dumps: plain SQL by psql, anything else by pg_restore, into a database of a fresh server."""

from __future__ import annotations

import tempfile
from pathlib import Path

import psycopg
from psycopg import conninfo, sql

from restore_drills.backups import itself
from restore_drills.backups.programs import Programs, Tell
from restore_drills.own.form import Form, newest, packed, pieces, start_of
from restore_drills.own.tool import MAKES_DATABASES, play

NAME = itself.INSTEAD


def restore(path: Path, form: Form, roles: str, server: str, say: Tell) -> None:
    """Bring a dump back into the server at the address `server`; `roles` is the pattern of the file with the roles."""
    if roles:
        say("restore the roles")
        play(newest(roles, Path()), server)
    if form == "sql":
        say(f"run {path.name}")
        play(path, server if MAKES_DATABASES.search(start_of(path)) else made(server))
        return
    say(f"pg_restore {path.name}")
    # A name with `=` in it would be taken for an address.
    jobs = [] if path.is_file() and start_of(path).startswith(b"toc.dat") else ["--jobs=2"]
    programs = Programs()
    with tempfile.TemporaryDirectory(prefix="release-verification-own-") as folder:
        name = itself.make(programs, path, server, Path(folder), say)
    into = f"--dbname={conninfo.make_conninfo(dbname=name)}"
    programs.run("pg_restore", "--exit-on-error", *jobs, into, str(path), dsn=itself.opened(server))


def made(server: str) -> str:
    """Make an empty database; give its address."""
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(NAME)))
    return conninfo.make_conninfo(server, dbname=NAME)


def laid_open(path: Path, folder: Path) -> Path:
    """Unpack an archive that was packed once more by gzip: pg_restore reads none."""
    if path.is_dir() or not packed(path):
        return path
    plain = folder / path.name.removesuffix(".gz")
    with plain.open("wb") as target:
        target.writelines(pieces(path))
    return plain
