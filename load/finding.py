"""What a check says."""

from __future__ import annotations

import msgspec


class Finding(msgspec.Struct, frozen=True):
    """What a check measured, for the policy, and in words, for people."""

    measured: dict[str, float]
    detail: str = ""


def told(*parts: str) -> str:
    """Put what there is to say, a paragraph each, into one detail."""
    return "\n".join(filter(None, parts))
