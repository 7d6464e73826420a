"""Whether row-level security holds on a restored copy: as the application, by the address that it is given."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import msgspec
import psycopg
from psycopg import conninfo

from evidence.release import Release
from evidence.variables import resolve
from fixtures import row_security
from fixtures.row_security import People
from restore_drills.application import Application, moved

CONNECT_WITHIN_S = 10
UNPROVEN = """
    SELECT c.oid::regclass::text FROM pg_class c
    WHERE c.relrowsecurity AND c.oid NOT IN (
        SELECT to_regclass(one) FROM unnest(%s::text[]) one WHERE to_regclass(one) IS NOT NULL)
    ORDER BY 1
"""


class RowSecurity(msgspec.Struct, frozen=True, kw_only=True):
    """`[database.row_security]`: tables in which people see their own rows only, and two people who share none."""

    tables: tuple[str, ...]
    identity: str
    user: str
    other: str


class Database(msgspec.Struct, frozen=True, kw_only=True):
    """What this reads of `[database]`."""

    role: str = ""
    row_security: RowSecurity | None = None


class Held(NamedTuple):
    """How many tables were looked at, which have row-level security and are not declared, and what is wrong."""

    tables: int
    unproven: Sequence[str]
    wrong: Sequence[str]

    @property
    def declared_ratio(self) -> float:
        """How many of the tables that have it are declared; all, where there is none."""
        return self.tables / every if (every := self.tables + len(self.unproven)) else 1.0


def held(release: Release, application: Application, copy: str) -> Held:
    """Look at each declared table of a copy, which is at its superuser's address `copy`, as the application."""
    database = release.section("database", Database) if release.database else Database()
    declared = database.row_security
    with psycopg.connect(copy, autocommit=True) as connection:
        names = [row_security.identifier(name).as_string(connection) for name in declared.tables] if declared else []
        unproven = [str(name) for (name,) in connection.execute(UNPROVEN, [names])]
        if declared is None:
            return Held(0, unproven, [])
        addresses = _addresses(application, str(resolve(database.role)), copy)
        wrong = [text for address in addresses for text in _seen(connection, address, declared)]
    return Held(len(names), unproven, list(dict.fromkeys(wrong)))


def _addresses(application: Application, role: str, copy: str) -> list[str]:
    """The addresses that the application is given: those of its declared role, or all, where none is of it."""
    given = [_plain(moved(os.environ[name], [copy])) for name in application.database_env]
    return [one for one in given if conninfo.conninfo_to_dict(one).get("user") == role] or given


def _plain(address: str) -> str:
    """Leave out the driver that other libraries than PostgreSQL's want to be told: `postgresql+asyncpg://`."""
    scheme, found, rest = address.partition("://")
    return f"{scheme.partition('+')[0]}{found}{rest}"


def _seen(connection: psycopg.Connection, address: str, declared: RowSecurity) -> Iterator[str]:
    # As itself, not as somebody who takes its role: what was set for the role holds only for who comes as it.
    try:
        with psycopg.connect(address, autocommit=True, connect_timeout=CONNECT_WITHIN_S) as own:
            yield from _told(connection, own, declared)
    except (psycopg.OperationalError, psycopg.errors.InsufficientPrivilege) as problem:
        yield f"row-level security cannot be looked at as the application: {' '.join(str(problem).split())}"


def _told(connection: psycopg.Connection, own: psycopg.Connection, declared: RowSecurity) -> Iterator[str]:
    people = People(declared.identity, str(resolve(declared.user)), str(resolve(declared.other)))
    row = own.execute("SELECT current_user").fetchone()
    assert row is not None
    yield from (f"the application's role: {what}" for what in row_security.powers(connection, row[0]))
    for table in declared.tables:
        if what := row_security.unguarded(connection, row[0], table):
            yield f"{table}: {what}"
        sight = row_security.look(connection, row_security.Application(own), people, table)
        yield from (f"{table} {place}: {what}" for place, what in row_security.problems(sight))
