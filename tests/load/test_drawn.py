"""What is drawn for each request: of what, as often as it should, the same again, and nothing by a typo."""

from __future__ import annotations

import json
import re
import uuid
from collections import Counter
from typing import Any

import pytest

from evidence.errors import InputError
from load.config import Load
from load.drawn import draw
from load.resolve import resolve
from load.schedule import Plan
from load.schedule import draw as plan
from load.values import of_arrival, put
from tests.load.conftest import Command
from tests.load.server import Server
from tests.load.test_config import load

HOW: dict[str, Any] = {
    "amount": {"from": -2, "to": 3},
    "colour": {"of": ["red", "green", "light blue"]},
    "order": "uuid",
}
BODY = {"amount": "{amount:json}", "colour": "{colour}"}
SENT = {"name": "x", "path": "/echo/{order}", "method": "POST", "json": BODY}
LOAD = """
rate_per_s = 20
warmup_s = 0
duration_s = 2
seed = 7
requests = [
    { name = "x", path = "/echo/{order}", method = "POST", json = { amount = "{amount:json}", n = "{n:json}" } },
]
[load.drawn]
amount = { from = 1, to = 500 }
order = "uuid"
"""


def ready(**changes: object) -> Load:
    """A load whose request has a value of each kind."""
    return resolve(load(**{"drawn": HOW, "requests": [SENT], **changes}))


def test_each_kind_is_what_it_says() -> None:
    """Whole numbers with both ends, each as often; one of the texts; and version 4, never twice."""
    drawn = [draw(ready().drawn, 1, number) for number in range(3000)]
    amounts, colours = (Counter(one[name] for one in drawn) for name in ("amount", "colour"))

    assert {"-2", "-1", "0", "1", "2", "3"} == set(amounts)
    assert {"red", "green", "light blue"} == set(colours)
    assert 400 < min(amounts.values()) < max(amounts.values()) < 600
    assert 900 < min(colours.values()) < max(colours.values()) < 1100
    assert {4} == {uuid.UUID(one["order"]).version for one in drawn}
    assert 3000 == len({one["order"] for one in drawn})


def test_a_seed_and_a_number_are_all_that_it_takes() -> None:
    """The same again, whichever generator of several sends the arrival; another seed draws others."""
    whole = ready()
    parts = [plan(whole).dealt(number, 3) for number in range(3)]

    def values(part: Plan) -> list[Any]:
        return [of_arrival(whole, part.whole(number), {}) for number in range(5)]

    assert sorted(map(str, [of_arrival(whole, number, {}) for number in range(15)])) == sorted(
        str(one) for part in parts for one in values(part)
    )
    assert draw(whole.drawn, 1, 3) == draw(whole.drawn, 1, 3)
    assert 4 == len({str(draw(whole.drawn, seed, number)) for seed in (1, 2) for number in (3, 4)})


def test_it_is_put_where_it_stands() -> None:
    """Escaped in the path, a number where `:json` asks for it, beside the row of a file."""
    drawn = {"colour": {"of": ["light blue"]}, "amount": {"from": 5, "to": 5}}
    sent = {**SENT, "path": "/{item}/{colour}"}
    found = ready(rows=[{"item": "a"}, {"item": "b"}], drawn=drawn, requests=[sent])
    request = put(found.requests[0], of_arrival(found, 1, {}))

    assert ("/b/light%20blue", {"amount": 5, "colour": "light blue"}) == (request.path, request.json)


@pytest.mark.parametrize(
    ("drawn", "message"),
    [
        ({"amount": {"from": 1}}, "'amount' needs `from` and `to`"),
        ({"amount": {"of": []}}, "'amount' needs `from` and `to`"),
        ({"amount": {"from": 1, "to": 2, "of": ["a"]}}, "'amount' needs `from` and `to`"),
        ({"amount": {"from": 3, "to": 2}}, "'amount' is drawn from 3 to 2, which is less"),
        ({"amount": {"from": 1, "too": 2}}, "unknown field `too`"),
        ({"amount": {"from": "1", "to": 2}}, r"`int \| null`, got `str`"),
        ({"amount": "uid"}, "Invalid enum value 'uid'"),
        ({"amuont": {"from": 1, "to": 2}}, r"'x' has \{amount\}, and there are only amuont, colour, item, n, order"),
        ({"further": "uuid"}, r"'further' is in no request: write \{further\} where it belongs"),
        ({"Amount": "uuid"}, "'Amount' is no name: one is in lower case"),
        ({"n": "uuid"}, "'n' is a name of ours"),
        ({"token": "uuid"}, "'token' is a name of ours"),
        ({"item": "uuid"}, "'item' is a column of the data, too"),
        ({"colour": {"of": ["red", "gr\r\neen"]}}, "header 'X' cannot be sent"),
        ({"amount": {"of": ["1", "one"]}}, "'amount' has a value that is no JSON"),
    ],
)
def test_what_cannot_be_drawn_is_refused_by_name(drawn: dict[str, Any], message: str) -> None:
    """Before anything is sent, also where only one of the texts breaks it."""
    kept = {name: HOW[name] for name in HOW if "amuont" not in drawn or name != "amount"}
    sent = {**SENT, "headers": {"X": "{colour}"}}
    with pytest.raises(InputError, match=rf"(?s)^release\.toml: \[load.*{message}"):
        ready(rows=[{"item": "a"}], drawn={**kept, **drawn}, requests=[sent])


def test_a_user_who_signs_in_draws_nothing() -> None:
    """Who it is, is in its own file."""
    with pytest.raises(InputError, match=r"'login' has \{order\}, and there are only n"):
        ready(login={"path": "/login", "json": "{order}"})


def test_what_was_sent_can_be_drawn_again(command: Command) -> None:
    """From the seed that load.json has and the number of each arrival, all that the server got."""
    with Server() as server:
        ran = command(server.url, LOAD)
    asked = [(path, json.loads(body)) for path, _, body in server.kept if path.startswith("/echo/")]
    how = ready(
        drawn={"amount": {"from": 1, "to": 500}, "order": "uuid"}, requests=[{**SENT, "json": "{amount}"}]
    ).drawn
    again = [draw(how, ran.summary["seed"], body["n"]) for _, body in asked]

    assert (40, 7) == (len(asked), ran.summary["seed"])
    assert [(one["order"], int(one["amount"])) for one in again] == [
        (path.removeprefix("/echo/"), body["amount"]) for path, body in asked
    ]
    assert re.fullmatch(r"/echo/[0-9a-f-]{36}", asked[0][0])
