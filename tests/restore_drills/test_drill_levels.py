"""Which level of verification sees which fault, and that the document says the same."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from fixtures.postgres import postgres
from restore_drills import levels, matrix, matrix_store
from restore_drills.backups import proof
from restore_drills.fingerprint import Fingerprint
from restore_drills.levels import LEVELS

DOCUMENT = Path(__file__).parents[2] / "docs" / "drills.md"


@pytest.fixture(scope="module")
def found() -> Iterator[dict[str, tuple[bool, ...]]]:
    """The matrix, tried on a real server."""
    with postgres() as server:
        yield matrix.seen(server.dsn)


def test_the_document_shows_what_was_tried(found: dict[str, tuple[bool, ...]]) -> None:
    """`python -m restore_drills.matrix` prints the table of docs/drills.md."""
    assert matrix.table(found) in DOCUMENT.read_text()


def test_every_damage_in_the_store_is_refused_as_the_document_says() -> None:
    """By name, and before there is a copy: on a real server, its backups and their log."""
    with postgres() as server:
        refused = matrix_store.seen(server.dsn)

    assert matrix.table(refused, matrix.STORE) in DOCUMENT.read_text()
    assert set() == {title for title, by in refused.items() if not all(by)}


def test_the_full_level_sees_every_fault(found: dict[str, tuple[bool, ...]]) -> None:
    """And nothing where nothing is; what a level sees, each level above it sees too."""
    assert (False,) * len(LEVELS) == found.pop(matrix.NOTHING)
    assert set() == {title for title, by in found.items() if not by[-1]}
    assert set() == {title for title, by in found.items() if list(by) != sorted(by)}


def test_what_amcheck_brings_is_no_difference() -> None:
    """A copy is checked while its rows are read, and has no extension in its fingerprint that its source had not."""
    with postgres() as server:
        before = proof.look(server.dsn)
        content, broken = levels.whole(
            lambda described: {"postgres": proof.look(server.dsn, described)}, lambda: levels.broken(server.dsn)
        )

        assert ({"postgres": before}, []) == (content, broken)
        assert [line for line in proof.look(server.dsn).schema if "amcheck" in line]


def test_a_check_that_fails_is_no_silence() -> None:
    """What the check could not do is raised, whatever the fingerprint was."""

    def look(described: Callable[[], None]) -> dict[str, Fingerprint]:
        described()
        return {}

    with pytest.raises(ZeroDivisionError):
        levels.whole(look, lambda: [str(1 / 0)])
