"""Hostile text proves something only where harmless text is taken, and every answer came."""

from __future__ import annotations

import httpx
import pytest

from checks.findings import Findings
from evidence.errors import CannotTell
from suites.security.check_injection import _came_back, _is_there
from suites.security.contract import Injection

DECLARED = Injection(pages=("/search?q={probe}",))


@pytest.mark.parametrize("status", [303, 401, 404, 429, 500])
def test_a_path_that_is_not_there_proves_nothing(status: int) -> None:
    """A typo, a sign-in page in between, a limit: no hostile text was looked at."""
    http = httpx.Client(transport=httpx.MockTransport(lambda _: httpx.Response(status)), base_url="http://shop")

    with pytest.raises(CannotTell, match=f"answered {status}"):
        _is_there(http, DECLARED, DECLARED.pages[0])


def test_what_was_not_seen_is_not_accepted_with_what_was_found() -> None:
    """A page that broke beside a finding fails as a whole: nobody accepts what nobody saw."""
    findings = Findings()
    findings.add("/search?q={probe} x", "it comes back as it was sent")

    with pytest.raises(AssertionError, match="no page came back"):
        _came_back(["/search: 500"], findings)
