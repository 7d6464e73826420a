"""What a check that can find several things found, each at a place: a team may accept single ones, never the check."""

from __future__ import annotations

import hashlib

from evidence.model import Finding

MOST = 200
"""A release with more is not to be mended by accepting one after the other: none of them can be accepted."""
PLACE_LIMIT, WHAT_LIMIT = 200, 600


class Found(AssertionError):
    """Raised at the end of a check that found something, and nothing but what its findings say."""


class Findings:
    """What one check found so far."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self.found: dict[str, Finding] = {}

    def add(self, place: str, what: str) -> None:
        """Report one thing. `place` names it alike in every run: "/login script-src-unsafe-inline", never a nonce."""
        place, what = " ".join(place.split()), " ".join(what.split())
        if len(place) > PLACE_LIMIT:
            # Cut alone, two places could become one, and one acceptance cover both.
            place = f"{place[:PLACE_LIMIT]}… {hashlib.sha256(place.encode(errors='replace')).hexdigest()[:12]}"
        if (known := self.found.get(place)) and known.what != what:
            what = f"{known.what}; {what}"
        if len(what) > WHAT_LIMIT:
            what = f"{what[:WHAT_LIMIT]}…"
        self.found[place] = Finding(place=place, what=what)

    def settle(self) -> None:
        """End the check: Found where anything was."""
        if self.found:
            raise Found("\n".join(f"{each.place}: {each.what}" for each in self.found.values()))
