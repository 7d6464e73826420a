"""The highest rate is found near the truth, in few tries, and once is the machine."""

from __future__ import annotations

import pytest

from benchmarks.load_search import highest


@pytest.mark.parametrize("truth", [500, 700, 1000, 2600, 3999, 40_000])
def test_it_is_found_within_a_tenth_in_few_tries(truth: float) -> None:
    """Never above it, and with no more tries than fit into a minute."""
    tried = []

    def is_fit(rate: float) -> bool:
        tried.append(rate)
        return rate <= truth

    assert truth / 1.1 < highest(is_fit, 500) <= truth
    assert len(tried) <= 11 or truth > 10_000


def test_a_generator_that_cannot_even_begin_has_no_rate() -> None:
    """Rather than the first that was tried."""
    assert 0 == highest(lambda _: False, 500)


def test_once_is_the_machine() -> None:
    """A rate is tried again before it is given up."""
    failed = set()

    def is_fit(rate: float) -> bool:
        first = rate not in failed
        failed.add(rate)
        return rate <= 2600 and not first

    assert 2600 / 1.1 < highest(is_fit, 500) <= 2600
