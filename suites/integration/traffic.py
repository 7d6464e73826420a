"""Reads and writes that go on while something is done to their database."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

import psycopg
from psycopg import sql

from evidence.errors import CannotTell
from suites.statements import connect

PAUSE_S = 0.005


@dataclass
class Statement:
    """One statement, run over and over."""

    text: str
    done: int = 0
    slowest_ms: float = 0.0
    failures: dict[str, int] = field(default_factory=dict)
    """How often each message came."""
    never: str = ""
    """Why it could not even begin."""


@contextmanager
def going_on(url: str, role: str, statements: Mapping[str, str], within_ms: int) -> Iterator[dict[str, Statement]]:
    """Run every statement, each over and over on a connection of its own, as `role`; none may take longer than told."""
    seen = {name: Statement(text) for name, text in statements.items()}
    over = threading.Event()
    threads = [threading.Thread(target=_repeat, args=(url, role, one, within_ms, over)) for one in seen.values()]
    for thread in threads:
        thread.start()
    try:
        _wait_for_first(seen, within_ms)
        yield seen
    finally:
        over.set()
        for thread in threads:
            thread.join()
    for name, one in seen.items():
        if not one.done:
            msg = f"{name} never ran: {one.never or 'there was no time'}"
            raise CannotTell(msg)


def _repeat(url: str, role: str, statement: Statement, within_ms: int, over: threading.Event) -> None:
    try:
        with connect(url) as connection:
            connection.execute(sql.SQL("SET ROLE {}").format(sql.Identifier(role)))
            connection.execute(sql.SQL("SET statement_timeout = {}").format(within_ms))
            while not (over.is_set() or connection.closed):
                _once(connection, statement)
                over.wait(PAUSE_S)
    except psycopg.Error as error:
        statement.never = str(error).splitlines()[0]


def _once(connection: psycopg.Connection, statement: Statement) -> None:
    started = time.monotonic()
    try:
        connection.execute(statement.text.encode())
    except psycopg.Error as error:
        message = str(error).splitlines()[0]
        statement.failures[message] = statement.failures.get(message, 0) + 1
    statement.done += 1
    statement.slowest_ms = max(statement.slowest_ms, (time.monotonic() - started) * 1000)


def _wait_for_first(seen: Mapping[str, Statement], within_ms: int) -> None:
    """Begin when every statement has run once, or should have."""
    deadline = time.monotonic() + 2 * within_ms / 1000
    while time.monotonic() < deadline and not all(one.done or one.never for one in seen.values()):
        time.sleep(PAUSE_S)
