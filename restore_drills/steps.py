"""How long each step of a drill took, from the first one on."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator

from evidence.chart import MOST_SPANS, Span, Timeline


class Steps:
    """The clock of one drill. Called with a text, as a repository tells its progress, it begins a step of that name."""

    def __init__(self) -> None:
        """Start with the first step."""
        self.spans: list[Span] = []
        self._begun: float | None = None
        self._told: tuple[str, float] | None = None

    def __call__(self, text: str) -> None:
        """End what was told before, and begin this."""
        now = time.monotonic()
        self._end_told(now)
        self._told = (text, now)

    @contextlib.contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Time one step; one that fails is told by its name."""
        started = time.monotonic()
        self._end_told(started)
        self._begun = started if self._begun is None else self._begun
        failed = True
        try:
            yield
            failed = False
        finally:
            ended = time.monotonic()
            self._end_told(ended)
            self._add(f"{name} (failed)" if failed else name, started, ended)

    def timeline(self, description: str) -> Timeline:
        """Give the picture: of more steps than it has room for, the longest."""
        longest = sorted(self.spans, key=lambda span: span.start_s - span.end_s)[:MOST_SPANS]
        shown = tuple(span for span in self.spans if span in longest)[:MOST_SPANS]
        return Timeline(title="The drill, step by step", description=description, spans=shown)

    def _end_told(self, now: float) -> None:
        if self._told:
            self._add(*self._told, now)
            self._told = None

    def _add(self, name: str, started: float, ended: float) -> None:
        self._begun = started if self._begun is None else self._begun
        begin, end = started - self._begun, ended - self._begun
        self.spans.append(Span(name=name, start_s=round(begin, 3), end_s=round(end, 3)))
