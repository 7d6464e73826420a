"""`[load]` made ready to be sent: variables and files filled in, and what HTTP cannot carry refused by name."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path

import msgspec

from evidence.errors import InputError
from evidence.variables import resolve as filled
from load.config import FIELD_NAME, FIELD_VALUE, Load, Login, Request
from load.values import NUMBER, TOKEN, places, put, rows


def resolve(load: Load, root: Path = Path(), environment: Mapping[str, str] = os.environ) -> Load:
    """Fill `${NAME}` in and give every request the common headers; InputError names what cannot be sent.

    Files are relative to `root`. A value may be a secret, so that only names are told.
    """
    table = rows(root / load.data) if load.data else load.rows
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
        for row in table or ({},):
            _check_sendable(put(request, row))
    locustfile = str(root / load.locustfile) if load.locustfile else ""
    if locustfile and not Path(locustfile).is_file():
        msg = f"release.toml: [load] locustfile: {locustfile} is no file"
        raise InputError(msg)
    return msgspec.structs.replace(load, requests=requests, data="", rows=table, login=login, locustfile=locustfile)


def _login(login: Login, root: Path, environment: Mapping[str, str]) -> Login:
    table = rows(root / login.data) if login.data else login.rows
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


def _check_places(load: Load, table: Iterable[Mapping[str, str]]) -> None:
    """Refuse a name in braces that nothing fills; where nothing is declared to be filled, braces are braces."""
    if not (load.data or load.rows or load.login):
        return
    known = {*_columns(table), NUMBER, *([TOKEN] if load.login and load.login.token else [])}
    for request in load.requests:
        _check_known(request.name, places([request.path, request.json, request.headers]), known)


def _check_known(where: str, found: set[str], known: set[str]) -> None:
    if unknown := sorted(found - known):
        msg = f"release.toml: [load]: {where!r} has {{{unknown[0]}}}, and there are only {', '.join(sorted(known))}"
        raise InputError(msg)


def _columns(table: Iterable[Mapping[str, str]]) -> set[str]:
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
