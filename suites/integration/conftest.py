"""What the integration checks ask for."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator

import httpx
import psycopg
import pytest

from evidence.release import Release
from evidence.variables import variable
from fixtures.target import Target
from suites.api import Client
from suites.integration.contract import Api, Database, Health

HOOK_WITHIN_S = 30


@pytest.fixture(scope="session", autouse=True)
def _tools(tool: Callable[[str], None]) -> None:
    for name in ("httpx", "psycopg", "openapi-spec-validator", "jsonschema"):
        tool(name)


@pytest.fixture(scope="session")
def http() -> Iterator[httpx.Client]:
    """A client without credentials."""
    with Client() as opened:
        yield opened


@pytest.fixture
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
def sql() -> Iterator[psycopg.Connection]:
    """A connection to the release's database; every statement is a transaction of its own."""
    with psycopg.connect(variable("TARGET_DATABASE"), autocommit=True, connect_timeout=10) as connection:
        yield connection


@pytest.fixture
def hook(release: Release) -> Callable[[str], None]:
    """Run a hook of `[target.hooks]` by name."""
    hooks = release.section("target", Target).hooks

    def run(name: str) -> None:
        if name not in hooks:
            pytest.skip(f"{release.path}: [target.hooks] declares no {name}")
        subprocess.run(hooks[name], cwd=release.root, check=True, timeout=HOOK_WITHIN_S)  # noqa: S603

    return run
