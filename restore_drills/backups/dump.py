"""One database by a command that dumps it, the release's own or pg_dump: written, and brought back into a server."""

from __future__ import annotations

import re
from pathlib import Path

import msgspec
from psycopg import conninfo, sql

from fixtures.postgres import Given, Postgres
from restore_drills.backups import itself
from restore_drills.backups.model import Damaged, Manifest
from restore_drills.backups.programs import ProgramFailed, Programs, Tell, connect, tree_size

DATA, ROLES = "dump", "globals.sql"
"""What the command wrote, a file or a folder, and the roles beside it."""
EVERYBODY = "everybody.sql"
"""What is set for all roles in every database, which pg_dumpall leaves out; there is no such file where nothing is."""
SETTINGS = """
    SELECT split_part(one, '=', 1), substr(one, strpos(one, '=') + 1)
    FROM pg_db_role_setting, unnest(setconfig) one WHERE setdatabase = 0 AND setrole = 0
"""
LISTS = {
    "local_preload_libraries", "search_path", "session_preload_libraries", "shared_preload_libraries",
    "temp_tablespaces", "unix_socket_directories",
}  # fmt: skip
"""Settings whose value is a list of names that are quoted already, as pg_dump has it."""
SNAPSHOT = "{snapshot}"


class Dump(msgspec.Struct, frozen=True, kw_only=True):
    """Commands that write a backup to `{file}`; PG* variables name the database.

    `dump` may write any form that pg_restore reads, or plain SQL. `{snapshot}` is a snapshot to dump from, so that
    writes during the backup do not blur the comparison. `globals` writes the roles, which a dump of one database lacks.
    """

    dump: tuple[str, ...]
    globals: tuple[str, ...] = ()

    @property
    def of_one_moment(self) -> bool:
        """Whether it can be written to meanwhile."""
        return any(SNAPSHOT in part for part in self.dump)

    def at(self, snapshot: str) -> Dump:
        """Give the commands with their snapshot."""
        return Dump(dump=tuple(part.replace(SNAPSHOT, snapshot) for part in self.dump), globals=self.globals)


OURS = Dump(
    dump=(
        "pg_dump", "--format=directory", "--jobs=2", "--compress=gzip:1", "--snapshot={snapshot}", "--no-password",
        "--file={file}",
    ),
    globals=("pg_dumpall", "--globals-only", "--no-password", "--file={file}"),
)  # fmt: skip


def write(programs: Programs, how: Dump, dsn: str, folder: Path, root: Path | None) -> None:
    """Run the commands; ProgramFailed where one fails, or ends well and has written nothing."""
    for command, name in ((how.dump, DATA), (how.globals, ROLES)):
        if not command:
            continue
        path = folder / name
        programs.run(*(part.replace("{file}", str(path)) for part in command), dsn=dsn, cwd=root)
        if not path.exists() or not (tree_size(path) if path.is_dir() else path.stat().st_size):
            msg = f"{' '.join(command)}: ended well, but wrote nothing to {{file}}"
            raise ProgramFailed(msg)
    if how.globals == OURS.globals and (settings := _everybody(dsn)):
        (folder / EVERYBODY).write_text(settings)


def restore(programs: Programs, manifest: Manifest, folder: Path, server: Postgres, say: Tell) -> str:
    """Restore what lies in `folder` into a fresh server; give the superuser's address of the copy, or Damaged."""
    try:
        _roles(programs, folder / ROLES, server.dsn, say)
        copy = _data(programs, manifest, folder, server.dsn, say)
        say("analyze, answer the first query")
        programs.run("psql", "--no-psqlrc", "--quiet", "--command=ANALYZE", dsn=copy)
        if (folder / EVERYBODY).exists() and not isinstance(server, Given):  # somebody else's server stays as it is
            itself.play(programs, folder / EVERYBODY, server.dsn)
    except ProgramFailed as error:
        msg = f"{manifest.id}: cannot be restored: {error}"
        raise Damaged(msg) from None
    return copy


def _everybody(dsn: str) -> str:
    with connect(dsn) as connection:
        rows = connection.execute(SETTINGS).fetchall()
        return "".join(
            f"ALTER ROLE ALL SET {sql.Identifier(name).as_string(connection)}"
            f" TO {value if name in LISTS else sql.Literal(value).as_string(connection)};\n"
            for name, value in rows
        )


def _roles(programs: Programs, path: Path, server: str, say: Tell) -> None:
    if not path.exists():
        return
    say("restore the roles")
    own = path.with_suffix(".own.sql")
    own.write_text(_without_role(path.read_text(), str(conninfo.conninfo_to_dict(server)["user"])))
    # Roles may be there already (a scratch server that is given): the roles' fingerprint proves, not psql's code.
    programs.run("psql", "--no-psqlrc", "--quiet", "--file", str(own), dsn=server)


def _data(programs: Programs, manifest: Manifest, folder: Path, server: str, say: Tell) -> str:
    path = folder / DATA
    say("create the database")
    if archived(path):
        made = itself.make(programs, path, server, folder, say)
        # What an archive says of its name is in the encoding of the database.
        name = made if made == itself.INSTEAD else manifest.database
    elif itself.makes_one(path):
        itself.made_by(programs, path, server, name := manifest.database)
    else:
        name = itself.by_default(programs, server, manifest.database, say)
    copy = conninfo.make_conninfo(server, dbname=name)
    say("restore the data")
    if archived(path):
        # A name with `=` in it would be taken for an address.
        into = f"--dbname={conninfo.make_conninfo(dbname=name)}"
        programs.run("pg_restore", "--exit-on-error", "--jobs=2", into, str(path), dsn=itself.opened(copy))
    elif not itself.makes_one(path):
        itself.play(programs, path, copy)
    return copy


def archived(path: Path) -> bool:
    """Tell whether it is what pg_restore reads, and not SQL."""
    if path.is_dir():
        return True
    with path.open("rb") as file:
        return file.read(5) == b"PGDMP"


def _without_role(statements: str, name: str) -> str:
    """Leave out what pg_dumpall wrote of one role: restoring it would change the password that we connect with."""
    own = re.compile(rf'(CREATE|ALTER) ROLE "?{re.escape(name)}"?[ ;]')
    return "".join(line for line in statements.splitlines(keepends=True) if not own.match(line))
