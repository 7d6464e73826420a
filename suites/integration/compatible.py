"""Whether clients of an earlier OpenAPI document can go on with a later one: pure, over two documents."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from suites.integration.narrowing import Comparison, Problem, Schema, resolve

METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")
PARAMETER = re.compile(r"\{([^}]*)\}")
Operations = dict[tuple[str, str], tuple[str, Schema]]


def broken(before: Schema, after: Schema) -> list[Problem]:
    """Tell, in order of place, what clients of `before` rely on and `after` no longer grants."""
    offered, found = _operations(after), []
    for key, (path, operation) in _operations(before).items():
        place = f"{key[0].upper()} {path}"
        if key not in offered:
            found.append((place, "the operation is gone"))
            continue
        later = offered[key][1]
        taken, given = Comparison(before, after, taken=True), Comparison(before, after, taken=False)
        found += [(f"{place} {where}", what) for where, what in _parameters(operation, later, taken)]
        found += [(f"{place} {where}", what) for where, what in _body(operation, later, taken)]
        found += [(f"{place} {where}", what) for where, what in _answers(operation, later, given)]
        if _open(operation) and not _open(later):
            found.append((place, "it needs credentials now"))
    return sorted(found)


def _operations(document: Schema) -> Operations:
    """Every operation by method and path, whatever the parameters in the path are called."""
    found: Operations = {}
    for path, item in document.get("paths", {}).items():
        names = PARAMETER.findall(path)
        for method in filter(resolve(document, item).__contains__, METHODS):
            operation = {"security": document.get("security"), **item[method]}
            shared = [
                resolve(document, one) for one in (*item.get("parameters", ()), *item[method].get("parameters", ()))
            ]
            operation["parameters"] = {_key(one, names): one for one in shared}
            found[method, PARAMETER.sub("{}", path)] = (path, operation)
    return found


def _key(parameter: Schema, names: list[str]) -> tuple[str, str]:
    """What a parameter is known by: in a path its position, not its name."""
    name = str(parameter.get("name"))
    return str(parameter.get("in")), str(names.index(name)) if name in names and parameter["in"] == "path" else name


def _parameters(before: Schema, after: Schema, taken: Comparison) -> Iterator[Problem]:
    had, has = before["parameters"], after["parameters"]
    for key, parameter in has.items():
        if parameter.get("required") and not had.get(key, {}).get("required"):
            yield f"param {parameter['name']}", "it is required now"
    for key, parameter in had.items():
        where = f"param {parameter['name']}"
        if key in has:
            yield from taken.problems(_schema(parameter), _schema(has[key]), where)
        else:
            yield where, "it is no longer taken"


def _body(before: Schema, after: Schema, taken: Comparison) -> Iterator[Problem]:
    had, has = (resolve(one, side.get("requestBody")) for one, side in ((taken.before, before), (taken.after, after)))
    if has.get("required") and not had.get("required"):
        yield "body", "it is required now"
    if had:
        yield from _content("body", had, has, taken)


def _answers(before: Schema, after: Schema, given: Comparison) -> Iterator[Problem]:
    """What is said when all goes well; problems are told by their status."""
    for status, answer in before.get("responses", {}).items():
        if not str(status).startswith(("2", "default")):
            continue
        later = after.get("responses", {}).get(status)
        if later is None:
            yield f"{status}", "this answer is gone"
        else:
            yield from _content(status, resolve(given.before, answer), resolve(given.after, later), given)


def _content(where: str, before: Schema, after: Schema, comparison: Comparison) -> Iterator[Problem]:
    for media_type, described in before.get("content", {}).items():
        later = after.get("content", {}).get(media_type)
        if later is None:
            yield where, f"{media_type} is gone"
        else:
            yield from comparison.problems(described.get("schema"), later.get("schema"), where)


def _schema(parameter: Schema) -> Any:  # noqa: ANN401 - any JSON value; what is no schema says nothing
    """A parameter's schema, also where it stands under a media type."""
    described: Schema = next(iter(parameter.get("content", {}).values()), parameter)
    return described.get("schema")


def _open(operation: Schema) -> bool:
    """Whether it can be asked without credentials."""
    return not operation["security"] or {} in operation["security"]
