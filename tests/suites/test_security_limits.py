"""A limit that was never reached has not been seen to hold."""

from __future__ import annotations

import pytest

from evidence.errors import CannotTell
from suites.api import Request
from suites.security.check_limits import reachable
from suites.security.contract import RateLimit

LIMIT = RateLimit(request=Request(path="/"), per_minute=600, burst=100)


def test_who_asks_too_slowly_cannot_tell() -> None:
    """Twenty beyond the burst in two seconds are what ten a second refill."""
    with pytest.raises(CannotTell, match="120 requests took 2 s, in which the limit allows as many"):
        reachable(LIMIT, 20, 2.0)


def test_who_asks_fast_enough_can() -> None:
    """In less time the limit must have refused somebody: that nobody was is the release's fault."""
    reachable(LIMIT, 20, 1.9)
