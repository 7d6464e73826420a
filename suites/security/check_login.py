"""Signing in: only with the password, not by trying, and without telling who has an account."""

from __future__ import annotations

import secrets
from collections.abc import Callable

import httpx
import pytest

from checks.claim import check
from checks.findings import Findings
from evidence.errors import CannotTell, InputError
from evidence.release import Release
from evidence.variables import resolve
from suites.api import Client, needed
from suites.security.conftest import submit
from suites.security.contract import Account
from suites.security.uniform import differences, timing

PAIRS, FEWEST_PAIRS, THROTTLED_FOR_S = 12, 10, 60
NOBODY = secrets.token_hex(4)
Pair = tuple[httpx.Response, httpx.Response]


@pytest.fixture(scope="module")
def refused(release: Release, member: httpx.Client) -> list[Pair]:
    """Wrong sign-ins, one for a known and one for an unknown user at a time, until both are put off or tried enough."""
    # Where nobody can sign in everybody is refused alike.
    assert member
    account = release.section("security.account", Account)
    most = 2 * account.throttled_after if account.throttled_after else PAIRS
    with Client(apart=True, patient=False) as http:
        # What is loaded at the first time is no difference between users.
        _try_both(http, account, 0)
    pairs: list[Pair] = []
    with Client(apart=True, patient=False) as http:
        while len(pairs) < most:
            pairs.append(_try_both(http, account, len(pairs)))
            if all(answer.status_code == account.throttled for answer in pairs[-1]):
                break
    return pairs


@check("LOGIN-001", needs="attack")
@pytest.mark.usefixtures("member")
def check_wrong_credentials_are_refused(account: Account) -> None:
    """A wrong password opens no session."""
    wrong = needed(account.wrong, "[security.account] wrong")
    with Client(apart=True) as http:
        submit(http, account, **resolve(wrong))

        assert account.signed_out == account.signed_in.send(http).status_code


@check("LOGIN-002", needs="attack")
def check_sign_in_tells_nobody_who_has_an_account(account: Account, refused: list[Pair], findings: Findings) -> None:
    """A wrong password for somebody who has an account is answered as for somebody who has none."""
    shown = (*resolve(account.form).values(), *typed(account)[1].values())
    for rule, what in differences(*refused[0], typed=shown):
        findings.add(f"{account.page} {rule}", what)


@check("LOGIN-003", needs="attack")
def check_sign_in_takes_as_long_for_nobody(
    account: Account, refused: list[Pair], findings: Findings, measure: Callable[..., None]
) -> None:
    """How long a refused sign-in takes does not tell whether there is such an account."""
    judged = [pair for pair in refused if account.throttled not in {answer.status_code for answer in pair}]
    pairs = judged[:PAIRS]
    if len(pairs) < FEWEST_PAIRS:
        message = f"sign-ins are put off after {len(pairs)} pairs, and {FEWEST_PAIRS} are needed to compare times"
        raise CannotTell(message)
    seen = timing([(one.elapsed.total_seconds(), other.elapsed.total_seconds()) for one, other in pairs])
    measure(difference_ms=abs(seen.difference_ms), chance_ratio=seen.chance, pairs_total=len(pairs))
    if seen.tells:
        longer = "longer" if seen.difference_ms > 0 else "shorter"
        findings.add(f"{account.page} timing", f"a sign-in takes {longer} for who has an account: names can be tried")


@check("LOGIN-004", needs="attack")
def check_passwords_cannot_be_tried_on(account: Account, refused: list[Pair], findings: Findings) -> None:
    """After the declared number of wrong passwords the next tries are put off, for known and unknown users alike."""
    throttled_after = needed(account.throttled_after, "[security.account] throttled_after")
    seconds = sum(answer.elapsed.total_seconds() for pair in refused for answer in pair)
    # A limit is for a while: what a slow machine tries in that time may be within it.
    allowed = throttled_after * (1 + seconds / THROTTLED_FOR_S)
    for who, answers in zip(("a known user", "an unknown user"), zip(*refused, strict=True), strict=True):
        tried = [answer.status_code for answer in answers]
        if account.throttled not in tried:
            if len(tried) <= allowed:
                message = f"{len(tried)} sign-ins took {seconds:.0f} s, too long to tell whether they are put off"
                raise CannotTell(message)
            findings.add(f"{who} never", f"{len(tried)} wrong passwords for {who} are all tried, none is put off")
        elif (first := tried.index(account.throttled)) < throttled_after:
            findings.add(f"{who} early", f"{who} is put off before {throttled_after} wrong passwords")
        elif first > allowed:
            # A limit of all requests puts off as well, but nobody in particular, and later.
            findings.add(f"{who} late", f"{who} is put off after {first} wrong passwords, not {throttled_after}")


def typed(account: Account) -> tuple[dict[str, str], dict[str, str]]:
    """What a refused sign-in changes in the form: for somebody who has an account, and for somebody who has none."""
    wrong: dict[str, str] = resolve(needed(account.wrong, "[security.account] wrong"))
    unknown: dict[str, str] = resolve(needed(account.unknown, "[security.account] unknown"))
    if misspelt := {*wrong, *unknown} - set(account.form):
        msg = f"[security.account] wrong and unknown: the form has no {', '.join(sorted(misspelt))}; mend the name"
        raise InputError(msg)
    # The same one in all tries of a run, another one in the next. A field of both, as a password, is its own.
    return wrong, {**wrong, **{name: value.replace("{n}", NOBODY) for name, value in unknown.items()}}


def _try_both(http: httpx.Client, account: Account, turn: int) -> Pair:
    """Sign in wrongly as both, one right after the other and by turns first, so that it is the same for both."""
    known, unknown = typed(account)
    if turn % 2:
        one = submit(http, account, **known)
        return one, submit(http, account, **unknown)
    other = submit(http, account, **unknown)
    return submit(http, account, **known), other
