"""How much of a copy is looked at: `counts` of rows, `digests` of their content, or `full`, which is everything."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Literal

import msgspec
import psycopg
from psycopg import conninfo

from evidence.errors import CannotTell
from restore_drills.backups.programs import ProgramFailed, Programs
from restore_drills.compare import Difference, differences
from restore_drills.fingerprint import Fingerprint, behind
from restore_drills.properties import LOCALE, sorts

Level = Literal["counts", "digests", "full"]
LEVELS: tuple[Level, ...] = ("counts", "digests", "full")
QUIET = "-c client_min_messages=warning"
"""What it finds it prints, which is quoted only where it says nothing else, such as that amcheck is there already."""
UNPOPULATED = """
    SELECT n.nspname || '.' || c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind = 'm' AND NOT c.relispopulated ORDER BY 1
"""


def seen(
    level: Level, source: Mapping[str, Fingerprint], copy: Mapping[str, Fingerprint], *, physical: bool
) -> list[Difference]:
    """Name the differences that this level looks at."""
    if level == "counts":
        source, copy = counted(source), counted(copy)
    found = differences(source, copy, physical=physical)
    return found if level == "full" else [each for each in found if each.part == "rows"]


def broken(address: str, programs: Programs | None = None) -> list[str]:
    """Name what is wrong with a copy by itself: structures, sequences behind, views that were never filled."""
    found = []
    try:
        amchecked(address, programs)
    except ProgramFailed as problem:
        found.append(f"amcheck: {problem}")
    with psycopg.connect(address) as connection:
        found += [f"sequence {name}: the next insert would collide" for name in behind(connection)]
        found += [f"materialized view {name}: was never filled" for (name,) in connection.execute(UNPOPULATED)]
        connection.rollback()
    return found


def whole(
    look: Callable[[Callable[[], None]], dict[str, Fingerprint]], check: Callable[[], list[str]]
) -> tuple[dict[str, Fingerprint], list[str]]:
    """Fingerprint a copy, and `check` it beside that: amcheck keeps one processor busy, and leaves the others idle.

    It makes an extension, which is none of the copy's: so `check` begins when `look` says that the schema is read.
    """
    coming: list[Future[list[str]]] = []
    with ThreadPoolExecutor(max_workers=1) as pool:
        content = look(lambda: coming.append(pool.submit(check)))
    (checked,) = coming
    return content, checked.result()


def sortable(address: str, source: Mapping[str, str]) -> None:
    """Refuse to judge the locale of a copy on a machine that has not the source's: CannotTell."""
    with psycopg.connect(address) as connection:
        if not sorts(connection, source[LOCALE]):
            msg = f"the copy's server has no locale {source[LOCALE]!r}: install it there, or restore to where it is"
            raise CannotTell(msg)


def amchecked(address: str, programs: Programs | None = None) -> None:
    """Hold every row against every index of a copy; ProgramFailed quotes what does not agree."""
    database = conninfo.make_conninfo(dbname=str(conninfo.conninfo_to_dict(address)["dbname"]))
    (programs or Programs()).run(
        "pg_amcheck", "--install-missing", "--heapallindexed", "--parent-check", "--jobs=2",
        "--exclude-schema=pg_catalog", database, dsn=conninfo.make_conninfo(address, options=QUIET),
    )  # fmt: skip


def counted(content: Mapping[str, Fingerprint]) -> dict[str, Fingerprint]:
    """Leave of each table how many rows it has."""
    return {
        name: msgspec.structs.replace(
            one, tables={table: msgspec.structs.replace(told, digest="") for table, told in one.tables.items()}
        )
        for name, one in content.items()
    }
