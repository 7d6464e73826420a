"""How long each step of a drill took, from the first one on."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator

from evidence.chart import Span, Timeline


class Steps:
    """The clock of one drill."""

    def __init__(self) -> None:
        """Start with the first step."""
        self.spans: list[Span] = []
        self._begun: float | None = None

    @contextlib.contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Time one step; one that fails is told by its name."""
        started = time.monotonic()
        self._begun = started if self._begun is None else self._begun
        failed = True
        try:
            yield
            failed = False
        finally:
            begin, end = started - self._begun, time.monotonic() - self._begun
            shown = f"{name} (failed)" if failed else name
            self.spans.append(Span(name=shown, start_s=round(begin, 3), end_s=round(end, 3)))

    def timeline(self, description: str) -> Timeline:
        """Give the picture."""
        return Timeline(title="The drill, step by step", description=description, spans=tuple(self.spans))
