"""What the integration checks ask for."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator

import httpx
import psycopg
import pytest

from evidence.release import Release
from fixtures.target import Target
from suites.api import Client
from suites.integration.contract import Api, Database, Health
from suites.integration.outage import Outages
from suites.statements import address, connect
from suites.touched import TOUCHED

HOOK_WITHIN_S = 30


@pytest.fixture(scope="session", autouse=True)
def _tools(tool: Callable[[str], None]) -> None:
    for name in ("httpx", "psycopg", "openapi-spec-validator", "jsonschema", "schemathesis", "squawk-cli"):
        tool(name)


@pytest.fixture(scope="session", autouse=True)
def _touched(keep: Callable[[str, str], None]) -> Iterator[None]:
    """Leave the list of what was touched, also where the stage is broken off."""
    yield
    keep("touched.json", TOUCHED.written())


@pytest.fixture(scope="session")
def http() -> Iterator[httpx.Client]:
    """A client without credentials."""
    with Client() as opened:
        yield opened


@pytest.fixture(scope="session")
def health(release: Release) -> Health:
    """`[health]` of release.toml."""
    return release.section("health", Health)


@pytest.fixture
def api(release: Release) -> Api:
    """`[api]` of release.toml."""
    return release.section("api", Api)


@pytest.fixture
def database(release: Release) -> Database:
    """`[database]` of release.toml."""
    return release.section("database", Database)


@pytest.fixture
def sql(database: Database) -> Iterator[psycopg.Connection]:
    """A connection to the release's database, where `[database]` is declared; each statement is its own transaction."""
    assert database
    with connect(address()) as connection:
        yield connection


@pytest.fixture(scope="session")
def hooks(release: Release) -> frozenset[str]:
    """The names of the hooks in `[target.hooks]`."""
    return frozenset(release.section("target", Target).hooks)


@pytest.fixture(scope="session")
def outages(release: Release, http: httpx.Client, health: Health) -> Outages:
    """Takes dependencies away by their hooks."""
    commands = release.section("target", Target).hooks

    def run(name: str) -> None:
        subprocess.run(commands[name], cwd=release.root, check=True, timeout=HOOK_WITHIN_S)  # noqa: S603

    return Outages(http, health, run)
