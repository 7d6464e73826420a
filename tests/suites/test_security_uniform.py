"""Answers and times are told apart where somebody could, and only there."""

from __future__ import annotations

import random

import httpx
import pytest

from suites.security.uniform import differences, timing

PAGE = "<p>{} is wrong</p><input value='{}'>"


def answer(text: str = "", status: int = 401, **headers: str) -> httpx.Response:
    """An answer."""
    return httpx.Response(status, text=text, headers={name.replace("_", "-"): text for name, text in headers.items()})


@pytest.mark.parametrize(
    ("other", "expected"),
    [
        (answer(PAGE.format("b@example.com", "n2n2n2n2n2n2n2n2n2n2")), []),
        (answer(PAGE.format("b@example.com", "n2n2n2n2n2n2n2n2n2n2"), status=404), ["status"]),
        (answer("<p>b@example.com is unknown</p>"), ["text"]),
        (answer(PAGE.format("b@example.com", "n2n2n2n2n2n2n2n2n2n2"), retry_after="1"), ["headers"]),
        (answer(PAGE.format("b@example.com", "n2n2n2n2n2n2n2n2n2n2"), x_ratelimit_reset="1"), []),
    ],
)
def test_answers_are_compared_without_tokens(other: httpx.Response, expected: list[str]) -> None:
    """What was typed and tokens differ always, and tell nothing."""
    one = answer(PAGE.format("a@example.com", "n1n1n1n1n1n1n1n1n1n1"))

    assert expected == [rule for rule, _ in differences(one, other, ["a@example.com", "b@example.com"])]


def test_another_place_is_seen() -> None:
    """Where the two are sent to different pages, the place tells."""
    one, other = answer(status=303, location="/a"), answer(status=303, location="/b")

    assert ["location"] == [rule for rule, _ in differences(one, other, [])]


def noisy(chance: random.Random, ms: float) -> float:
    """A time with a long tail, as machines have it."""
    return (ms + chance.expovariate(1 / 3)) / 1000


def test_times_that_differ_are_told_apart() -> None:
    """A password that is hashed for known users only takes longer for them, through all noise."""
    chance = random.Random(4)  # noqa: S311 - the same times every time
    seen = timing([(noisy(chance, 50), noisy(chance, 5)) for _ in range(12)])

    assert seen.tells
    assert 35 < seen.difference_ms < 55


def test_times_that_do_not_differ_are_not() -> None:
    """Of three hundred good releases on a noisy machine none is blocked by chance."""
    chance = random.Random(4)  # noqa: S311 - the same times every time
    runs = [timing([(noisy(chance, 50), noisy(chance, 50)) for _ in range(10)]) for _ in range(300)]

    assert 0 == sum(run.tells for run in runs)


def test_a_difference_that_nobody_notices_is_none() -> None:
    """A sure difference of a hundredth is no finding."""
    assert not timing([(50 + index / 1000, 49.5 + index / 1000) for index in range(12)]).tells


def test_chance_is_counted_exactly() -> None:
    """Twelve differences of one sign happen by chance twice in 4096 ways to set the signs."""
    assert 2 / 4096 == timing([(2.0 + index, 1.0) for index in range(12)]).chance
