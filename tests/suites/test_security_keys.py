"""A release that takes longer to refuse a key that begins as a real one is told apart; others are not judged by it."""

from __future__ import annotations

import string
import time

import httpx
import pytest

from evidence.errors import CannotTell, NotApplicable
from suites.api import Request
from suites.security import check_keys
from suites.security.contract import Keys
from suites.security.uniform import timing

KEYS = Keys(header="X", read="a", write="b", refused=(), reading=Request(path="/"), writing=Request(path="/"))
HELD, OTHER = "Bearer shop_live_0f3a9c1b-77d2e5a4b8c6d1e0", "Bearer shop_live_9e4b1d7a-02c8f6e3a5b7d9c1"


def refused(slow_s: float = 0.0, allowed: int = 1000, status: int = 401) -> list[tuple[float, float]]:
    """What is seen of a release that takes longer where it knows the beginning."""
    asked: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request.headers["x"])
        if len(asked) > allowed:
            return httpx.Response(429, stream=httpx.ByteStream(b""))
        time.sleep(slow_s if request.headers["x"] == "near" else 0)
        return httpx.Response(status, stream=httpx.ByteStream(b""))

    with httpx.Client(base_url="http://release", transport=httpx.MockTransport(answer)) as http:
        return check_keys.refused(http, KEYS, "near", "far")


def test_right_beginning_that_takes_longer_is_told_apart() -> None:
    """A slow hash behind a look-up by the first characters shows."""
    seen = timing(refused(slow_s=0.005))

    assert seen.tells
    assert seen.difference_ms > 0


def test_made_up_keys_have_the_form_of_a_real_one() -> None:
    """One shares all but its end, one only what every key has; both look like a key."""
    near, far = check_keys.made_up(HELD, OTHER)

    assert (HELD[:-8], "Bearer shop_live_") == (near[:-8], far[:17])
    assert not any(one == other for one, other in zip(HELD[-8:], near[-8:], strict=True))
    assert not any(one == other for one, other in zip(HELD[17:], far[17:], strict=True) if one != "-")
    assert {len(HELD)} == {len(near), len(far)}
    assert ["-", "-"] == [value.removeprefix("Bearer shop_live_")[8] for value in (near, far)]
    assert set(near + far) - set("Bearer shop_live_-") <= set(string.hexdigits)


@pytest.mark.parametrize(("allowed", "pairs"), [(1, 0), (2, 0), (2 + 6 * 4, 4)])
def test_what_is_put_off_is_no_time(allowed: int, pairs: int) -> None:
    """Where requests are put off, what came before is all that is compared."""
    assert pairs == len(refused(allowed=allowed))


def test_key_that_is_not_refused_is_not_timed() -> None:
    """An answer that is no refusal says nothing of refusals."""
    with pytest.raises(CannotTell, match="answers 200 to a made-up key"):
        refused(status=200)


def test_signed_tokens_have_no_secret_beginning() -> None:
    """The beginning of a token in JSON is its header, which anybody knows."""
    with pytest.raises(NotApplicable, match="signed tokens"):
        check_keys.made_up("Bearer eyJhbGciOiJIUzI1NiJ9.e30.aaaaaaaaaaaaaaaaaaaa", OTHER)


def test_keys_that_hardly_differ_are_not_judged() -> None:
    """Two keys that differ at their end only have no beginning that could be tried."""
    with pytest.raises(CannotTell, match="differ in 4 characters"):
        check_keys.made_up("Bearer 0123456789abcdef0001", "Bearer 0123456789abcdef1001")
