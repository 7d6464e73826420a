"""`policy.toml`: one rule a check. Everything in it is known and well-formed, or nothing is judged by it."""

from __future__ import annotations

import datetime as dt
import hashlib
import math
import re
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import msgspec

from evidence.catalogue import CheckInfo
from evidence.errors import InputError
from reports.limits import Kind, Limit
from reports.places import Keys, Places, nearest

SCHEMA = 1
TOP = ["schema", "max_age", "rules"]
KEYS = [*Kind, "warn", "min_samples", "max_age", "required", "reason"]
DURATION = re.compile(r"([1-9]\d{0,5}) (s|min|h|d)")
SECONDS = {"s": 1, "min": 60, "h": 3600, "d": 86400}


class Rule(msgspec.Struct, frozen=True, kw_only=True):
    """What one check's evidence must show; without limits, the claim itself."""

    check: str
    limits: tuple[Limit, ...]
    warnings: tuple[Limit, ...]
    min_samples: int
    max_age: dt.timedelta
    required: bool
    reason: str


class Policy(msgspec.Struct, frozen=True, kw_only=True):
    """The rules, in the file's order, and the file that they came from."""

    name: str
    sha256: str
    rules: tuple[Rule, ...]


def load(path: Path, catalogue: Mapping[str, CheckInfo]) -> Policy:
    """Read the policy; InputError names file, line, key, value and mend of the first thing that is wrong."""
    try:
        content = path.read_bytes()
        text = content.decode("utf-8")
        data = tomllib.loads(text)
    except OSError as error:
        msg = f"{path}: cannot be read ({error.strerror}); name another with --policy"
        raise InputError(msg) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        msg = f"{path}: is not valid TOML: {error}"
        raise InputError(msg) from None
    places = Places(path, text)
    _closed(places, (), data, TOP)
    if (type(data.get("schema")), data.get("schema")) != (int, SCHEMA):
        raise places.error(("schema",), data.get("schema"), f"this gate reads schema = {SCHEMA}")
    default = _duration(places, ("max_age",), data.get("max_age"))
    tables = _table(places, ("rules",), data.get("rules"))
    _complete(places, tables, catalogue)
    rules = tuple(_rule(places, check, table, default) for check, table in tables.items())
    return Policy(name=path.name, sha256=hashlib.sha256(content).hexdigest(), rules=rules)


def _complete(places: Places, tables: Iterable[str], catalogue: Mapping[str, CheckInfo]) -> None:
    """Every rule has its check and every check its rule."""
    for check in tables:
        if check not in catalogue:
            raise places.error(("rules", check), None, f"no check has this id; {nearest(check, sorted(catalogue))}")
    if missing := sorted(set(catalogue) - set(tables)):
        msg = f"{places.path}: no rule for {', '.join(missing)}; add a table [rules.{missing[0]}], empty if need be"
        raise InputError(msg)


def _rule(places: Places, check: str, value: object, default: dt.timedelta) -> Rule:
    keys: Keys = ("rules", check)
    if not isinstance(value, dict):
        raise places.error(keys, value, "a rule is a table")
    _closed(places, keys, value, KEYS)
    limits = _limits(places, keys, value, list(Kind))
    required, reason = _necessity(places, keys, value)
    return Rule(
        check=check,
        limits=limits,
        warnings=_warnings(places, keys, value, limits),
        min_samples=_count(places, (*keys, "min_samples"), value["min_samples"]) if "min_samples" in value else 0,
        max_age=_duration(places, (*keys, "max_age"), value["max_age"]) if "max_age" in value else default,
        required=required,
        reason=reason,
    )


def _limits(places: Places, keys: Keys, rule: dict[str, Any], kinds: list[Kind]) -> tuple[Limit, ...]:
    limits = []
    for kind in kinds:
        if kind in rule:
            for measure, value in _table(places, (*keys, kind), rule[kind]).items():
                limits.append(Limit(kind, measure, _number(places, (*keys, kind, measure), value)))
    return tuple(limits)


def _warnings(places: Places, keys: Keys, rule: dict[str, Any], limits: tuple[Limit, ...]) -> tuple[Limit, ...]:
    if "warn" not in rule:
        return ()
    inside: Keys = (*keys, "warn")
    kinds = [Kind.MAX, Kind.MIN]
    table = _table(places, inside, rule["warn"])
    _closed(places, inside, table, list(kinds))
    warnings = _limits(places, inside, table, kinds)
    for warning in warnings:
        where: Keys = (*inside, warning.kind, warning.measure)
        given = table[warning.kind][warning.measure]
        limit = {(each.kind, each.measure): each for each in limits}.get((warning.kind, warning.measure))
        if limit is None:
            known = [each.measure for each in limits if each.kind is warning.kind]
            says = f"there is no {warning.kind} of this name to warn before; {nearest(warning.measure, known)}"
            raise places.error(where, given, says)
        if not warning.narrows(limit):
            raise places.error(where, given, f"a warning is narrower than its limit, {limit.value:g}")
    return warnings


def _necessity(places: Places, keys: Keys, rule: dict[str, Any]) -> tuple[bool, str]:
    required, reason = rule.get("required", True), rule.get("reason")
    if not isinstance(required, bool):
        raise places.error((*keys, "required"), required, "is true or false")
    if required and reason is not None:
        raise places.error((*keys, "reason"), reason, "goes with required = false; remove one or add the other")
    if not required and not (isinstance(reason, str) and reason.strip()):
        raise places.error((*keys, "required"), required, 'needs a reason = "…": why the release may go without it')
    return required, reason or ""


def _closed(places: Places, keys: Keys, table: dict[str, Any], known: list[str]) -> None:
    for key, value in table.items():
        if key not in known:
            raise places.error((*keys, key), value, f"unknown key; {nearest(key, known)}")


def _table(places: Places, keys: Keys, value: object) -> dict[str, Any]:
    if not isinstance(value, dict) or not value:
        raise places.error(keys, value, "must be a table with something in it")
    return value


def _duration(places: Places, keys: Keys, value: object) -> dt.timedelta:
    match = DURATION.fullmatch(value) if isinstance(value, str) else None
    if not match:
        wrong = "is missing" if value is None else "is not a duration"
        raise places.error(keys, value, f'{wrong}; write a whole number and s, min, h or d, such as "24 h"')
    return dt.timedelta(seconds=int(match[1]) * SECONDS[match[2]])


def _number(places: Places, keys: Keys, value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not _finite(value):
        raise places.error(keys, value, "a limit is a finite number")
    return float(value)


def _finite(value: float) -> bool:
    try:
        return math.isfinite(value)
    except OverflowError:
        return False


def _count(places: Places, keys: Keys, value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise places.error(keys, value, "is a whole number, 1 or more")
    return value
