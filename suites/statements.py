"""A connection to the release's database whose statements are counted, without their values, as what was touched."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Any, Self

import psycopg
from psycopg import sql
from psycopg.abc import Params, Query
from psycopg.rows import TupleRow

from evidence.errors import CannotTell
from suites.touched import TOUCHED

CONNECTED_WITHIN_S = 10


class Counting(psycopg.Cursor[TupleRow]):
    """Counts what is sent, also where it then fails."""

    def execute(self, query: Query, params: Params | None = None, **options: Any) -> Self:  # noqa: ANN401 - psycopg's own
        """Count and send."""
        TOUCHED.ran(_text(query))
        return super().execute(query, params, **options)  # type: ignore[arg-type]  # its overloads tell templates apart

    def executemany(self, query: Query, params_seq: Iterable[Params], *, returning: bool = False) -> None:
        """Count and send."""
        TOUCHED.ran(_text(query))
        super().executemany(query, params_seq, returning=returning)


def connect(where: str) -> psycopg.Connection[TupleRow]:
    """Connect; every statement is a transaction of its own."""
    return psycopg.connect(where, autocommit=True, connect_timeout=CONNECTED_WITHIN_S, cursor_factory=Counting)


def address() -> str:
    """The address of the release's database; CannotTell where nobody has told it."""
    told = os.environ.get("TARGET_DATABASE")
    if not told:
        message = "the target's database is not given: its start command, or [target] database_env, tells its address"
        raise CannotTell(message)
    return told


def _text(query: Query) -> str:
    if isinstance(query, sql.Composable):
        return query.as_string(None)
    return query.decode(errors="replace") if isinstance(query, bytes) else str(query)
