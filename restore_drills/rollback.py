"""A release is taken back on a copy: its migrations first, under the version before it, which serves all the while."""

from __future__ import annotations

import contextlib
import os
import secrets
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import msgspec
import psycopg
from psycopg import conninfo, sql

from evidence.variables import resolve, variable
from fixtures.deparsed import as_restored
from restore_drills.application import Application, moved, started
from restore_drills.backups import proof
from restore_drills.fingerprint import PINNED
from restore_drills.traffic import written

WITHIN_S = 120
BEFORE, AFTER = 5, 10
"""Acknowledged writes that are waited for: before the schema goes back, and since then."""
BOOKKEEPING = ("migration", "version")
"""What migration tools write down, in a table by one of these words, is meant to change."""
COLUMNS = """
    SELECT n.nspname, c.relname, array_agg(a.attname::text ORDER BY a.attname)
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
    WHERE c.relkind = 'r' AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' GROUP BY 1, 2 ORDER BY 1, 2
"""
Columns = dict[tuple[str, str], set[str]]


class Migrations(msgspec.Struct, frozen=True, kw_only=True):
    """What drills read of `[database.migrations]`."""

    forward: tuple[str, ...]
    url_env: str
    env: dict[str, str] = msgspec.field(default_factory=dict)
    undo: tuple[str, ...] = ()


class Rollback(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`[backup.drills.rollback]`: the command that starts the version before this one, with the same variables."""

    previous: tuple[str, ...]


class RolledBack(msgspec.Struct, frozen=True, kw_only=True):
    """What came of it: how long the schema took under writes, and what is wrong."""

    seconds: float
    acknowledged: int
    tables: int
    wrong: list[str]


@contextlib.contextmanager
def twin(address: str, owner: str) -> Iterator[str]:
    """Give the address of a database beside the one at `address`, equal to it and gone afterwards.

    A copy by TEMPLATE has not the original's owner; who migrates it must be.
    """
    name = f"release_verification_{secrets.token_hex(4)}"
    own = sql.Identifier(name)
    with psycopg.connect(conninfo.make_conninfo(address, dbname="postgres"), autocommit=True) as connection:
        make = sql.SQL("CREATE DATABASE {} TEMPLATE {} OWNER {}")
        connection.execute(make.format(own, sql.Identifier(named(address)), sql.Identifier(owner)))
        try:
            yield conninfo.make_conninfo(address, dbname=name)
        finally:
            connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(own))


def rolled_back(
    address: str, migrations: Migrations, declared: Rollback, application: Application, root: Path
) -> RolledBack:
    """Take the schema back where nothing goes on, forward, and back again while the version before it is written to."""
    assert application.writes, "[backup.application] declares no `writes`: nobody would notice"
    owner = str(conninfo.conninfo_to_dict(variable(migrations.url_env))["user"])
    with twin(address, owner) as copy:
        known = columns(copy)
        _migrate(migrations, migrations.undo, copy, root)
        wrong, tables = _kept(address, known, copy)
        _migrate(migrations, migrations.forward, copy, root)
        before = msgspec.structs.replace(application, start=declared.previous)
        with started(before, root, copy, database=named(copy)) as url, written(url, application.writes) as writer:
            writer.wait(BEFORE)
            began = time.monotonic()
            _migrate(migrations, migrations.undo, copy, root)
            ended = time.monotonic()
            writer.wait(AFTER, since=ended)
            writer.end()
            gone = writer.gone()
        wrong += [f"{said}: {times} writes were refused meanwhile" for said, times in writer.refused.items()]
        wrong += [f"{writer.resource.name} {one.id}: was acknowledged, and is gone" for one in gone]
    return RolledBack(seconds=ended - began, acknowledged=len(writer.made), tables=tables, wrong=wrong)


def named(address: str) -> str:
    """Say which database an address is of."""
    return str(conninfo.conninfo_to_dict(address)["dbname"])


def columns(address: str) -> Columns:
    """Name every table's columns."""
    with psycopg.connect(address) as connection:
        return {(str(schema), str(name)): set(listed) for schema, name, listed in connection.execute(COLUMNS)}


def _kept(original: str, known: Columns, copy: str) -> tuple[list[str], int]:
    """Hold the rows of what both versions know against each other; name what is not as it was."""
    now = columns(copy)
    before, after = (sorted(map(as_restored, proof.look(each).schema)) for each in (original, copy))
    assert before != after, "`undo` of [database.migrations] takes nothing back"
    both = {
        table: sorted(known[table] & now[table])
        for table in known.keys() & now.keys()
        if not any(word in table[1].lower() for word in BOOKKEEPING)
    }
    were, are = _digests(original, both), _digests(copy, both)
    return [
        f"table {schema}.{name}: is another one after the way back, in {', '.join(both[schema, name])}"
        for schema, name in sorted(both)
        if were[schema, name] != are[schema, name]
    ], len(both)


def _digests(address: str, tables: Mapping[tuple[str, str], Sequence[str]]) -> dict[tuple[str, str], object]:
    found: dict[tuple[str, str], object] = {}
    with psycopg.connect(address) as connection:
        for setting, value in PINNED.items():
            connection.execute(sql.SQL("SET LOCAL {} = {}").format(sql.Identifier(setting), sql.Literal(value)))
        for table, listed in tables.items():
            query = sql.SQL("SELECT count(*), sum(hashtextextended(ROW({})::text, 0)::numeric) FROM {}")
            row = sql.SQL(", ").join(map(sql.Identifier, listed))
            found[table] = connection.execute(query.format(row, sql.Identifier(*table))).fetchone()
    return found


def _migrate(migrations: Migrations, command: Sequence[str], copy: str, root: Path) -> None:
    address = moved(variable(migrations.url_env), [copy], named(copy))
    done = subprocess.run(  # noqa: S603 - the release's own command
        command, cwd=root, env={**os.environ, **resolve(migrations.env), migrations.url_env: address},
        capture_output=True, text=True, timeout=WITHIN_S, check=False,
    )  # fmt: skip
    assert 0 == done.returncode, f"{' '.join(command)}: {done.stderr[-2000:]}"
