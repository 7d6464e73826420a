"""The two who are refused at sign-in differ in nothing but who they are."""

from __future__ import annotations

import datetime as dt

import httpx
import pytest

from checks.findings import Findings
from evidence.errors import CannotTell, InputError
from suites.api import Request
from suites.security import check_login
from suites.security.check_login import NOBODY, Pair, typed
from suites.security.contract import Account


@pytest.mark.parametrize(
    ("unknown", "expected"),
    [
        ({"name": "nobody-{n}"}, {"name": f"nobody-{NOBODY}", "password": "wrong"}),
        ({"name": "nobody", "password": "${OTHER}"}, {"name": "nobody", "password": "another"}),
    ],
)
def test_a_field_of_both_is_typed_once(
    unknown: dict[str, str], expected: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where `wrong` and `unknown` name the same field, somebody unknown types what `unknown` says."""
    monkeypatch.setenv("OTHER", "another")
    account = Account(
        page="/login",
        form={"name": "somebody", "password": "right"},
        session_cookie="session",
        signed_in=Request(path="/"),
        wrong={"password": "wrong"},
        unknown=unknown,
    )

    assert ({"password": "wrong"}, expected) == typed(account)


def test_a_field_that_the_form_does_not_have_is_refused() -> None:
    """A typo would sign in with the right name, or password: the two would be the same person."""
    account = Account(
        page="/login",
        form={"name": "somebody", "password": "right"},
        session_cookie="session",
        signed_in=Request(path="/"),
        wrong={"password": "wrong"},
        unknown={"nmae": "nobody"},
    )

    with pytest.raises(InputError, match="the form has no nmae; mend the name"):
        typed(account)


def tries(put_off_after: int, number: int, each_s: float = 0.01) -> list[Pair]:
    """Wrong sign-ins, so many at a time, that are put off after some."""
    pairs = []
    for turn in range(number):
        pair = (httpx.Response(429 if turn >= put_off_after else 401), httpx.Response(429 if turn >= 3 else 401))
        for answer in pair:
            answer.elapsed = dt.timedelta(seconds=each_s)
        pairs.append(pair)
    return pairs


@pytest.mark.parametrize(
    ("put_off_after", "number", "each_s", "found"),
    [
        (3, 4, 0.01, []),
        (2, 4, 0.01, ["a known user early"]),
        (5, 6, 0.01, ["a known user late"]),
        (9, 6, 0.01, ["a known user never"]),
        (5, 6, 10, []),
    ],
)
def test_tries_are_put_off_when_declared(put_off_after: int, number: int, each_s: float, found: list[str]) -> None:
    """Sooner, later and never are each found; what is tried slowly may go on for longer."""
    account = Account(
        page="/login", form={}, session_cookie="session", signed_in=Request(path="/"), throttled_after=3, throttled=429
    )
    findings = Findings()
    check_login.check_passwords_cannot_be_tried_on(account, tries(put_off_after, number, each_s), findings)

    assert found == list(findings.found)


def test_tries_that_took_too_long_tell_nothing() -> None:
    """None is put off, and they were so slow that a limit for a minute allows them: that proves nothing."""
    account = Account(
        page="/login", form={}, session_cookie="session", signed_in=Request(path="/"), throttled_after=3, throttled=429
    )

    with pytest.raises(CannotTell, match="too long to tell"):
        check_login.check_passwords_cannot_be_tried_on(account, tries(9, 6, 10), Findings())
