"""An application that is used all the while: objects are made through it, and what it acknowledged is looked for."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from restore_drills.application import Request, Resource, ask

EVERY_S = 0.05
WITHIN_S = 30.0
"""Named wait: for the application to take the writes that are waited for."""


class Made(NamedTuple):
    """An object that was acknowledged: its id, and when it was asked for and acknowledged."""

    id: str
    asked: float
    acknowledged: float


class Writer:
    """Makes one object after the other at `url`, which may move."""

    def __init__(self, url: str, resource: Resource) -> None:
        """Nothing is made yet."""
        self.url, self.resource = url, resource
        self.made: list[Made] = []
        self.refused: dict[str, int] = {}
        self._over = threading.Event()

    def run(self) -> None:
        """Write until it is over."""
        while not self._over.wait(EVERY_S):
            self.once()

    def once(self) -> bool:
        """Make one object, and say whether that was acknowledged."""
        asked, name = time.monotonic(), self.resource.id_field
        said, answer = answered(self.url, self.resource.create, {})
        if said == str(self.resource.create.expect) and isinstance(answer, dict) and name in answer:
            self.made.append(Made(str(answer[name]), asked, time.monotonic()))
            return True
        self.refused[said] = self.refused.get(said, 0) + 1
        return False

    def wait(self, count: int, since: float = 0.0) -> list[Made]:
        """Wait for so many acknowledged writes, asked for since then; AssertionError where they do not come."""
        deadline, found = time.monotonic() + WITHIN_S, list[Made]()
        while time.monotonic() < deadline:
            if len(found := [one for one in self.made if one.asked >= since]) >= count:
                return found
            time.sleep(EVERY_S / 2)
        msg = f"{self.resource.name}: {len(found)} of {count} could be made within {WITHIN_S:g} s: {self.refused}"
        raise AssertionError(msg)

    def gone(self) -> list[Made]:
        """Give what was acknowledged and cannot be read now."""
        read = self.resource.read
        return [one for one in self.made if answered(self.url, read, {"id": one.id})[0] != str(read.expect)]

    def end(self) -> None:
        """Write no more."""
        self._over.set()


@contextlib.contextmanager
def written(url: str, resource: Resource) -> Iterator[Writer]:
    """Write all the while, in a thread."""
    writer = Writer(url, resource)
    thread = threading.Thread(target=writer.run, daemon=True)
    thread.start()
    try:
        yield writer
    finally:
        writer.end()
        thread.join()


def answered(url: str, request: Request, values: Mapping[str, str]) -> tuple[str, Any]:
    """Ask, where there may be nobody: give the status, or the kind of accident, and the answer."""
    try:
        status, answer = ask(url, request, values)
    except OSError as error:
        return type(error).__name__, None
    return str(status), answer
