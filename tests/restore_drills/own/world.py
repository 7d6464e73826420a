"""A shop, the backups that its team makes of it, and what must come of them."""

from __future__ import annotations

import contextlib
import datetime as dt
import subprocess
from collections.abc import Callable
from pathlib import Path

import psycopg

from fixtures.postgres import Postgres, database, postgres
from restore_drills.own.contract import Own
from restore_drills.own.copy import Way
from restore_drills.own.look import counts, moment
from tests.restore_drills.backups_world import PROGRAMS, archived, execute

SHOP = (
    "CREATE ROLE clerk",
    "CREATE DATABASE shop",
)
ITEMS = """
    CREATE TABLE item (id int PRIMARY KEY, at timestamptz NOT NULL);
    CREATE TABLE basket (id int);
    CREATE MATERIALIZED VIEW sold AS SELECT * FROM item;
    INSERT INTO item SELECT n, '2026-11-25 12:00Z'::timestamptz - n * interval '1 hour' FROM generate_series(0, 999) n;
    REFRESH MATERIALIZED VIEW sold;
    GRANT SELECT ON item TO clerk;
"""
NEWEST = "SELECT max(at) FROM item"
NOON = dt.datetime(2026, 11, 25, 12, tzinfo=dt.UTC)
WHOLE = {"public.basket": 0, "public.item": 1000, "public.sold": 1000}
Fresh = Callable[[], contextlib.AbstractContextManager[Postgres]]


def fill(server: Postgres) -> None:
    """Open the shop."""
    execute(server.dsn, *SHOP)
    execute(database(server, "shop"), *filter(str.strip, ITEMS.split(";")))


def restored(own: Own, folder: Path, fresh: Fresh = postgres, address: str = "") -> dict[str, int]:
    """Bring it back, and count; what it told of its steps is of no interest."""
    with Way(own=own, root=folder, source=address, fresh=fresh, say=lambda _: None).gone() as copy:
        assert moment(copy.address, own.newest) == NOON
        assert copy.seconds > 0
        return counts(copy.address)


def dumped(server: Postgres, *arguments: str) -> None:
    """Dump the shop."""
    PROGRAMS.run("pg_dump", *arguments, dsn=database(server, "shop"))


def roles(server: Postgres, folder: Path) -> str:
    """Write the roles down."""
    PROGRAMS.run("pg_dumpall", "--globals-only", f"--file={folder / 'roles.sql'}", dsn=server.dsn)
    return "roles.sql"


def based(server: Postgres, folder: Path, *arguments: str) -> None:
    """Take a base backup that everybody may read."""
    PROGRAMS.run("pg_basebackup", f"--pgdata={folder}", "--checkpoint=fast", "--no-sync", *arguments, dsn=server.dsn)
    subprocess.run(["chmod", "-R", "a+rX", str(folder)], check=True)


def closed(server: Postgres) -> str:
    """Write something, and archive the segment that it is in."""
    execute(server.dsn, "SELECT txid_current()")
    return archived(server)


def superuser(server: Postgres) -> str:
    """Say as whom the server is asked."""
    with psycopg.connect(server.dsn) as connection:
        return str(connection.info.user)
