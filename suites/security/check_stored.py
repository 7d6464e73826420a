"""What the database keeps of secrets, and for how long a session counts: seen in the release's own database."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import httpx
import psycopg
import pytest

from checks.claim import check
from checks.findings import Findings
from evidence.errors import CannotTell
from evidence.release import Release
from evidence.variables import resolve
from suites.security import stored
from suites.security.conftest import token_of
from suites.security.contract import Account, Csrf, Keys, Session
from suites.statements import address, connect

SignIn = Callable[[], httpx.Client]
MARGIN_S = 60


@pytest.fixture
def database() -> Iterator[psycopg.Connection[Any]]:
    """A connection to the release's database."""
    with connect(address()) as connection:
        yield connection


@check("STORED-001", needs="write")
def check_secrets_cannot_be_read_in_the_database(
    database: psycopg.Connection[Any], release: Release, account: Account, member: httpx.Client, findings: Findings
) -> None:
    """No API key, session or password can be read in the database: who sees a backup can act as nobody."""
    keys = release.section("security.keys", Keys) if release.security.get("keys") else None
    values = {"a session": str(member.cookies[account.session_cookie])}
    if keys:
        values |= {f"the {name} key": resolve(getattr(keys, name)).split()[-1] for name in ("read", "write")}
    typed = resolve(account.form)
    passwords = {name: value for name, value in typed.items() if "pass" in name.lower()}
    wanted = {name: stored.forms(value, guessable=False) for name, value in values.items()}
    wanted |= {f"the form's {name}": stored.forms(value, guessable=True) for name, value in passwords.items()}
    there, problems = stored.readable(database, wanted, [text for name, text in typed.items() if name not in passwords])
    for place, what in problems:
        findings.add(place, what)
    if not there and not findings.found:
        message = "nothing of who signs in is in the database that was looked through: it may be another one"
        raise CannotTell(message)


@check("SESSION-004", needs="write")
def check_sessions_end_when_they_should(
    database: psycopg.Connection[Any], release: Release, account: Account, csrf: Csrf, signed_in: SignIn
) -> None:
    """A session counts as long as declared, and no longer, whatever the browser keeps."""
    for end in release.section("security.session", Session).ends:
        http = signed_in()
        known = {"session": http.cookies[account.session_cookie], "token": token_of(http, csrf)}
        _age(database, end.age, end.after_s - MARGIN_S, known)
        before = account.signed_in.send(http).status_code
        _age(database, end.age, 2 * MARGIN_S, known)
        after = account.signed_in.send(http).status_code

        assert account.signed_in.expect == before, f"{MARGIN_S} s before its {end.after_s} s are over it is ended"
        assert account.signed_out == after, f"{MARGIN_S} s after its {end.after_s} s it is answered {after}"


def _age(database: psycopg.Connection[Any], statement: str, seconds: int, known: dict[str, str]) -> None:
    """Make a session older than it is."""
    aged = database.execute(statement.encode(), {"seconds": seconds, **known}).rowcount
    if aged != 1:
        message = f"[security.session] age changes {aged} rows, not the one of the session that was just made"
        raise CannotTell(message)
