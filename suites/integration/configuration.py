"""Whether a configuration can go into production: pure, over its variables. No value is ever told."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator, Mapping

import psycopg
from psycopg import conninfo

from evidence.errors import InputError
from suites.integration.contract import Configuration

SHORTEST, FEWEST_CHARACTERS = 16, 8
PLACEHOLDERS = frozenset(
    [
        "a",
        "admin",
        "app",
        "change",
        "changeme",
        "changeit",
        "default",
        "demo",
        "dev",
        "development",
        "dummy",
        "example",
        "foo",
        "insecure",
        "key",
        "local",
        "me",
        "my",
        "not",
        "password",
        "placeholder",
        "please",
        "postgres",
        "root",
        "sample",
        "secret",
        "super",
        "test",
        "testing",
        "the",
        "this",
        "to",
        "todo",
        "token",
        "user",
        "value",
        "very",
        "xxx",
        "your",
    ]
)
WORD = re.compile(r"[A-Za-z]+")
ENCRYPTED = ("require", "verify-ca", "verify-full")
Problem = tuple[str, str]


def problems(variables: Mapping[str, str], declared: Configuration) -> Iterator[Problem]:
    """Tell which variable is missing, which secret anybody could guess, which database is spoken to in clear text."""
    for name in dict.fromkeys((*declared.required, *declared.secrets, *declared.databases)):
        if not variables.get(name):
            yield name, "it is not set"
    given = {name: value for name in declared.secrets if (value := variables.get(name))}
    for name, value in given.items():
        if what := guessable(value):
            yield name, what
        if same := [other for other in given if other < name and given[other] == value]:
            yield name, f"it is the same as {same[0]}"
    for name in declared.databases:
        if address := variables.get(name):
            yield from _database(name, address)


def guessable(secret: str) -> str:
    """Why anybody could guess a secret, or nothing."""
    words = WORD.findall(secret.lower())
    if words and all(word in PLACEHOLDERS for word in words):
        return "it is a placeholder"
    if len(secret) < SHORTEST:
        return f"it is shorter than {SHORTEST} characters"
    if len(set(secret)) < FEWEST_CHARACTERS:
        return f"it has fewer than {FEWEST_CHARACTERS} different characters"
    return ""


def read(printed: str) -> dict[str, str]:
    """Read NAME=VALUE lines, as `env` prints them, or a file of them; quotes around a value are not part of it."""
    pairs = (line.strip().removeprefix("export ").partition("=") for line in printed.splitlines())
    return {name.strip(): value.strip().strip("\"'") for name, equals, value in pairs if equals}


def _database(name: str, address: str) -> Iterator[Problem]:
    try:
        parts = {key: str(value) for key, value in conninfo.conninfo_to_dict(address).items()}
    except psycopg.ProgrammingError:
        msg = f"[security.configuration] databases: {name} holds no PostgreSQL address"
        raise InputError(msg) from None
    host = parts.get("hostaddr") or parts.get("host") or ""
    if not _local(host) and parts.get("sslmode") not in ENCRYPTED:
        yield name, f"the database is not local, and sslmode is none of {', '.join(ENCRYPTED)}"
    if what := guessable(parts["password"]) if parts.get("password") else "":
        yield f"{name} password", what


def _local(host: str) -> bool:
    if not host or host.startswith(("/", "@")) or host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
