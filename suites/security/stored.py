"""What a database has in it as it was sent: keys, sessions and passwords that only their hashes should be of."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator, Mapping
from typing import Any

import psycopg
from psycopg import sql

Problem = tuple[str, str]
WITHIN_MS = 20_000
TABLES = """
SELECT n.nspname, c.relname FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'm') AND n.nspname NOT LIKE 'pg\\_%%' AND n.nspname <> 'information_schema'
ORDER BY 1, 2
"""
HELD = """
SELECT sought.text FROM unnest(%s::text[]) AS sought(text)
WHERE EXISTS (SELECT FROM {} AS held WHERE strpos((held.*)::text, sought.text) > 0)
"""
"""Which of these are anywhere in the rows of a table, in the text that PostgreSQL shows of them; whatever its columns
are called."""


def forms(value: str, *, guessable: bool) -> dict[str, str]:
    """How a secret may stand there, readable: by itself, coded, and where it can be guessed as a fast hash."""
    raw = value.encode()
    found = {"as it is": value, "in hex": raw.hex(), "in base64": base64.b64encode(raw).decode().rstrip("=")}
    if guessable:
        found |= {f"as {kind} without salt": hashlib.new(kind, raw).hexdigest() for kind in ("md5", "sha1", "sha256")}
    return found


def tables(connection: psycopg.Connection[Any]) -> list[tuple[str, str]]:
    """Every table and materialized view, by schema and name."""
    connection.execute(f"SET statement_timeout = {WITHIN_MS}")
    return list(connection.execute(TABLES).fetchall())


def held(connection: psycopg.Connection[Any], table: tuple[str, str], texts: list[str]) -> set[str]:
    """Which of the texts are somewhere in a table."""
    query = sql.SQL(HELD).format(sql.Identifier(*table))
    return {row[0] for row in connection.execute(query, [texts])}


def readable(
    connection: psycopg.Connection[Any], wanted: Mapping[str, Mapping[str, str]], known: list[str]
) -> tuple[bool, Iterator[Problem]]:
    """Whether any of `known`, that must be there, is, and each place where a secret of `wanted` can be read."""
    by_text = {text: (name, form) for name, each in wanted.items() for form, text in each.items()}
    found = {table: held(connection, table, [*by_text, *known]) for table in tables(connection)}
    problems = (
        (f"{'.'.join(table)} {name}", f"{name} stands there {form}: whoever sees a backup can use it")
        for table, texts in found.items()
        for text in sorted(texts & set(by_text))
        for name, form in (by_text[text],)
    )
    return any(texts & set(known) for texts in found.values()), problems
