"""`[load]` is read strictly, and what cannot be sent is refused before anything is."""

from __future__ import annotations

import itertools
import math
from typing import Any

import pytest

from evidence.errors import InputError
from evidence.release import convert
from load.config import Load
from load.resolve import resolve
from load.schedule import draw

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
        ({"rate_per_s": 0}, "needs rate_per_s"),
        ({"rate_per_s": float("nan")}, "rate_per_s"),
        ({"rate_per_s": 100_000}, "at most 500000 arrivals"),
        ({"rate_per_s": 0.01}, "less than one request"),
        ({"duration_s": 1}, r">= 2.*duration_s"),
        ({"longest_s": 5}, "longest_s is 5, less than duration_s, which is 10"),
        ({"threads": 10}, "unknown field `threads`"),
        ({"users": 10}, "has no users"),
        ({"requests": []}, "needs either requests or a locustfile"),
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
    filled = resolve(
        load(headers={"X-Key": "k-${TEAM}", "X-Team": "common"}, requests=[request]), environment={"TEAM": "red"}
    )

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
        resolve(load(**changes), environment={"BROKEN": "secret\r\nX-Other: 1"})
    assert "secret" not in str(caught.value)


def test_the_asked_number_arrives_unevenly_and_repeatably() -> None:
    """Exactly the asked number in each part, in order, in bursts as of a Poisson process; the same for one seed."""
    asked = load(warmup_s=2, longest_warmup_s=2, rate_per_s=500)
    plan = draw(asked)
    starts = list(plan.at_s[plan.first :])
    gaps = [later - earlier for earlier, later in itertools.pairwise(starts)]

    assert (1000, 5000, 10) == (plan.first, len(starts), math.ceil(starts[-1]))
    assert sorted(starts) == starts
    # Of exponential gaps, 1 - 1/e are shorter than the mean.
    assert pytest.approx(0.632, abs=0.02) == sum(gap < 1 / 500 for gap in gaps) / len(gaps)
    assert plan == draw(asked)
    assert plan.at_s != draw(load(warmup_s=2, longest_warmup_s=2, rate_per_s=500, seed=2)).at_s


def test_the_window_s_arrivals_do_not_depend_on_warm_up() -> None:
    """However long that lasts, the same is asked in the window."""
    short, long, none = (draw(load(warmup_s=seconds)) for seconds in (2, 9, 0))

    assert short.at_s[short.first :] == long.at_s[long.first :] == none.at_s
    assert (0, ()) == (none.first, none.looks_s)


def test_weights_share_the_arrivals_out() -> None:
    """Three in four requests are of the kind with weight three."""
    kinds = draw(load(rate_per_s=1000)).kinds

    assert pytest.approx(0.75, abs=0.02) == kinds.count(0) / len(kinds)


def test_a_window_may_close_early_or_late() -> None:
    """After duration_s, or every five seconds after that, and at the latest after longest_s; so does warm-up."""
    plan = draw(load(warmup_s=2, longest_warmup_s=6, duration_s=15, longest_s=28))

    assert (15.0, 20.0, 25.0, 28.0) == plan.closings_s
    assert (2.0, 4.5, 6.0) == plan.looks_s
    assert (15.0,) == draw(load(duration_s=15)).closings_s


@pytest.mark.parametrize("generators", [1, 2, 3, 7])
def test_generators_share_the_arrivals_out(generators: int) -> None:
    """Dealt like cards: together they send exactly what one would, warm-up and window each."""
    plan = draw(load(warmup_s=2, longest_warmup_s=2, rate_per_s=11))
    parts = [plan.dealt(number, generators) for number in range(generators)]

    warmup = sorted(start for part in parts for start in part.at_s[: part.first])
    window = sorted(start for part in parts for start in part.at_s[part.first :])

    assert (list(plan.at_s[: plan.first]), list(plan.at_s[plan.first :])) == (warmup, window)
    assert max(map(len, (part.at_s for part in parts))) - min(map(len, (part.at_s for part in parts))) <= 1
