"""`[load.drawn]`: values that are drawn anew for each request, and are the same again for the same seed."""

from __future__ import annotations

import random
import uuid
from collections.abc import Mapping
from typing import Literal

import msgspec

UUID: Literal["uuid"] = "uuid"


class Drawn(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename={"least": "from"}):
    """`{ from = 1, to = 500 }`, a whole number, both ends included; or `{ of = ["red", "green"] }`, one of these."""

    least: int | None = None
    to: int | None = None
    of: tuple[str, ...] = ()

    def wrong(self) -> str:
        """Say what cannot be drawn from; empty where all is well."""
        if self.of and self.least is None and self.to is None:
            return ""
        if self.of or self.least is None or self.to is None:
            return 'needs `from` and `to`, whole numbers, or `of`, a list of texts, or is "uuid"'
        return "" if self.least <= self.to else f"is drawn from {self.least} to {self.to}, which is less"


How = Literal["uuid"] | Drawn


def draw(drawn: Mapping[str, How], seed: int, number: int) -> dict[str, str]:
    """Draw the values of one arrival: by its number, so that it has the same ones whichever generator sends it."""
    if not drawn:
        return {}
    chance = random.Random(f"{seed} {number}")  # noqa: S311 - repeatable on purpose
    return {name: _one(how, chance) for name, how in drawn.items()}


def _one(how: How, chance: random.Random) -> str:
    if not isinstance(how, Drawn):
        return str(uuid.UUID(int=chance.getrandbits(128), version=4))
    if how.of:
        return chance.choice(how.of)
    assert how.least is not None
    assert how.to is not None
    return str(chance.randint(how.least, how.to))
