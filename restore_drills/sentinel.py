"""A word that no other run knows, written right before the backup: a copy without it comes from another backup."""

from __future__ import annotations

import secrets
import time
from typing import LiteralString

import psycopg
from psycopg import sql

TABLE = "release_verification_drill.sentinel"
MAKE: tuple[LiteralString, ...] = (
    "DROP SCHEMA IF EXISTS release_verification_drill CASCADE",
    "CREATE SCHEMA release_verification_drill",
    "CREATE TABLE release_verification_drill.sentinel (word text PRIMARY KEY)",
)
OWNER = """
    SELECT pg_get_userbyid(datdba) FROM pg_database
    WHERE datname = current_database() AND pg_has_role(datdba, 'MEMBER')
"""
WRITE = "INSERT INTO release_verification_drill.sentinel VALUES (%s)"
READ = "SELECT word FROM release_verification_drill.sentinel"


class Sentinel:
    """Writes to the database at `dsn`, in a schema of its own, until `remove`."""

    def __init__(self, dsn: str) -> None:
        """Make its table."""
        self._dsn = dsn
        self.written: dict[str, float] = {}
        with psycopg.connect(dsn, autocommit=True) as connection:
            # As whoever owns the database: a backup need not know the role that we come as.
            if owner := connection.execute(OWNER).fetchone():
                connection.execute(sql.SQL("SET ROLE {}").format(sql.Identifier(owner[0])))
            for statement in MAKE:
                connection.execute(statement)

    def write(self) -> str:
        """Write a new word; it is acknowledged when this returns."""
        word = secrets.token_hex(8)
        with psycopg.connect(self._dsn, autocommit=True) as connection:
            connection.execute(WRITE, (word,))
        self.written[word] = time.monotonic()
        return word

    def lost_s(self, copy: str) -> float | None:
        """Say how much older the newest word in the copy is than the last acknowledged one; None where it has none."""
        came_back = self.written.keys() & words(copy)
        if not came_back:
            return None
        return max(self.written.values()) - max(self.written[word] for word in came_back)

    def remove(self) -> None:
        """Leave nothing behind."""
        with psycopg.connect(self._dsn, autocommit=True) as connection:
            connection.execute(MAKE[0])


def words(dsn: str) -> set[str]:
    """Read the words of a copy; none where it does not even know the table."""
    with psycopg.connect(dsn) as connection:
        try:
            return {str(word) for (word,) in connection.execute(READ)}
        except (psycopg.errors.UndefinedTable, psycopg.errors.InvalidSchemaName):
            return set()
