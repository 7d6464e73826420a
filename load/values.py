"""`{column}` in a request: what a row of a file, or the session of a user, puts in its place."""

from __future__ import annotations

import csv
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

import msgspec

from evidence.errors import InputError
from load.config import Login, Request

PLACE = re.compile(r"\{([a-z][a-z0-9_]*)(:json)?\}")
NUMBER, TOKEN = "n", "token"
"""Places of ours: the number of the arrival, for what must be unique, and what login answered."""
MOST_ROWS = 100_000

Values = Mapping[str, str]


def rows(path: Path) -> tuple[dict[str, str], ...]:
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
    if wrong := [name for name in columns if not PLACE.fullmatch(f"{{{name}}}")]:
        msg = f"{path}: column {wrong[0]!r}: a column is named in lower case, as in {{item_id}}"
        raise InputError(msg)
    for number, row in enumerate(found, start=2):
        if None in row or None in row.values():
            msg = f"{path}:{number}: does not have {len(columns)} fields, as the first line has"
            raise InputError(msg)
    return found


def places(value: Any) -> set[str]:  # noqa: ANN401 - any TOML value
    """Return the names in braces anywhere in a value."""
    if isinstance(value, str):
        return {match[1] for match in PLACE.finditer(value)}
    if isinstance(value, dict):
        value = [*value.keys(), *value.values()]
    return set().union(*map(places, value)) if isinstance(value, list | tuple) else set()


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
        return PLACE.sub(lambda match: values.get(match[1], match[0]), value)
    if isinstance(value, dict):
        return {key: filled(inner, values) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [filled(inner, values) for inner in value]
    return value


def _read(column: str, text: str) -> Any:  # noqa: ANN401 - any JSON value
    try:
        return msgspec.json.decode(text)
    except msgspec.DecodeError:
        msg = f"release.toml: [load]: column {column!r} has a value that is no JSON, as {{{column}:json}} demands"
        raise InputError(msg) from None
