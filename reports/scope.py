"""Which releases a waiver is for: versions between bounds, or one digest."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable
from itertools import zip_longest

import msgspec

from evidence.release import Identity
from reports import values
from reports.places import Keys, Places

KEYS = ["version", "digest"]
DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
BOUND = re.compile(r"(>=|<=|==|!=|>|<) ?(\d+(?:\.\d+)*)")
NUMBERS = re.compile(r"v?(\d+(?:\.\d+)*)")
OPERATORS: dict[str, Callable[[int, int], bool]] = {
    ">=": operator.ge,
    "<=": operator.le,
    "==": operator.eq,
    "!=": operator.ne,
    ">": operator.gt,
    "<": operator.lt,
}


class Scope(msgspec.Struct, frozen=True, kw_only=True):
    """All `bounds` of the version hold, or the digest is this one; `text` is how the policy writes it."""

    text: str
    bounds: tuple[tuple[str, str], ...] = ()
    digest: str = ""

    def excludes(self, identity: Identity) -> str | None:
        """Say why a release is outside, or None where it is inside."""
        if self.digest:
            return None if self.digest == identity.digest else f"is for {self.digest}, and this is {identity.digest}"
        match = NUMBERS.fullmatch(identity.version)
        if not match:
            return f"the version {identity.version!r} is not numbers with dots, which {self.text} could be held against"
        inside = all(OPERATORS[name](_order(match[1], bound), 0) for name, bound in self.bounds)
        return None if inside else f"is for version {self.text}, and this is {identity.version}"


def read_scope(places: Places, keys: Keys, value: object) -> Scope:
    """Read `{ version = ">=1.2,<1.3" }` or `{ digest = "sha256:…" }`; a scope that excludes nothing is no scope."""
    table = values.table(places, keys, value)
    values.closed(places, keys, table, KEYS)
    if len(table) != 1:
        raise places.error(keys, None, "has version or digest, not both")
    ((key, given),) = table.items()
    where: Keys = (*keys, key)
    if key == "digest":
        if not isinstance(given, str) or not DIGEST.fullmatch(given):
            raise places.error(where, given, 'is not "sha256:" and 64 hexadecimal digits')
        return Scope(text=given, digest=given)
    matches = [BOUND.fullmatch(part.strip()) for part in given.split(",")] if isinstance(given, str) else [None]
    bounds = tuple((match[1], match[2]) for match in matches if match)
    if len(bounds) != len(matches):
        raise places.error(where, given, 'is not bounds with commas between, such as ">=1.2,<1.3"')
    if not any(name in {"<", "<=", "=="} for name, _ in bounds):
        raise places.error(where, given, "has no upper bound; a waiver is not for every release to come")
    return Scope(text=given, bounds=bounds)


def _order(one: str, other: str) -> int:
    """Compare numbers with dots: below, at or above 0; 1.2 is 1.2.0."""
    for left, right in zip_longest(one.split("."), other.split("."), fillvalue="0"):
        if int(left) != int(right):
            return 1 if int(left) > int(right) else -1
    return 0
