"""What an OpenAPI document says: how many operations, which can be asked without knowing anything, which keys."""

from __future__ import annotations

import json
import re
from typing import Any

import msgspec

from suites.init.client import Answer
from suites.init.text import clean, path_of

METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")
HEADER_NAME = re.compile(r"[A-Za-z0-9-]{1,60}")
PAGING = re.compile(r"token|cursor|page|after|before|offset", re.IGNORECASE)
"""What nobody types: the release makes it, and refuses any other. Where there is something else, that is asked for."""
QUERY_NAME = re.compile(r"[A-Za-z0-9_.\[\]-]{1,60}")


class Document(msgspec.Struct, frozen=True, kw_only=True):
    """An OpenAPI document, as far as a first release.toml needs it."""

    path: str
    flavour: str
    """`openapi 3.1.0` or `swagger 2.0`."""
    version: str
    operations: int
    readable: tuple[str, ...]
    """Paths of GET operations that need no parameter."""
    searched: tuple[str, ...]
    """The same with a query parameter of text, as `/items?q={probe}`."""
    mutations: int
    keys: tuple[str, ...]
    """Headers in which it says that keys go."""


def read(answer: Answer, prefix: str) -> Document | None:
    """Read a document; None where the answer is none. `prefix` is the path of the address that is looked at."""
    try:
        told: Any = json.loads(answer.body)
        flavour = next(f"{kind} {told[kind]}" for kind in ("openapi", "swagger") if isinstance(told.get(kind), str))
        paths = {path: item for path, item in told["paths"].items() if isinstance(item, dict)}
    except (ValueError, LookupError, TypeError, AttributeError, StopIteration, RecursionError):
        return None
    operations = [(path, method, item[method]) for path, item in paths.items() for method in METHODS if method in item]
    base, reads = _base(told, prefix), [(path, op) for path, method, op in operations if method == "get"]
    open_ones = [(path, names) for path, op in reads if (names := _free(path, op, paths[path])) is not None]
    return Document(
        path=answer.path,
        flavour=clean(flavour, 20),
        version=clean(str(_at(told, "info", "version") or ""), 60),
        operations=len(operations),
        readable=tuple(path_of(base + path) for path, _ in open_ones),
        searched=tuple(f"{path_of(base + path)}?{names[0]}={{probe}}" for path, names in open_ones if names),
        mutations=sum(method in {"put", "post", "delete", "patch"} for _, method, _ in operations),
        keys=_keys(told),
    )


def _base(told: dict[str, Any], prefix: str) -> str:
    """The path before the operations' paths, below the address that is looked at; nothing of a server elsewhere."""
    server = _at(told, "basePath") or _at(told, "servers", 0, "url") or ""
    if not isinstance(server, str) or not server.startswith("/") or server.startswith("//"):
        return ""
    return server.rstrip("/").removeprefix(prefix)


def _free(path: str, operation: Any, item: dict[str, Any]) -> list[str] | None:  # noqa: ANN401 - any JSON
    """The text parameters of an operation's query; None where it needs to be told something that we do not know."""
    if "{" in path or not path.startswith("/") or not isinstance(operation, dict):
        return None
    parameters = [*_listed(item.get("parameters")), *_listed(operation.get("parameters"))]
    if any(each.get("required") or "$ref" in each for each in parameters):
        return None
    named = [(str(each.get("name", "")), _type(each)) for each in parameters if each.get("in") == "query"]
    texts = [name for name, kind in named if kind == "string" and QUERY_NAME.fullmatch(name)]
    return sorted(texts, key=lambda name: bool(PAGING.search(name)))


def _type(parameter: dict[str, Any]) -> object:
    schema = parameter.get("schema")
    known = schema if isinstance(schema, dict) else parameter
    kinds = {each.get("type") for each in _listed(known.get("anyOf"))}
    return "string" if "string" in kinds else known.get("type")


def _keys(told: dict[str, Any]) -> tuple[str, ...]:
    schemes = _at(told, "components", "securitySchemes") or _at(told, "securityDefinitions")
    found = []
    for scheme in schemes.values() if isinstance(schemes, dict) else ():
        if not isinstance(scheme, dict):
            continue
        if scheme.get("type") == "apiKey" and scheme.get("in") == "header":
            found.append(str(scheme.get("name")))
        elif scheme.get("type") in {"http", "oauth2", "openIdConnect", "basic"}:
            found.append("Authorization")
    return tuple(dict.fromkeys(name for name in found if HEADER_NAME.fullmatch(name)))


def _at(told: Any, *steps: str | int) -> Any:  # noqa: ANN401 - any JSON
    for step in steps:
        try:
            told = told[step]
        except (LookupError, TypeError):
            return None
    return told


def _listed(given: Any) -> list[dict[str, Any]]:  # noqa: ANN401 - any JSON
    return [each for each in given if isinstance(each, dict)] if isinstance(given, list) else []
