"""Hold a copy of a database that was never still against what both looks at it agree on, and name what they do not."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TypeVar

from restore_drills.backups.settled import Looks, Old, Rows, narrowed
from restore_drills.compare import Fingerprints, differences
from restore_drills.fingerprint import Fingerprint, Table

K = TypeVar("K", str, int)
V = TypeVar("V")
NONE = Old(Table(0, "0"))


def agreed(looks: Looks) -> Fingerprints:
    """Give what both looks agree on."""
    found = {}
    for name in looks.before.keys() & looks.after.keys():
        one, other = looks.before[name], looks.after[name]
        found[name] = Fingerprint(
            tables=_same(one.tables, other.tables),
            sequences=_same(one.sequences, other.sequences),
            schema=one.schema if one.schema == other.schema else (),
            roles=_same(one.roles, other.roles),
            itself=_same(one.itself, other.itself),
            extensions=one.extensions if one.extensions == other.extensions else None,
        )
    return found


def compared(looks: Looks, copy: Fingerprints, rows: Rows) -> list[str]:
    """Name what in a copy, which has these rows, is not as it must have been."""
    both = agreed(looks)
    if not any(table.rows for one in both.values() for table in one.tables.values()) and not _held(looks):
        return ["cannot be proven by content: every table was written to meanwhile; prove a logical one"]
    found = [each.text for each in differences(both, _like(both, narrowed(copy, rows)), physical=True)]
    for name, one in both.items():
        before, after = looks.before[name].tables, looks.after[name].tables
        for table in sorted((before.keys() & after.keys()) - one.tables.keys()):
            there = rows.get(name, {}).get(table, NONE)
            where = f"database {name!r}: table {table}:"
            if not after[table].rows <= there.table.rows <= before[table].rows:
                were = f"{before[table].rows} old rows before its backup and {after[table].rows} after it"
                found.append(f"{where} had {were}, and the copy has {there.table.rows}")
            parts = looks.parts.get(name, {}).get(table, {})
            if apart := _apart(parts, _of(there.parts, parts)):
                held = f"{len(apart)} of {len(parts)} parts that were the same before its backup and after it"
                found.append(f"{where} old rows of the copy are other ones, in {held}")
    return found


def unproven(looks: Looks, whole: Fingerprints, rows: Rows) -> Iterator[str]:
    """Name what was not compared of a copy with these rows; `whole` is all that was there at the first look."""
    for name in sorted(looks.before.keys() ^ looks.after.keys()):
        yield f"database {name!r}: was not there at both looks"
    for name, one in sorted(agreed(looks).items()):
        before, after = looks.before[name], looks.after[name]
        parts = looks.parts.get(name, {})
        told = _tables(before.tables.keys() & after.tables.keys(), one, rows.get(name, {}), parts)
        other = (whole[name].tables | after.tables).keys() - (before.tables.keys() & after.tables.keys())
        why = "was not there at both looks, or does not tell when its rows were written"
        told += [f"table {table}: {why}" for table in sorted(other)]
        told += [f"sequence {each}: was used meanwhile" for each in _apart(before.sequences, after.sequences)]
        told += [f"role {each}: was changed meanwhile" for each in _apart(before.roles, after.roles)]
        told += [f"its {each}: was changed meanwhile" for each in _apart(before.itself, after.itself)]
        told += ["schema: was changed meanwhile"] if before.schema != after.schema else []
        told += ["extensions: were changed meanwhile"] if before.extensions != after.extensions else []
        yield from (f"database {name!r}: {text}" for text in told)


def _held(looks: Looks) -> bool:
    """Tell whether there are rows to compare in any table that moved."""
    return any(parts for tables in looks.parts.values() for parts in tables.values())


def _tables(
    names: set[str], both: Fingerprint, rows: Mapping[str, Old], parts: Mapping[str, Mapping[int, Table]]
) -> list[str]:
    told = []
    for table in sorted(names):
        there = rows.get(table, NONE)
        if table not in both.tables:
            held = sum(part.rows for part in parts.get(table, {}).values())
            rest = f"; {held} elsewhere in it are compared" if held else ""
            told.append(f"table {table}: rows of it were changed or removed meanwhile{rest}")
        elif there.newer:
            older = f"the {there.table.rows} older ones are compared"
            told.append(f"table {table}: {there.newer} rows are newer than the first look; {older}")
    return told


def _like(both: Fingerprints, copy: Fingerprints) -> Fingerprints:
    """Give of a copy only what the looks agree on."""
    return {
        name: Fingerprint(
            tables=_of(copy[name].tables, one.tables),
            sequences=_of(copy[name].sequences, one.sequences),
            schema=copy[name].schema if one.schema else (),
            roles=_of(copy[name].roles, one.roles),
            itself=_of(copy[name].itself, one.itself),
            extensions=copy[name].extensions,
        )
        for name, one in both.items()
        if name in copy
    }


def _same(one: Mapping[K, V], other: Mapping[K, V]) -> dict[K, V]:
    return {name: value for name, value in one.items() if name in other and other[name] == value}


def _of(there: Mapping[K, V], asked: Mapping[K, object]) -> dict[K, V]:
    return {name: value for name, value in there.items() if name in asked}


def _apart(one: Mapping[K, object], other: Mapping[K, object]) -> list[K]:
    return sorted(name for name in one.keys() | other.keys() if name not in _same(one, other))
