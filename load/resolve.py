"""`[load]` made ready to be sent: variables and files filled in, and what HTTP cannot carry refused by name."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from evidence.errors import InputError
from evidence.variables import resolve as filled
from load.config import FIELD_NAME, FIELD_VALUE, Load, Login, Request
from load.drawn import Drawn, How
from load.values import NAME, NUMBER, TOKEN, inline, places, put, rows, tried


def resolve(load: Load, root: Path = Path(), environment: Mapping[str, str] = os.environ) -> Load:
    """Fill `${NAME}` in and give every request the common headers; InputError names what cannot be sent.

    Files are relative to `root`. A value may be a secret, so that only names are told.
    """
    table = rows(root / load.data) if load.data else inline(load.rows, "[load] rows")
    login = _login(load.login, root, environment) if load.login else None
    _check_places(load, table)
    common = filled(load.headers, environment)
    requests = tuple(
        msgspec.structs.replace(
            request,
            path=filled(request.path, environment),
            json=filled(request.json, environment),
            headers={**common, **filled(request.headers, environment)},
        )
        for request in load.requests
    )
    for request in requests:
        for values in tried(load, table):
            _check_sendable(put(request, values))
    locustfile = str(root / load.locustfile) if load.locustfile else ""
    if locustfile and not Path(locustfile).is_file():
        msg = f"release.toml: [load] locustfile: {locustfile} is no file"
        raise InputError(msg)
    return msgspec.structs.replace(load, requests=requests, data="", rows=table, login=login, locustfile=locustfile)


def _login(login: Login, root: Path, environment: Mapping[str, str]) -> Login:
    table = rows(root / login.data) if login.data else inline(login.rows, "[load.login] rows")
    _check_known("login", places([login.path, login.json, login.form, login.headers]), {*_columns(table), NUMBER})
    ready = msgspec.structs.replace(
        login,
        path=filled(login.path, environment),
        json=filled(login.json, environment),
        form=filled(login.form, environment),
        headers=filled(login.headers, environment),
        data="",
        rows=table,
    )
    for row in table or ({},):
        _check_sendable(put(ready.request, row))
    return ready


def _check_places(load: Load, table: Sequence[Mapping[str, str]]) -> None:
    """Refuse a name in braces that nothing fills; where nothing is declared to be filled, braces are braces."""
    if not load.fills:
        return
    columns, used = _columns(table), places(load.headers)
    known = {*columns, *load.drawn, NUMBER, *([TOKEN] if load.login and load.login.token else [])}
    _check_known("headers", used, known)
    for request in load.requests:
        here = places([request.path, request.json, request.headers])
        _check_known(request.name, here, known)
        used |= here
    for name, how in load.drawn.items():
        if wrong := _wrong(name, how, columns, used):
            msg = f"release.toml: [load.drawn] {name!r} {wrong}"
            raise InputError(msg)


def _wrong(name: str, how: How, columns: set[str], used: set[str]) -> str:
    """Say why a value cannot be drawn under this name; empty where it can."""
    if not NAME.fullmatch(name):
        return "is no name: one is in lower case, as in {item_id}"
    if name in {NUMBER, TOKEN}:
        return "is a name of ours: take another one"
    if name in columns:
        return "is a column of the data, too: take another name"
    if isinstance(how, Drawn) and (wrong := how.wrong()):
        return wrong
    return "" if name in used else f"is in no request: write {{{name}}} where it belongs, or leave it out"


def _check_known(where: str, found: set[str], known: set[str]) -> None:
    if unknown := sorted(found - known):
        msg = f"release.toml: [load]: {where!r} has {{{unknown[0]}}}, and there are only {', '.join(sorted(known))}"
        raise InputError(msg)


def _columns(table: Sequence[Mapping[str, str]]) -> set[str]:
    return set().union(*table)


def _check_sendable(request: Request) -> None:
    """Headers and path as HTTP has them; the values may be secrets, so that only their names are told."""
    where = f"release.toml: [load] requests: {request.name!r}"
    if not re.fullmatch(r"/(?!/)[^\x00-\x20\x7f]*", request.path):
        msg = f"{where}: path has a blank or a control character once its variables are filled in"
        raise InputError(msg)
    for name, value in request.headers.items():
        if not FIELD_NAME.fullmatch(name) or not FIELD_VALUE.fullmatch(value):
            msg = f"{where}: header {name!r} cannot be sent: its name or value is not valid in HTTP"
            raise InputError(msg)
    try:
        msgspec.json.encode(request.json)
    except (TypeError, ValueError) as error:
        msg = f"{where}: json cannot be sent: {error}"
        raise InputError(msg) from None
