"""Who comes first, before anything is warm, is looked at alone: no percentile shows it."""

from __future__ import annotations

from dataclasses import replace

import msgspec
import pytest

from evidence.release import Undeclared
from load import check_rest  # the functions' names would be collected
from load.quantile import TooFewSamples
from load.recorder import NOT_ASKED, UNANSWERED
from tests.load.test_checks import measured, sample, steady


def test_the_first_request_is_measured_though_it_is_of_warm_up() -> None:
    """By when it was to start, whatever order the requests are in."""
    finding = check_rest.check_first_request_after_a_rest(measured([*steady()[1:], sample(0.0, latency_ms=3000.0)]))

    said = "the first request, home, was answered after 3000 ms, 1 s after anything was asked before it"
    assert ({"first_ms": 3000.0, "rested_s": 1}, said) == (finding.measured, finding.detail)


def test_without_a_rest_nothing_is_first_after_one() -> None:
    """It does not pass by being quick."""
    run = measured(steady())

    with pytest.raises(Undeclared, match="rest_s is 0"):
        check_rest.check_first_request_after_a_rest(replace(run, load=msgspec.structs.replace(run.load, rest_s=0)))


@pytest.mark.parametrize("error", ["503 instead of 200", UNANSWERED])
def test_a_first_request_that_fails_fails_the_check(error: str) -> None:
    """A connection that broke while nobody came costs the first visitor an error."""
    with pytest.raises(AssertionError, match=f"the first request, home, failed: {error}"):
        check_rest.check_first_request_after_a_rest(measured([sample(0.0, status=0, error=error), *steady()[1:]]))


def test_a_first_request_that_we_did_not_send_says_nothing() -> None:
    """That is not the release's fault."""
    with pytest.raises(TooFewSamples, match="was not sent"):
        check_rest.check_first_request_after_a_rest(measured([sample(0.0, status=0, error=NOT_ASKED), *steady()[1:]]))
