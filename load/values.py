"""`{column}` in a request: what a row of a file, chance, or the session of a user puts in its place."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

import msgspec

from evidence.errors import InputError
from load.config import Load, Login, Request
from load.drawn import Drawn, draw

NAME = re.compile(r"[a-z][a-z0-9_]*")
PLACE = re.compile(r"\{([a-z][a-z0-9_]*)(:json)?\}")
MEANT = re.compile(r"\{([A-Za-z_][\w.:-]*)\}")
NUMBER, TOKEN = "n", "token"
"""What may be meant for a place, and is none, such as `{Item}` and `{item:int}`. Places of ours: the number of the
arrival, for what must be unique, and what login answered."""
MOST_ROWS = 100_000

Values = Mapping[str, str]
Rows = tuple[dict[str, str], ...]


def rows(path: Path) -> Rows:
    """Read a table whose first line names its columns; InputError where it is none."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            table = csv.DictReader(file, strict=True)
            found = tuple(dict(row) for _, row in zip(range(MOST_ROWS + 1), table, strict=False))
            columns = table.fieldnames or ()
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        msg = f"{path}: cannot be read as CSV: {error}"
        raise InputError(msg) from None
    if not found:
        msg = f"{path}: has no row: the first line names the columns, and each further line is a row"
        raise InputError(msg)
    if len(found) > MOST_ROWS:
        msg = f"{path}: has more than {MOST_ROWS} rows"
        raise InputError(msg)
    _check_columns(str(path), columns)
    for number, row in enumerate(found, start=2):
        if None in row or None in row.values():
            msg = f"{path}:{number}: does not have {len(columns)} fields, as the first line has"
            raise InputError(msg)
    return found


def inline(found: Rows, where: str) -> Rows:
    """Return the rows that release.toml has itself; InputError where one lacks a column, or has one of no name."""
    columns = sorted(set().union(*found))
    _check_columns(f"release.toml: {where}", columns)
    for number, row in enumerate(found, start=1):
        if lacking := [name for name in columns if name not in row]:
            msg = f"release.toml: {where}: the row with number {number} has no {lacking[0]!r}, which another has"
            raise InputError(msg)
    return found


def _check_columns(where: str, columns: Iterable[str]) -> None:
    if wrong := [name for name in columns if not NAME.fullmatch(name)]:
        msg = f"{where}: column {wrong[0]!r}: a column is named in lower case, as in {{item_id}}"
        raise InputError(msg)


def places(value: Any) -> set[str]:  # noqa: ANN401 - any TOML value
    """Return the names in braces anywhere in a value; one that is written as no place is, as it stands."""
    if isinstance(value, str):
        return {(PLACE.fullmatch(match[0]) or match)[1] for match in MEANT.finditer(value)}
    if isinstance(value, dict):
        value = [*value.keys(), *value.values()]
    return set().union(*map(places, value)) if isinstance(value, list | tuple) else set()


def of_arrival(load: Load, number: int, session: Values) -> Values:
    """Return what is put into an arrival's request: the next row, what is drawn for it, and what its user has."""
    row = load.rows[number % len(load.rows)] if load.rows else {}
    return {**row, **draw(load.drawn, load.seed, number), **session, NUMBER: str(number)}


def tried(load: Load, table: Sequence[Values]) -> Iterator[Values]:
    """Yield what shows whether a request can be sent: every row, and every text that chance may choose."""
    some = draw(load.drawn, load.seed, 0)
    first = {**(table[0] if table else {}), **some}
    yield from ({**row, **some} for row in table or ({},))
    for name, how in load.drawn.items():
        yield from ({**first, name: text} for text in (how.of if isinstance(how, Drawn) else ()))


def put(request: Request, values: Values) -> Request:
    """Return the request with its places filled: escaped in the path, as it is elsewhere."""
    return msgspec.structs.replace(
        request,
        path=PLACE.sub(
            lambda match: quote(values[match[1]], safe="") if match[1] in values else match[0], request.path
        ),
        json=filled(request.json, values),
        headers=filled(request.headers, values),
    )


def form(login: Login, values: Values) -> dict[str, str]:
    """Return the form of a login with its places filled."""
    found: dict[str, str] = filled(login.form, values)
    return found


def token(content: bytes | None, key: str) -> str:
    """Return what a login answered under this key; ValueError where there is no such thing."""
    try:
        found = msgspec.json.decode(content or b"")[key]
    except (msgspec.DecodeError, KeyError, TypeError, IndexError):
        msg = f"its answer is no JSON object with {key!r}"
        raise ValueError(msg) from None
    return str(found)


def filled(value: Any, values: Values) -> Any:  # noqa: ANN401 - any TOML value
    """Fill the places of a value; `"{column:json}"` alone becomes the number, or what else its text says in JSON."""
    if isinstance(value, str):
        whole = PLACE.fullmatch(value)
        if whole and whole[2] and whole[1] in values:
            return _read(whole[1], values[whole[1]])
        return _text(value, values)
    if isinstance(value, dict):
        return {_text(key, values): filled(inner, values) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [filled(inner, values) for inner in value]
    return value


def _text(text: str, values: Values) -> str:
    return PLACE.sub(lambda match: values.get(match[1], match[0]), text)


def _read(column: str, text: str) -> Any:  # noqa: ANN401 - any JSON value
    try:
        return msgspec.json.decode(text)
    except msgspec.DecodeError:
        msg = f"release.toml: [load]: {column!r} has a value that is no JSON, as {{{column}:json}} demands"
        raise InputError(msg) from None
