"""`policy.toml`: one rule a check. Everything in it is known and well-formed, or nothing is judged by it."""

from __future__ import annotations

import datetime as dt
import hashlib
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import msgspec

from checks.catalogue import CheckInfo
from evidence.errors import InputError
from reports import accepted, values, waivers
from reports.accepted import Acceptance
from reports.limits import Kind, Limit
from reports.model import PolicyName
from reports.places import Keys, Places, nearest
from reports.regression import Regression, read_regression
from reports.waivers import Quarantine, Waiver

SCHEMA = 1
TOP = ["schema", "max_age", "rules", "waivers", "quarantine", "accepted"]
KEYS = [*Kind, "warn", "regression", "min_samples", "max_age", "required", "reason", "owner", "doc"]


class Rule(msgspec.Struct, frozen=True, kw_only=True):
    """What one check's evidence must show; without limits, the claim itself."""

    check: str
    limits: tuple[Limit, ...]
    warnings: tuple[Limit, ...]
    min_samples: int
    max_age: dt.timedelta
    required: bool
    reason: str
    regression: Regression | None = None
    owner: str = ""
    doc: str = ""


class Policy(msgspec.Struct, frozen=True, kw_only=True):
    """The rules, in the file's order, what is waived of them, and the files that they came from."""

    name: str
    sha256: str
    rules: tuple[Rule, ...]
    waivers: tuple[Waiver, ...] = ()
    quarantine: tuple[Quarantine, ...] = ()
    accepted: tuple[Acceptance, ...] = ()
    waivers_file: PolicyName | None = None


def load(path: Path, catalogue: Mapping[str, CheckInfo], waivers_path: Path | None = None) -> Policy:
    """Read the policy, and a file of waivers beside it.

    InputError names file, line, key, value and mend of the first thing that is wrong.
    """
    source, places, data = _read(path, "--policy")
    values.closed(places, (), data, TOP)
    if (type(data.get("schema")), data.get("schema")) != (int, SCHEMA):
        raise places.error(("schema",), data.get("schema"), f"this gate reads schema = {SCHEMA}")
    default = values.duration(places, ("max_age",), data.get("max_age"))
    tables = values.table(places, ("rules",), data.get("rules"))
    _complete(places, tables, catalogue)
    rules = tuple(_rule(places, check, table, default) for check, table in tables.items())
    lists = [(places, data)]
    file = None
    if waivers_path:
        file, other, more = _read(waivers_path, "--waivers")
        values.closed(other, (), more, ["waivers", "accepted"])
        lists.append((other, more))
    return Policy(
        name=source.name,
        sha256=source.sha256,
        rules=rules,
        waivers=waivers.read(lists, list(tables)),
        quarantine=waivers.read_quarantine(places, data, list(tables)),
        accepted=accepted.read(lists, list(tables)),
        waivers_file=file,
    )


def _read(path: Path, option: str) -> tuple[PolicyName, Places, dict[str, Any]]:
    try:
        content = path.read_bytes()
        text = content.decode("utf-8")
        data = tomllib.loads(text)
    except OSError as error:
        msg = f"{path}: cannot be read ({error.strerror}); name another with {option}"
        raise InputError(msg) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        msg = f"{path}: is not valid TOML: {error}"
        raise InputError(msg) from None
    return PolicyName(name=path.name, sha256=hashlib.sha256(content).hexdigest()), Places(path, text), data


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
    values.closed(places, keys, value, KEYS)
    limits = _limits(places, keys, value, list(Kind))
    required, reason = _necessity(places, keys, value)
    return Rule(
        check=check,
        limits=limits,
        warnings=_warnings(places, keys, value, limits),
        min_samples=values.count(places, (*keys, "min_samples"), value["min_samples"]) if "min_samples" in value else 0,
        max_age=values.duration(places, (*keys, "max_age"), value["max_age"]) if "max_age" in value else default,
        required=required,
        reason=reason,
        regression=read_regression(places, (*keys, "regression"), value.get("regression"), limits),
        owner=values.text(places, (*keys, "owner"), value["owner"]) if "owner" in value else "",
        doc=values.link(places, (*keys, "doc"), value["doc"]) if "doc" in value else "",
    )


def _limits(places: Places, keys: Keys, rule: dict[str, Any], kinds: list[Kind]) -> tuple[Limit, ...]:
    limits = []
    for kind in kinds:
        if kind in rule:
            for measure, value in values.table(places, (*keys, kind), rule[kind]).items():
                limits.append(Limit(kind, measure, values.number(places, (*keys, kind, measure), value)))
    return tuple(limits)


def _warnings(places: Places, keys: Keys, rule: dict[str, Any], limits: tuple[Limit, ...]) -> tuple[Limit, ...]:
    if "warn" not in rule:
        return ()
    inside: Keys = (*keys, "warn")
    kinds = [Kind.MAX, Kind.MIN]
    table = values.table(places, inside, rule["warn"])
    values.closed(places, inside, table, list(kinds))
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
