"""What is put in the place of `{column}`, and what of the two models of users is refused by name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from evidence.errors import InputError
from load.config import Load, Request
from load.resolve import resolve
from load.values import of_arrival, put, rows
from tests.load.test_config import load

CLOSED = {"rate_per_s": 0, "model": "closed", "users": 3}


def test_a_place_is_filled_where_it_stands() -> None:
    """Escaped in the path, plain in headers and JSON, in names as in values, typed where a value asks for it."""
    request = Request(
        name="x",
        path="/{a}/{other}?q={a}",
        json={"{a}": ["{a}", "{b:json}", "b is {b:json}", 3]},
        headers={"X-{c}": "{a}"},
    )
    filled = put(request, {"a": "1/2 é&", "b": "[1.5, null]", "c": "Team"})

    assert "/1%2F2%20%C3%A9%26/{other}?q=1%2F2%20%C3%A9%26" == filled.path
    assert {"1/2 é&": ["1/2 é&", [1.5, None], "b is [1.5, null]", 3]} == filled.json
    assert {"X-Team": "1/2 é&"} == filled.headers


def test_a_table_is_read_with_its_quotes_and_its_mark_of_order(tmp_path: Path) -> None:
    """As spreadsheets write it."""
    (tmp_path / "t.csv").write_bytes('\ufeffa,b\r\n"x, ""y""",2\r\n'.encode())

    assert ({"a": 'x, "y"', "b": "2"},) == rows(tmp_path / "t.csv")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "cannot be read as CSV"),
        (b"\xff\xfe", "cannot be read as CSV"),
        (b"", "has no row"),
        (b"a,b\n", "has no row"),
        (b"a,b\n1\n", r"t\.csv:2: does not have 2 fields"),
        (b"a,b\n1,2\n1,2,3\n", r"t\.csv:3: does not have 2 fields"),
        (b"Item Id,b\n1,2\n", "column 'Item Id': a column is named in lower case"),
        (b'a,b\n"1,2\n', "cannot be read as CSV"),
    ],
)
def test_what_is_no_table_is_named(tmp_path: Path, content: bytes | None, message: str) -> None:
    """File, line and what is wrong with it; nothing is filled in from half a table."""
    if content is not None:
        (tmp_path / "t.csv").write_bytes(content)

    with pytest.raises(InputError, match=message):
        rows(tmp_path / "t.csv")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"requests": [{"name": "x", "path": "/{b}"}]}, r"'x' has \{b\}, and there are only a, n"),
        ({"requests": [{"name": "x", "path": "/", "json": ["{token}"]}]}, r"'x' has \{token\}"),
        ({"requests": [{"name": "x", "path": "/{A}"}]}, r"'x' has \{A\}, and there are only a, n"),
        ({"requests": [{"name": "x", "path": "/{a:int}"}]}, r"'x' has \{a:int\}"),
        ({"requests": [{"name": "x", "path": "/", "json": "{item-id}"}]}, r"'x' has \{item-id\}"),
        ({"headers": {"X": "{tokn}"}}, r"'headers' has \{tokn\}"),
        ({"login": {"path": "/{b}"}}, r"'login' has \{b\}, and there are only n"),
        ({"requests": [{"name": "x", "path": "/", "headers": {"X": "{a}"}}]}, "header 'X' cannot be sent"),
        ({"requests": [{"name": "x", "path": "/", "json": "{a:json}"}]}, "'a' has a value that is no JSON"),
    ],
)
def test_what_cannot_be_filled_in_is_refused_before_anything_is_sent(changes: dict[str, Any], message: str) -> None:
    """Also where only one row of many breaks it; the row's value is not told."""
    with pytest.raises(InputError, match=message) as caught:
        resolve(load(rows=[{"a": "1"}, {"a": "secret\r\n"}], **changes))
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([{"Item": "1"}], r"\[load\] rows: column 'Item': a column is named in lower case"),
        ([{"a": "1", "b": "1"}, {"a": "1"}], r"the row with number 2 has no 'b', which another has"),
    ],
)
def test_rows_in_release_toml_are_as_regular_as_a_file(rows: list[dict[str, str]], message: str) -> None:
    """What one row lacks would be sent as braces."""
    with pytest.raises(InputError, match=message):
        resolve(load(rows=rows))


def test_what_programs_have_in_braces_stays() -> None:
    """GraphQL, a quantifier, JSON within a text: with a blank, a digit or a quote after the brace."""
    query = '{ user { id } } x{3} {"a": 1}'
    ready = resolve(load(rows=[{"a": "1"}], requests=[{"name": "x", "path": "/", "json": {"query": query}}]))

    assert {"query": query} == put(ready.requests[0], of_arrival(ready, 0, {})).json


def test_braces_are_braces_where_nothing_is_to_be_filled_in() -> None:
    """A release.toml without data keeps its meaning."""
    assert "/{a}" == resolve(load(requests=[{"name": "x", "path": "/{a}"}])).requests[0].path


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"rate_per_s": 0}, "the model `open` needs rate_per_s"),
        ({"think_s": [1, 2]}, "the model `open` has no think_s"),
        ({"locustfile": "x.py"}, "the model `open` has no locustfile"),
        ({**CLOSED, "users": None}, "the model `closed` needs users"),
        ({**CLOSED, "rate_per_s": 5}, "the model `closed` has no rate_per_s"),
        ({**CLOSED, "shape": "spike"}, "the model `closed` has no shape but `steady`"),
        ({**CLOSED, "think_s": [3, 1]}, "think_s from more to less"),
        ({**CLOSED, "locustfile": "x.py"}, "needs either requests or a locustfile"),
        ({**CLOSED, "locustfile": "x.py", "requests": [], "data": "x.csv"}, "think times of its own"),
        ({**CLOSED, "locustfile": "x.py", "requests": [], "drawn": {"a": "uuid"}}, "think times of its own"),
        ({"data": "x.csv", "rows": [{"a": "1"}]}, "both data and rows"),
    ],
)
def test_a_field_of_the_other_model_is_refused(changes: dict[str, Any], message: str) -> None:
    """What would be ignored is said."""
    with pytest.raises(InputError, match=message):
        load(**changes)


def test_a_locustfile_that_is_not_there_is_named(tmp_path: Path) -> None:
    """Relative to release.toml."""
    declared = load(**CLOSED, locustfile="x.py", requests=[])

    with pytest.raises(InputError, match=r"locustfile: .*x\.py is no file"):
        resolve(declared, tmp_path)
    (tmp_path / "x.py").touch()
    assert str(tmp_path / "x.py") == resolve(declared, tmp_path).locustfile


def test_files_are_read_beside_release_toml(tmp_path: Path) -> None:
    """Data and people each; what is sent is what they hold."""
    for name in ("items.csv", "people.csv"):
        (tmp_path / name).write_text(f"a\n{name}\n")
    ready: Load = resolve(load(data="items.csv", login={"path": "/login", "data": "people.csv"}), tmp_path)

    assert ready.login
    assert (({"a": "items.csv"},), ({"a": "people.csv"},)) == (ready.rows, ready.login.rows)
