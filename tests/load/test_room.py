"""Whether arrivals wait because we have too few users, or because the release cannot keep up."""

from __future__ import annotations

import heapq
import math
import re
from collections.abc import Callable
from dataclasses import replace

import msgspec
import pytest

from load.measurement import Measurement
from load.recorder import DROPPED, Sample
from load.schedule import draw
from load.shape import Stage, peak
from tests.load.test_checks import LOAD, measured

Service = Callable[[float, int], float]


def served(users: int, service_s: Service, timeout_s: float = 1.0) -> Measurement:
    """What so many users see of 100 arrivals a second; `service_s` knows when one is sent, and how many are at work."""
    free, ends, samples = [0.0] * users, list[float](), list[Sample]()
    for at_s in draw(msgspec.structs.replace(LOAD, warmup_s=0, duration_s=5)).at_s:
        sent_s = max(at_s, heapq.heappop(free))
        if sent_s - at_s > timeout_s:
            heapq.heappush(free, sent_s)
            samples.append(Sample("home", at_s, math.nan, math.nan, 0, 0, DROPPED, 0.0))
            continue
        ends = [end_s for end_s in ends if end_s > sent_s]
        took_s = service_s(sent_s, len(ends) + 1)
        ends.append(sent_s + took_s)
        heapq.heappush(free, sent_s + took_s)
        samples.append(Sample("home", at_s, (sent_s - at_s + took_s) * 1000, took_s * 1000, 200, 2, "", 0.0))
    return replace(measured(samples), load=msgspec.structs.replace(LOAD, max_in_flight=users))


def in_parallel(_sent_s: float, _at_work: int) -> float:
    """A release that takes 200 ms for a request, however many are at work."""
    return 0.2


def one_after_the_other(_sent_s: float, at_work: int) -> float:
    """A release that takes 20 ms for a request, and has the next one wait meanwhile: 50 a second."""
    return 0.02 * at_work


def freezing(sent_s: float, _at_work: int) -> float:
    """A release that answers nobody from 2 s to 3 s."""
    return 3.0 - sent_s if 2.0 <= sent_s < 3.0 else 0.02


@pytest.mark.parametrize(("users", "enough"), [(3, False), (20, False), (40, True)])
def test_users_that_a_release_needs_at_rest_already_are_ours_to_have(users: int, enough: bool) -> None:  # noqa: FBT001
    """100 a second of 200 ms are 20 at work, and at times 34: with fewer users it is us whom arrivals wait for."""
    said = served(users, in_parallel).unfit()

    assert enough is (said == "")
    if users == 3:
        assert re.search(r"one takes 200 ms already, so that \d+ a second need up to 3[345] users", said)
        assert "raise [load] max_in_flight, which is 3" in said


@pytest.mark.parametrize("users", [10, 40, 200])
@pytest.mark.parametrize("release", [one_after_the_other, freezing])
def test_a_release_that_fills_any_number_of_users_is_not_our_fault(release: Service, users: int) -> None:
    """At rest it is quick, so that few users would do: it is why none is free."""
    run = served(users, release)

    assert "" == run.unfit()


def test_a_faster_stage_before_the_judged_one_needs_its_users() -> None:
    """What came to wait in a spike is answered in what is judged after it; what comes after that is not."""
    rates = ((10.0, False), (40.0, False), (20.0, True), (90.0, False))
    stages = [Stage(rate_per_s=rate, for_s=1, judged=judged) for rate, judged in rates]

    assert (2.0, 1.0) == (peak(stages), peak(()))
