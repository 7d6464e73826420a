"""`[load]` is read strictly, and what cannot be sent is refused before anything is."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from evidence.errors import InputError
from evidence.release import convert
from load.config import Load, resolve
from load.schedule import closings, draw

PLAIN: dict[str, Any] = {
    "rate_per_s": 100,
    "duration_s": 10,
    "requests": [{"name": "search", "path": "/search", "weight": 3}, {"name": "home", "path": "/"}],
}


def load(**changes: object) -> Load:
    """The plain table, with changes."""
    return convert({**PLAIN, **changes}, Load, "release.toml: [load]")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"rate_per_s": 0}, r"> 0.*rate_per_s"),
        ({"rate_per_s": float("nan")}, "rate_per_s"),
        ({"rate_per_s": 100_000}, "at most 500000 arrivals"),
        ({"rate_per_s": 0.01}, "less than one request"),
        ({"duration_s": 1}, r">= 2.*duration_s"),
        ({"longest_s": 5}, "longest_s is 5, less than duration_s, which is 10"),
        ({"users": 10}, "unknown field `users`"),
        ({"requests": []}, r"length >= 1.*requests"),
        ({"requests": [{"name": "x", "path": "x"}]}, r"matching regex.*path"),
        ({"requests": [{"name": "x", "path": "//elsewhere"}]}, r"matching regex.*path"),
        ({"requests": [{"name": "x", "path": "/", "expect": 99}]}, r">= 200.*expect"),
        ({"requests": [{"name": "x", "path": "/", "weight": 0}]}, r"> 0.*weight"),
    ],
)
def test_a_wrong_field_is_named(changes: dict[str, Any], message: str) -> None:
    """A table that asks for nothing, too much or something unknown is refused with file and field."""
    with pytest.raises(InputError, match=rf"(?s)^release\.toml: \[load\]: .*{message}"):
        load(**changes)


def test_variables_are_filled_in_everywhere() -> None:
    """Common headers reach every request; its own come first; secrets are filled into path and JSON."""
    request = {
        "name": "book",
        "path": "/${TEAM}/book",
        "method": "POST",
        "json": {"items": ["${TEAM}", 3]},
        "headers": {"X-Team": "own"},
    }
    filled = resolve(load(headers={"X-Key": "k-${TEAM}", "X-Team": "common"}, requests=[request]), {"TEAM": "red"})

    assert ("/red/book", {"items": ["red", 3]}) == (filled.requests[0].path, filled.requests[0].json)
    assert {"X-Key": "k-red", "X-Team": "own"} == filled.requests[0].headers


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"headers": {"X": "${ABSENT}"}}, "environment variable ABSENT, which is not set"),
        ({"headers": {"X": "${BROKEN}"}}, "'search': header 'X' cannot be sent"),
        ({"headers": {"X Y": "z"}}, "header 'X Y' cannot be sent"),
        ({"requests": [{"name": "x", "path": "/${BROKEN}"}]}, "'x': path has a blank"),
    ],
)
def test_what_cannot_be_sent_is_refused_without_its_value(changes: dict[str, Any], message: str) -> None:
    """A missing variable, or one that breaks HTTP, is named; its value, perhaps a secret, is not."""
    with pytest.raises(InputError, match=message) as caught:
        resolve(load(**changes), {"BROKEN": "secret\r\nX-Other: 1"})
    assert "secret" not in str(caught.value)


def test_the_asked_number_arrives_unevenly_and_repeatably() -> None:
    """Exactly the asked number in each part, in order, in bursts as of a Poisson process; the same for one seed."""
    plan = load(warmup_s=2, rate_per_s=500)
    arrivals = draw(plan)
    starts = [arrival.at_s for arrival in arrivals]
    gaps = [later - earlier for earlier, later in itertools.pairwise(starts)]

    assert (1000, 6000) == (sum(start < 2 for start in starts), len(starts))
    assert sorted(starts) == starts
    # Of exponential gaps, 1 - 1/e are shorter than the mean.
    assert pytest.approx(0.632, abs=0.02) == sum(gap < 1 / 500 for gap in gaps) / len(gaps)
    assert arrivals == draw(plan)
    assert arrivals != draw(load(warmup_s=2, rate_per_s=500, seed=2))


def test_weights_share_the_arrivals_out() -> None:
    """Three in four requests are of the kind with weight three."""
    arrivals = draw(load(rate_per_s=1000))

    assert pytest.approx(0.75, abs=0.02) == sum(one.request.name == "search" for one in arrivals) / len(arrivals)


def test_a_window_may_close_early_or_late() -> None:
    """It closes after duration_s, or every five seconds after that, and at the latest after longest_s."""
    assert [17.0, 22.0, 27.0, 30.0] == closings(load(warmup_s=2, duration_s=15, longest_s=28))
    assert [17.0] == closings(load(warmup_s=2, duration_s=15))
