"""Where copies are restored to: a server of our own, or one that is given, allowed, named for it, and empty.

A server of our own is fresh by construction. On one that is given roles are made and scripts run, so that it must be
meant for that: release.toml names the database in its address, that name says so, nobody else's table is on it, and it
is not the source's. What was made there is gone afterwards.
"""

from __future__ import annotations

import contextlib
import functools
import os
import re
from collections.abc import Iterator

import psycopg
from psycopg import conninfo, sql

from evidence.errors import InputError
from evidence.release import Release
from fixtures import postgres
from fixtures.postgres import Given, Postgres
from restore_drills.backups.proof import Fresh
from restore_drills.contract import Drills

PROVIDER = "RELEASE_RESTORE_POSTGRES"
"""Where drills restore to (see `fixtures.postgres`), if not where RELEASE_POSTGRES says; also a scratch server."""
NAMED = re.compile(r"(^|[_-])(restore|scratch|drill)([_-]|$)")
"""How the database is called that says what its server is for."""
CONNECT_WITHIN_S = 10
IDENTIFIER = "SELECT system_identifier::text FROM pg_control_system()"
DATABASES = "SELECT datname::text FROM pg_database WHERE NOT datistemplate ORDER BY 1"
ROLES = "SELECT rolname::text FROM pg_roles WHERE rolname !~ '^pg_' ORDER BY 1"
HELD = """
    SELECT n.nspname || '.' || c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p', 'm', 'f', 'S') AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
    ORDER BY 1 LIMIT 1
"""
Names = tuple[frozenset[str], frozenset[str]]


def fresh(release: Release, source: str) -> Fresh:
    """Give what makes a server to restore to; InputError where one is given that may not be. `source` still runs."""
    provider = os.environ.get(PROVIDER) or os.environ.get(postgres.PROVIDER) or ""
    if not provider.startswith(("postgresql://", "postgres://")):
        return functools.partial(postgres.postgres, provider or None)
    declared = release.section("backup.drills", Drills).restore_into if release.backup.get("drills") else ""
    name = str(conninfo.conninfo_to_dict(provider).get("dbname", ""))
    if not declared or declared != name:
        msg = (
            f"{PROVIDER}: nothing is restored into a server that is given, unless {release.path} allows it:"
            f' [backup.drills] restore_into = "{name or "NAME"}" names the database in its address'
        )
        raise InputError(msg)
    if not NAMED.search(name):
        msg = (
            f"{PROVIDER}: the database {name!r} does not say that its server is for restoring: one that is has a"
            " database named for it, such as restore_here (restore, scratch or drill, between - or _), and its address"
        )
        raise InputError(msg)
    return functools.partial(emptied, provider, _identifier(source) if source else "")


@contextlib.contextmanager
def emptied(address: str, source: str) -> Iterator[Postgres]:
    """Lend a server that is given and empty; what came to be on it is gone afterwards."""
    if _identifier(address) == source:
        msg = f"{PROVIDER}: is the very server that is backed up; name another one"
        raise InputError(msg)
    before = _names(address)
    for name in sorted(before[0]):
        with _connected(conninfo.make_conninfo(address, dbname=name)) as connection:
            if held := connection.execute(HELD).fetchone():
                msg = (
                    f"{PROVIDER}: its database {name!r} holds {held[0]}: only an empty server is restored into; name"
                    " another one, or wait until the other drill on it is over"
                )
                raise InputError(msg)
    try:
        yield Given(address)
    finally:
        _leave(address, before)


def _leave(address: str, before: Names) -> None:
    databases, roles = _names(address)
    with _connected(address) as connection:
        for name in sorted(databases - before[0]):
            connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))
        for name in sorted(roles - before[1]):
            connection.execute(sql.SQL("DROP OWNED BY {}").format(sql.Identifier(name)))
            connection.execute(sql.SQL("DROP ROLE {}").format(sql.Identifier(name)))


def _names(address: str) -> Names:
    with _connected(address) as connection:
        databases, roles = (connection.execute(each).fetchall() for each in (DATABASES, ROLES))
    return frozenset(str(name) for (name,) in databases), frozenset(str(name) for (name,) in roles)


def _identifier(address: str) -> str:
    with _connected(address) as connection:
        row = connection.execute(IDENTIFIER).fetchone()
    assert row
    return str(row[0])


def _connected(address: str) -> psycopg.Connection:
    try:
        return psycopg.connect(address, autocommit=True, connect_timeout=CONNECT_WITHIN_S)
    except psycopg.Error as error:
        msg = f"{PROVIDER}: what is restored into, and what is backed up, must be known: {' '.join(str(error).split())}"
        raise InputError(msg) from None
