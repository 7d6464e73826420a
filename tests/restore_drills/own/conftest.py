"""Servers with a shop, and a folder for its backups."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from fixtures.postgres import Given, Postgres, postgres
from restore_drills.own.logical import NAME
from tests.restore_drills.backups_world import archiving, older_server
from tests.restore_drills.own.world import Fresh, fill

ROLES = "SELECT rolname FROM pg_roles WHERE rolname !~ '^pg_' AND rolname <> current_user"


@pytest.fixture(scope="package")
def source() -> Iterator[tuple[Postgres, Path]]:
    """A server with a shop that archives its log, and where to."""
    with archiving() as (server, spool):
        fill(server)
        yield server, spool


@pytest.fixture(scope="package")
def other() -> Iterator[Postgres]:
    """A server that stands for all the fresh ones."""
    with postgres() as server:
        yield server


@pytest.fixture
def fresh(other: Postgres) -> Fresh:
    """A server that is as good as fresh."""

    @contextlib.contextmanager
    def made() -> Iterator[Postgres]:
        try:
            yield Given(other.dsn)
        finally:
            with psycopg.connect(other.dsn, autocommit=True) as connection:
                for name in (NAME, "shop"):
                    connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)".encode())
                for (name,) in connection.execute(ROLES).fetchall():
                    connection.execute(sql.SQL("DROP ROLE {}").format(sql.Identifier(name)))

    return made


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that the server's user may read."""
    with tempfile.TemporaryDirectory(prefix="release-verification-own-test-") as name:
        Path(name).chmod(0o755)
        yield Path(name)


@pytest.fixture(scope="package", params=["15", "16", "17"])
def older(request: pytest.FixtureRequest) -> Iterator[Postgres]:
    """A server of an older major version, where Debian's programs of it are."""
    with older_server(request.param) as server:
        fill(server)
        yield server
