"""Drill: what lies in the store is not what was put there; each damage is refused or found, and its artefact named."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Future

import psycopg
from psycopg import conninfo

from checks.claim import check
from evidence.release import Release
from restore_drills import levels
from restore_drills.backups import proof
from restore_drills.contract import Backup
from restore_drills.estate import Estate
from restore_drills.refusals import Refusal

Measure = Callable[..., None]
MISTAKES = {
    "a row too few": "DELETE FROM release_verification_drill.sentinel WHERE word = (SELECT min(word) FROM"
    " release_verification_drill.sentinel)",
    "another value": "UPDATE release_verification_drill.sentinel SET word = reverse(word)",
    "a constraint lost": "ALTER TABLE release_verification_drill.sentinel DROP CONSTRAINT sentinel_pkey",
    "a grant too many": "GRANT SELECT ON release_verification_drill.sentinel TO PUBLIC",
}
"""Statements on our own table, each a way in which a copy can differ and still start, answer and look well."""


@check("DRILL-010")
def drill_damage_is_found_and_named(
    release: Release, estate: Estate, coming_refusals: Future[list[Refusal]], damaged: str, measure: Measure
) -> None:
    """A damaged, misordered, stale or foreign backup is refused by name, and a copy that differs is seen to differ."""
    mistakes = list(_copies(release.section("backup", Backup).level, estate, damaged))
    cases = coming_refusals.result()
    measure(damages_total=len(cases), mistakes_total=len(mistakes))

    unseen = [f"{case.title} ({case.artefact})" for case in cases if case.artefact not in case.said]
    assert not unseen, f"nothing named what is damaged: {'; '.join(unseen)}"
    assert all(found for _, found in mistakes), (
        "the level of verification that [backup] names does not see "
        f"{', '.join(title for title, found in mistakes if not found)}"
    )


def _copies(level: levels.Level, estate: Estate, damaged: str) -> Iterator[tuple[str, bool]]:
    """Make one mistake after the other in a database that is equal to the release's, and look at the declared level."""
    name = str(conninfo.conninfo_to_dict(estate.address)["dbname"])
    before = {name: proof.look(damaged)}
    for title, statement in MISTAKES.items():
        with psycopg.connect(damaged) as connection:
            connection.execute(statement.encode())
        after = {name: proof.look(damaged)}
        yield title, bool(levels.seen(level, before, after, physical=False))
        before = after
