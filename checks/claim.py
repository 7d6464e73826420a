"""A check is a function with an id whose docstring, one sentence, is the claim that the reports quote."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, TypeVar

from checks.permission import Need

Function = TypeVar("Function", bound=Callable[..., Any])

ID = re.compile(r"[A-Z][A-Z0-9]*(-[A-Z0-9]+)*-\d{3}")


def check(identifier: str, *, needs: Need | None = None) -> Callable[[Function], Function]:
    """Give a function its id, and say what it needs to be allowed on a release that is not on loopback.

    ValueError where the id is malformed or the function states no claim.
    """

    def mark(function: Function) -> Function:
        where = f"{function.__module__}.{function.__name__}"
        if not ID.fullmatch(identifier):
            msg = f"{where}: the check id {identifier!r} is not of the form AREA-123"
            raise ValueError(msg)
        if not (function.__doc__ or "").strip():
            msg = f"{where}: the check {identifier} needs a docstring: one sentence, its claim"
            raise ValueError(msg)
        function.__check_id__ = identifier  # type: ignore[attr-defined]
        function.__check_needs__ = needs  # type: ignore[attr-defined]
        return function

    return mark


def identifier_of(function: Callable[..., Any]) -> str | None:
    """Return the id given by `check`, or None."""
    return getattr(function, "__check_id__", None)


def needs_of(function: Callable[..., Any]) -> Need | None:
    """Return what `check` was told that it needs to be allowed."""
    return getattr(function, "__check_needs__", None)


def claim_of(function: Callable[..., Any]) -> str:
    """Return the docstring as one line."""
    return " ".join((function.__doc__ or "").split())
