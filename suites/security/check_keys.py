"""Keys that are refused are all refused alike: nobody finds one piece by piece."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from itertools import takewhile

import httpx

from checks.claim import check
from checks.findings import Findings
from evidence.errors import CannotTell, NotApplicable
from evidence.release import Release
from evidence.variables import resolve
from suites.api import Client, as_declared
from suites.security.contract import Keys
from suites.security.uniform import timing

PAIRS, FEWEST_PAIRS, REPEATS, WITHIN_S = 12, 10, 3, 3.0
ALTERED, SHORTEST = 8, 16
"""So many characters at the end of a real key are others; a shorter secret has no long beginning."""
SIGNED = "eyJ"
"""How JSON begins in base64: a signed token carries what it says, and its beginning is no secret."""


@check("KEYS-004", needs="attack")
def check_refusal_tells_no_beginning(release: Release, findings: Findings, measure: Callable[..., None]) -> None:
    """How long it takes to refuse a key does not tell that it begins as a real one does."""
    keys = release.section("security.keys", Keys)
    near, far = made_up(resolve(keys.read), resolve(keys.write))
    with Client(apart=True, patient=False) as http:
        living = keys.reading.send(http, headers={keys.header: resolve(keys.read)})
        as_declared(living, keys.reading.expect, "[security.keys] reading")
        pairs = refused(http, keys, near, far)
    if len(pairs) < FEWEST_PAIRS:
        message = f"keys are put off after {len(pairs)} pairs, and {FEWEST_PAIRS} are needed to compare times"
        raise CannotTell(message)
    seen = timing(pairs)
    measure(difference_ms=abs(seen.difference_ms), chance_ratio=seen.chance, pairs_total=len(pairs))
    if seen.tells:
        longer = "longer" if seen.difference_ms > 0 else "shorter"
        findings.add(f"{keys.header} timing", f"a key that begins as a real one is refused {longer}: it can be tried")


def made_up(held: str, other: str) -> tuple[str, str]:
    """A key that is a real one but for its end, and one that shares with it only what every key has.

    Both are of a real one's length and characters, so that whoever looks at the form first sees none in either.
    """
    common = held[: sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(held, other, strict=False)))]
    secret = held.removeprefix(common)
    if held.rsplit(maxsplit=1)[-1].startswith(SIGNED):
        message = "the keys are signed tokens, whose beginning is no secret"
        raise NotApplicable(message)
    if len(secret) < SHORTEST:
        message = f"[security.keys] read and write differ in {len(secret)} characters, too few to have a beginning"
        raise CannotTell(message)
    return held[:-ALTERED] + _others(secret[-ALTERED:], secret), common + _others(secret, secret)


def refused(http: httpx.Client, keys: Keys, near: str, far: str) -> list[tuple[float, float]]:
    """Seconds that refusals take, in pairs: the fastest of a few each, sent by turns, until it is enough or put off."""
    pairs: list[tuple[float, float]] = []
    # What is loaded at the first time is no difference between keys.
    if not (_asked(http, keys, near) and _asked(http, keys, far)):
        return pairs
    until = time.monotonic() + WITHIN_S
    while len(pairs) < PAIRS and (len(pairs) < FEWEST_PAIRS or time.monotonic() < until):
        order = (near, far) if len(pairs) % 2 else (far, near)
        took = [(value, _asked(http, keys, value)) for _ in range(REPEATS) for value in order]
        if not all(seconds for _, seconds in took):
            break
        one, other = (min(seconds for value, seconds in took if value == kind) for kind in (near, far))
        pairs.append((one, other))
    return pairs


def _asked(http: httpx.Client, keys: Keys, value: str) -> float:
    """How long it takes to refuse a key; 0 where that is put off."""
    answer = keys.reading.send(http, headers={keys.header: value})
    if answer.status_code not in {401, 429}:
        message = f"{keys.reading.path} answers {answer.status_code} to a made-up key, not 401: nothing is compared"
        raise CannotTell(message)
    return answer.elapsed.total_seconds() if answer.status_code == 401 else 0.0


def _others(text: str, like: str) -> str:
    """Another text of the same form: each letter and digit is another one of those in `like`."""
    known = sorted({each for each in like if each.isalnum()})
    return "".join(secrets.choice([one for one in known if one != each]) if each.isalnum() else each for each in text)
