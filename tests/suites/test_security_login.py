"""The two who are refused at sign-in differ in nothing but who they are."""

from __future__ import annotations

import pytest

from evidence.errors import InputError
from suites.api import Request
from suites.security.check_login import NOBODY, typed
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
