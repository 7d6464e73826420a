"""What is brought up beside other drills is there when it is asked for, and gone afterwards, come what may."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator

import pytest

from restore_drills import ahead


def test_it_is_brought_up_beside_us_and_taken_down_afterwards() -> None:
    """Whoever begins it goes on; who asks for it waits; it is down when both are done."""
    happened, go_on = [""], threading.Event()

    @contextlib.contextmanager
    def work() -> Iterator[str]:
        go_on.wait(10)
        happened.append("up")
        yield "it"
        happened.append("down")

    with ahead.workers() as pool, ahead.begun(pool, work()) as coming:
        happened.append("asked")
        go_on.set()
        assert "it" == coming.result()

    assert ["", "asked", "up", "down"] == happened


def test_what_went_wrong_is_told_to_who_asks() -> None:
    """Each time, and nowhere else: nothing is taken down that did not come up."""

    @contextlib.contextmanager
    def work() -> Iterator[str]:
        raise LookupError
        yield "it"

    with ahead.workers() as pool, ahead.begun(pool, work()) as coming:
        for _ in range(2):
            with pytest.raises(LookupError):
                coming.result()


def test_what_has_not_begun_never_does() -> None:
    """A run that is cut short does not first bring up what nobody will look at."""
    begun, go_on = threading.Semaphore(0), threading.Event()

    def waits() -> bool:
        begun.release()
        return go_on.wait(10)

    with ahead.workers() as pool:
        busy = [pool.submit(waits) for _ in range(ahead.WORKERS)]
        for _ in busy:
            begun.acquire()
        with ahead.begun(pool, contextlib.nullcontext("it")) as late:
            pass
        go_on.set()

    assert late.cancelled()
    assert [True] * ahead.WORKERS == [one.result() for one in busy]
