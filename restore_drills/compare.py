"""What is not as it was, between two fingerprints: each difference named, and the part of a database that it is in."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Literal, NamedTuple

from fixtures.deparsed import as_restored
from restore_drills.fingerprint import Fingerprint
from restore_drills.properties import LOCALE, changed

Fingerprints = dict[str, Fingerprint]
Part = Literal["rows", "schema", "sequences", "roles", "itself", "locale"]
STEP = 32
"""PostgreSQL logs a sequence this many values ahead: after a recovery it goes on behind what nobody has used."""


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


def hold(source: Mapping[str, Fingerprint], copy: Mapping[str, Fingerprint], *, physical: bool) -> None:
    """Refuse, as an assertion, a copy in which anything is not as it was."""
    found = [each.text for each in differences(source, copy, physical=physical)]
    assert not found, "\n".join(found)


def _within(source: Fingerprint, copy: Fingerprint, *, physical: bool) -> Iterator[Difference]:
    for name in sorted(source.tables.keys() | copy.tables.keys()):
        before, after = source.tables.get(name), copy.tables.get(name)
        if before != after:
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


def _rows(content: Mapping[str, Fingerprint]) -> int:
    return sum(table.rows for one in content.values() for table in one.tables.values())


def _goes_on(source: int | None, copy: int | None, *, physical: bool) -> bool:
    if not physical or source is None or copy is None:
        return source == copy
    return 0 <= copy - source <= STEP
