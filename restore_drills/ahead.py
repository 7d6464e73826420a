"""What takes long is brought up beside the drills that look at something else: a machine has more than one core."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager
from typing import TypeVar

WORKERS = 2
"""So many at once: more would only make each one's recovery look slower than it is."""
T = TypeVar("T")


@contextlib.contextmanager
def workers() -> Iterator[ThreadPoolExecutor]:
    """First begun is first brought up, so that what is begun later may wait for it; what has not begun never does."""
    pool = ThreadPoolExecutor(WORKERS)
    try:
        yield pool
    finally:
        pool.shutdown(cancel_futures=True)


@contextlib.contextmanager
def begun(pool: ThreadPoolExecutor, work: AbstractContextManager[T]) -> Iterator[Future[T]]:
    """Bring something up, and take it down afterwards; who asks for the result waits, or is told what went wrong."""
    entered = pool.submit(work.__enter__)
    try:
        yield entered
    finally:
        if not entered.cancel() and entered.exception() is None:
            work.__exit__(None, None, None)
