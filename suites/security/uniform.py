"""Whether two kinds of request can be told apart: by what comes back, and by how long it takes."""

from __future__ import annotations

import itertools
import re
import statistics
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

import httpx

Problem = tuple[str, str]
VARYING = {"date", "set-cookie", "content-security-policy", "content-length", "etag"}
TOKEN = re.compile(r"[A-Za-z0-9+/=_-]{16,}")
"""What differs between two answers to one request: nonces, tokens and ids."""
SURE, NOTICEABLE = 0.002, 0.1
"""A difference counts where chance makes such a one in fewer than 2 of 1000 releases, and it is a tenth of the time."""


@dataclass(frozen=True, kw_only=True)
class Timing:
    """How two kinds compare that were timed in pairs: the median difference, and how often chance makes such a one."""

    difference_ms: float
    share: float
    chance: float

    @property
    def tells(self) -> bool:
        """Whether somebody who asks often enough can tell the two apart."""
        return self.chance < SURE and self.share > NOTICEABLE


def differences(one: httpx.Response, other: httpx.Response, typed: Collection[str]) -> Iterator[Problem]:
    """What tells the two answers apart, once tokens and what was typed are left out."""
    if one.status_code != other.status_code:
        yield "status", f"{one.status_code} for one that is there, {other.status_code} for one that is not"
    names = [{name for name in answer.headers if not _is_count(name)} for answer in (one, other)]
    if odd := (names[0] ^ names[1]) - VARYING:
        yield "headers", f"only one of the answers has {', '.join(sorted(odd))}"
    if one.headers.get("location") != other.headers.get("location"):
        yield "location", "the two are sent to different pages"
    if bare(one.text, typed) != bare(other.text, typed):
        yield "text", "the page says something else for one that is there than for one that is not"


def timing(pairs: Sequence[tuple[float, float]]) -> Timing:
    """Compare seconds taken in pairs, one right after the other, so that what slows a machine down hits both.

    The test is exact and needs no distribution: were the two alike, each difference could as well have the other sign.
    All 2^n ways to set the signs are counted that give the signed ranks (Wilcoxon) as far a sum as was seen.
    """
    apart = [one - other for one, other in pairs]
    order = sorted(range(len(apart)), key=lambda index: abs(apart[index]))
    ranks = [rank + 1 for rank, _ in sorted(enumerate(order), key=lambda pair: pair[1])]
    seen = abs(sum(rank if difference > 0 else -rank for rank, difference in zip(ranks, apart, strict=True)))
    signs = itertools.product((1, -1), repeat=len(apart))
    far = sum(abs(sum(map(int.__mul__, ranks, sign))) >= seen for sign in signs)
    median = statistics.median(apart)
    slower = max(statistics.median(column) for column in zip(*pairs, strict=True))
    return Timing(difference_ms=median * 1000, share=abs(median) / slower, chance=far / 2 ** len(apart))


def bare(text: str, typed: Collection[str] = ()) -> str:
    """Take out what differs between two answers to one request, and what was typed."""
    for value in sorted(filter(None, typed), key=len, reverse=True):
        text = text.replace(value, "…")
    return TOKEN.sub("…", text)


def _is_count(name: str) -> bool:
    """Counters of a rate limit differ between any two answers."""
    return "ratelimit" in name.lower()
