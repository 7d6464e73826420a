"""What is not as it was, between two fingerprints: each difference named, and the part of a database that it is in."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Literal, NamedTuple

import msgspec

from fixtures.deparsed import as_restored
from restore_drills.fingerprint import Fingerprint, Table
from restore_drills.properties import LOCALE, changed

Fingerprints = dict[str, Fingerprint]
Part = Literal["rows", "schema", "sequences", "roles", "itself", "locale", "extensions"]
STEP = 32
"""PostgreSQL logs a sequence this many values ahead: after a recovery it goes on behind what nobody has used."""
VERSION = re.compile(r"\d+(\.\d+)*")


class Difference(NamedTuple):
    """One thing that is not as it was."""

    part: Part
    text: str


def differences(
    source: Mapping[str, Fingerprint], copy: Mapping[str, Fingerprint], *, physical: bool
) -> list[Difference]:
    """Hold every database against what it was; `physical` copies may have sequences a little ahead."""
    found = [
        Difference("rows", f"database {name!r}: is in {'the source' if name in source else 'the copy'} only")
        for name in sorted(source.keys() ^ copy.keys())
    ]
    for name in sorted(source.keys() & copy.keys()):
        within = _within(source[name], copy[name], physical=physical)
        found += [Difference(part, f"database {name!r}: {text}") for part, text in within]
    if not _rows(copy) and _rows(source):
        found.append(Difference("rows", "the copy is empty, and the source was not"))
    return found


def newer(source: Mapping[str, Fingerprint], copy: Mapping[str, Fingerprint]) -> list[str]:
    """Name the extensions that are newer in a copy, and those of which nothing can be told: no fault of its backup.

    A dump says which extensions there are, and no version: each comes back as the newest of the server it comes to.
    """
    told = []
    for name in sorted(source.keys() & copy.keys()):
        before, after = source[name].extensions, copy[name].extensions
        if before is None or after is None:
            told.append(f"database {name!r}: versions of extensions were not recorded with this backup; take a new one")
            continue
        for extension, was in before.items():
            if _ordered(was, now := after.get(extension, "")) == "newer":
                told.append(f"database {name!r}: extension {extension}: {was} became {now}, which is newer")
    return told


def hold(source: Mapping[str, Fingerprint], copy: Mapping[str, Fingerprint], *, physical: bool) -> None:
    """Refuse, as an assertion, a copy in which anything is not as it was."""
    found = [each.text for each in differences(source, copy, physical=physical)]
    assert not found, "\n".join(found)


def _within(source: Fingerprint, copy: Fingerprint, *, physical: bool) -> Iterator[Difference]:
    for name in sorted(source.tables.keys() | copy.tables.keys()):
        before, after = source.tables.get(name), copy.tables.get(name)
        if not _equal(before, after):
            yield Difference("rows", f"table {name}: {before} became {after}")
    made, come = Counter(map(as_restored, source.schema)), Counter(map(as_restored, copy.schema))
    lost, new = made - come, come - made
    yield from (Difference("schema", f"schema: lost {line.strip()}") for line in sorted(lost))
    yield from (Difference("schema", f"schema: too much {line.strip()}") for line in sorted(new))
    for name in sorted(source.sequences.keys() | copy.sequences.keys()):
        stood, stands = source.sequences.get(name), copy.sequences.get(name)
        if not _goes_on(stood, stands, physical=physical):
            yield Difference("sequences", f"sequence {name}: {stood} became {stands}")
    roles = sorted(set(source.roles.items()) ^ set(copy.roles.items()))
    yield from (Difference("roles", f"role {name}: differs") for name in dict.fromkeys(name for name, _ in roles))
    for name, said in changed(source.itself, copy.itself):
        yield Difference("locale" if name == LOCALE else "itself", f"its {name}: {said}")
    for name, said in _extensions(source.extensions, copy.extensions, physical=physical):
        yield Difference("extensions", f"extension {name}: {said}")


def _equal(before: Table | None, after: Table | None) -> bool:
    """Whether the rows are; older fingerprints do not tell whether they are in a log."""
    return before is not None and after is not None and (before.rows, before.digest) == (after.rows, after.digest)


def logged(content: Mapping[str, Fingerprint]) -> dict[str, Fingerprint]:
    """Leave out the tables without a log: by design, no data files bring back their rows.

    That is no fault of a backup; of a release that needs them it is one, so that drills leave nothing out.
    """
    return {
        name: msgspec.structs.replace(one, tables={k: told for k, told in one.tables.items() if not told.unlogged})
        for name, one in content.items()
    }


def unlogged(source: Mapping[str, Fingerprint]) -> list[str]:
    """Name the tables whose rows no data files bring back, since they are in no log."""
    return [
        f"database {name!r}: table {table}: is unlogged: its {told.rows} rows are in no copy of data files, by design"
        for name, one in sorted(source.items())
        for table, told in sorted(one.tables.items())
        if told.unlogged and told.rows
    ]


def _extensions(
    source: Mapping[str, str] | None, copy: Mapping[str, str] | None, *, physical: bool
) -> Iterator[tuple[str, str]]:
    """Data files bring the very version back. A dump brings the server's, which may be newer: that one is updated."""
    if source is None or copy is None:
        return
    for name, was in source.items():
        now = copy.get(name)
        if now is None:
            yield name, "is lost"
        elif now != was and (physical or _ordered(was, now) != "newer"):
            yield name, f"{was} became {now}, which is {_ordered(was, now)}"


def _ordered(was: str, now: str) -> Literal["newer", "older", "another one"]:
    """Say what a version is, beside another; PostgreSQL gives them no order, and names need not have one."""
    if not (VERSION.fullmatch(was) and VERSION.fullmatch(now)):
        return "another one"
    before, after = ([int(part) for part in version.split(".")] for version in (was, now))
    return "newer" if after > before else "older" if after < before else "another one"


def _rows(content: Mapping[str, Fingerprint]) -> int:
    return sum(table.rows for one in content.values() for table in one.tables.values())


def _goes_on(source: int | None, copy: int | None, *, physical: bool) -> bool:
    if not physical or source is None or copy is None:
        return source == copy
    return 0 <= copy - source <= STEP
