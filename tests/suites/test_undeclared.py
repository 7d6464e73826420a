"""What release.toml does not declare is no failure of the release: the check is SKIPPED, and names table and key."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
import msgspec
import pytest

from checks.findings import Findings
from evidence.release import Release, Source, Undeclared
from suites.api import Request, needed
from suites.integration import check_health
from suites.integration.contract import Health
from suites.security import (
    check_access,
    check_csrf,
    check_headers,
    check_injection,
    check_limits,
    check_login,
    check_roles,
)
from suites.security import check_sessions as sessions
from suites.security.contract import Access, Account, Csrf

HTTP, REQUEST = httpx.Client(), {"path": "/"}
ACCOUNT = Account(page="/login", form={"password": ""}, session_cookie="session", signed_in=Request(path="/"))
CSRF = Csrf(source="/", token="(.)", header="X", mutations=())
ACCESS = Access(roles={}, rules=())
RELEASE = Release(
    name="shop",
    version="1",
    source=Source(paths=()),
    security={
        "headers": {"pages": []},
        "keys": {"header": "X", "read": "a", "write": "b", "refused": [], "reading": REQUEST, "writing": REQUEST},
        "injection": {"headers": {"X": "a"}},
        "rate_limit": {"request": REQUEST, "per_minute": 1, "burst": 1},
    },
)


def nobody(*_: object, **__: object) -> Any:  # noqa: ANN401 - it never returns
    """Fail where a check asks for anything before it knows that there is something to ask for."""
    message = "it asked"
    raise AssertionError(message)


ASKED: dict[str, Callable[[], object]] = {
    "[security.keys] refused": lambda: check_access.check_dead_keys_open_nothing(HTTP, RELEASE),
    "[security.keys.made]": lambda: check_access.check_revoked_keys_die_at_once(HTTP, RELEASE, CSRF, HTTP),
    "[security.injection] api": lambda: check_injection.check_sql_in_parameters_is_text(HTTP, RELEASE, Findings()),
    "[security.injection] pages": lambda: check_injection.check_markup_in_parameters_is_text(HTTP, RELEASE, Findings()),
    "[security.headers] api": lambda: check_headers.check_api_answers_are_not_stored((), Findings(), nobody),
    "[security.headers] pages": lambda: check_headers.check_nonces_are_used_once(HTTP, RELEASE, Findings()),
    "[security.csrf] mutations": lambda: check_csrf.check_mutation_without_token_is_refused(CSRF, HTTP),
    "[security.account] sign_out": lambda: sessions.check_session_dies_at_sign_out(ACCOUNT, CSRF, nobody),
    "[security.account] wrong": lambda: check_login.check_wrong_credentials_are_refused(ACCOUNT),
    "[security.account] unknown": lambda: check_login.typed(
        msgspec.structs.replace(ACCOUNT, wrong={"password": "wrong"})
    ),
    "[security.account] throttled_after": lambda: check_login.check_passwords_cannot_be_tried_on(
        ACCOUNT, [], Findings()
    ),
    "[security.access] foreign": lambda: check_roles.check_objects_of_others_are_out_of_reach(
        ACCESS, [], {"other": (HTTP, {}), "user": (HTTP, {})}, Findings(), nobody
    ),
    "[security.rate_limit] anonymous": lambda: next(check_limits.used_up(RELEASE)),
    "[health] paths": lambda: check_health.check_health_paths_answer(HTTP, Health(paths=()), nobody),
}


@pytest.mark.parametrize("where", ASKED)
def test_what_is_not_declared_is_named_and_not_failed(where: str) -> None:
    """Without its declaration a check ends as Undeclared before it asks anything, in one line that names the key."""
    with pytest.raises(Undeclared) as refused:
        ASKED[where]()

    assert f"{where} is not declared; declare it, or say why not under [not_applicable]" == str(refused.value)


def test_what_is_declared_is_used() -> None:
    """What is there is returned as it is."""
    assert ("/",) == needed(("/",), "[health] paths")
