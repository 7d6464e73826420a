"""How fast a release is asked at most, and the list of what of it was touched, which stays with the evidence."""

from __future__ import annotations

import re
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from functools import cache

import msgspec

from checks.permission import is_loopback

RATE, ENVIRONMENT = 20.0, "TARGET_REQUESTS_PER_SECOND"
"""Requests a second of one stage, elsewhere than on loopback, where `[target] requests_per_second` says no other."""
AT_ONCE, MOST_ROWS, LONGEST_PART = 5, 300, 40
LONGEST_STATEMENT = 300
PLAIN = re.compile(r"[A-Za-z0-9._~@:+-]+")
ID = re.compile(r"\d+|[0-9a-fA-F-]{16,}|(?=.*\d)[A-Za-z0-9_-]{20,}")

TOKEN = re.compile(
    r"""(?P<name>"(?:""|[^"])*")|(?P<note>--[^\n]*|/\*.*?\*/)"""
    r"""|(?P<value>\b[eE]'(?:\\.|''|[^'\\])*'|'(?:''|[^'])*'|\$(?P<tag>\w*)\$.*?\$(?P=tag)\$|\b\d[\w.]*)"""
    r"""|(?P<odd>(?:['"]|/\*|\$\w*\$).*)""",
    re.DOTALL,
)
"""In a statement: names in quotes, comments, texts and numbers, and whatever begins as one of them and has no end."""
SHOWN = {"note": " ", "value": "?", "odd": "…"}
RANDOM = re.compile(r"(?<![A-Za-z0-9])[0-9a-f]{12,}(?![A-Za-z0-9])")


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the list: how often a kind of path was asked for, and how it answered ("2xx", "no answer")."""

    method: str
    path: str
    count: int
    answers: dict[str, int]


class Statement(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the list: how often a statement was sent to the database, without its values."""

    statement: str
    count: int


class Pace:
    """Holds requests back to a rate, once a few have gone at once; without a rate it holds nothing back."""

    def __init__(
        self,
        per_second: float | None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """Nobody has been held back yet."""
        self.per_second, self._clock, self._sleep = per_second, clock, sleep
        self._next, self._lock = 0.0, threading.Lock()

    def wait(self) -> None:
        """Return when the next request may go."""
        if not self.per_second:
            return
        with self._lock:
            now, gap = self._clock(), 1 / self.per_second
            mine = max(self._next, now - (AT_ONCE - 1) * gap)
            self._next = mine + gap
        if mine > now:
            self._sleep(mine - now)


class Touched:
    """Counts what was asked, by kind of path and of statement; no query, no id, no value and no hostile text stays."""

    def __init__(self) -> None:
        """Nothing has been asked."""
        self._seen: dict[tuple[str, str], Counter[str]] = {}
        self._statements: Counter[str] = Counter()
        self._lock = threading.Lock()

    def add(self, method: str, path: str, status: int) -> None:
        """Count one request; a status of 0 is no answer."""
        self._count(method, pattern(path), f"{status // 100}xx" if status else "no answer", 1)

    def take(self, rows: Iterable[Row]) -> None:
        """Count what another process has asked."""
        for row in rows:
            for answer, count in row.answers.items():
                self._count(row.method, row.path, answer, count)

    def ran(self, statement: str) -> None:
        """Count one statement that was sent to the database, or a program that sends its own there."""
        text = without_values(statement)
        with self._lock:
            full = text not in self._statements and len(self._statements) >= MOST_ROWS
            self._statements["(others)" if full else text] += 1

    def rows(self) -> list[Row]:
        """The list, sorted by path."""
        return [
            Row(method=method, path=path, count=answers.total(), answers=dict(sorted(answers.items())))
            for (method, path), answers in sorted(self._seen.items(), key=lambda item: item[0][::-1])
        ]

    def written(self) -> str:
        """The list as JSON, a file of the stage: as text, from which secrets are taken out."""
        rows = self.rows()
        listed = {
            "requests_total": sum(row.count for row in rows),
            "touched": rows,
            "statements_total": self._statements.total(),
            "statements": [Statement(statement=text, count=count) for text, count in sorted(self._statements.items())],
        }
        return msgspec.json.format(msgspec.json.encode(listed)).decode()

    def _count(self, method: str, path: str, answer: str, count: int) -> None:
        with self._lock:
            key = (method, path)
            if key not in self._seen and len(self._seen) >= MOST_ROWS:
                key = (method, "(others)")
            self._seen.setdefault(key, Counter())[answer] += count


def pattern(path: str) -> str:
    """What is alike in many paths: ids become `{id}`, and from the first part that is no plain name on it is `{…}`."""
    parts = path.partition("?")[0].split("/")
    found = []
    for part in parts:
        if part and (not PLAIN.fullmatch(part) or set(part) <= {"."}):
            found.append("{…}")
            break
        found.append("{id}" if ID.fullmatch(part) else part[:LONGEST_PART])
    return "/".join(found)


def without_values(statement: str) -> str:
    """What is alike in many statements: values become `?`; of what begins as one and has no end nothing stays."""
    text = TOKEN.sub(lambda found: SHOWN.get(str(found.lastgroup), found[0]), statement)
    text = " ".join(RANDOM.sub("{id}", text).split())
    return f"{text[:LONGEST_STATEMENT]}…" if len(text) > LONGEST_STATEMENT else text


def rate(url: str, environment: Mapping[str, str]) -> float | None:
    """How many requests a second a release may be asked; None where it is this machine's and says nothing."""
    told = environment.get(ENVIRONMENT)
    if told:
        return float(told)
    return None if is_loopback(url) else RATE


@cache
def pace(per_second: float | None) -> Pace:
    """One for all clients of this process."""
    return Pace(per_second)


TOUCHED = Touched()
"""What this process has asked of the release."""
