"""What was seen in the browser, in the form in which the journeys' own process hands it over."""

from __future__ import annotations

import msgspec
from playwright.sync_api import Error, TimeoutError  # noqa: A004 - Playwright's own name for it

from evidence.model import Outcome
from suites.touched import Row


class Problem(msgspec.Struct, frozen=True):
    """Something that no user should meet: `what` went wrong, and on which page or in which journey."""

    where: str
    what: str

    def __str__(self) -> str:
        """As the evidence quotes it."""
        return f"{self.where}: {self.what}"


class Journey(msgspec.Struct, frozen=True):
    """What became of one test of the release's own; `retried` where the folder's own options tried it again."""

    test: str
    outcome: Outcome
    detail: str = ""
    retried: bool = False

    def __str__(self) -> str:
        """As the evidence quotes it."""
        return f"{self.test}: {self.detail}" if self.detail else self.test


class Seen(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All that one process saw; `pages` counts the pages that were watched, `touched` what they asked for."""

    journeys: tuple[Journey, ...] = ()
    problems: tuple[Problem, ...] = ()
    pages: int = 0
    touched: tuple[Row, ...] = ()


def is_releases_fault(error: BaseException) -> bool:
    """Tell a release that does not do what was asked from a browser or a test that broke."""
    if isinstance(error, BaseExceptionGroup):  # soft assertions
        return any(map(is_releases_fault, error.exceptions))
    return isinstance(error, AssertionError | TimeoutError) or (isinstance(error, Error) and "net::ERR_" in str(error))
