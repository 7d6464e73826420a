"""Outcomes only get worse."""

from __future__ import annotations

import itertools

from evidence.model import Outcome, worst


def test_of_nothing_we_could_not_tell() -> None:
    """No result at all is not a pass: `all(())` is true, this is not."""
    assert worst([]) is Outcome.ERRORED


def test_the_worst_outcome_holds_in_any_order() -> None:
    """A later pass never covers an earlier failure."""
    for group in itertools.permutations(Outcome, 3):
        expected = max(group, key=list(Outcome).index)

        assert expected is worst(group)


def test_only_a_plain_pass_is_true() -> None:
    """NOT_APPLICABLE, FLAKY and SKIPPED are no passes."""
    assert [Outcome.PASSED] == [outcome for outcome in Outcome if outcome]
