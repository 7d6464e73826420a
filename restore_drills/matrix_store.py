"""The second half of the matrix: which damage in a store of backups is refused, before there is any copy to look at."""

from __future__ import annotations

import contextlib
import re
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

import msgspec
import psycopg
from psycopg import conninfo, sql

from restore_drills import refusals
from restore_drills.backups import proof, take
from restore_drills.backups.crypt import Keys
from restore_drills.backups.dump import OURS
from restore_drills.backups.model import Damaged
from restore_drills.backups.programs import Programs
from restore_drills.backups.repository import Repository
from restore_drills.backups.store import HIDDEN, Folder
from restore_drills.estate import estate
from restore_drills.levels import LEVELS

SHOP = (
    "CREATE TABLE item AS SELECT n AS id, 'item ' || n AS name FROM generate_series(1, 1000) n",
    "GRANT SELECT ON item TO matrix_store_clerk",
)
MISSING = re.compile(r'role "[^"]+" does not exist')
ROLELESS = "dump without its roles, into a fresh server"


def seen(dsn: str) -> Mapping[str, tuple[bool, ...]]:
    """Try each damage on backups of a small database, and say whether it was refused by name; at every level alike."""
    with _shop(dsn) as shop, tempfile.TemporaryDirectory(prefix="release-verification-matrix-") as name:
        store = Path(name, "store")
        own = Repository(Folder(store), store / HIDDEN, Keys(), lambda _: None)
        one = take.logical(own, Programs(), shop)
        with estate(own, one) as made:
            found = {case.title: case.artefact in case.said for case in refusals.of(made, one)}
        found[ROLELESS] = _roleless(own, shop)
    return {title: (refused,) * len(LEVELS) for title, refused in found.items()}


def _roleless(own: Repository, shop: str) -> bool:
    one = take.logical(own, Programs(), shop, msgspec.structs.replace(OURS, globals=()))
    try:
        proof.restored(own, Programs(), one)
    except Damaged as problem:
        return bool(MISSING.search(str(problem)))
    return False


@contextlib.contextmanager
def _shop(dsn: str) -> Iterator[str]:
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("CREATE ROLE matrix_store_clerk")
        connection.execute("CREATE DATABASE matrix_store")
        address = conninfo.make_conninfo(dsn, dbname="matrix_store")
        with psycopg.connect(address) as filling:
            for statement in SHOP:
                filling.execute(sql.SQL(statement))
        yield address
        connection.execute("DROP DATABASE matrix_store WITH (FORCE)")
        connection.execute("DROP ROLE matrix_store_clerk")
