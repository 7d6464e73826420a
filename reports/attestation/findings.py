"""What verifying a run came to: what is sound, what was tampered with, what could not be told."""

from __future__ import annotations

from typing import Any

import msgspec

SOUND, TAMPERED, UNVERIFIED = 0, 10, 20
SHOWN = 80
"""Characters shown of a value that differs: enough to recognise it."""


class Findings(msgspec.Struct):
    """Sentences, each of which begins with the file that it is about."""

    sound: list[str] = msgspec.field(default_factory=list)
    tampered: list[str] = msgspec.field(default_factory=list)
    unverified: list[str] = msgspec.field(default_factory=list)

    @property
    def exit_code(self) -> int:
        """Tampering outweighs doubt, and either outweighs all that is sound."""
        if self.tampered:
            return TAMPERED
        return UNVERIFIED if self.unverified or not self.sound else SOUND

    def lines(self) -> list[str]:
        """Give one line a finding, the worst last, where it is read."""
        return [
            *(f"ok            {each}" for each in self.sound),
            *(f"NOT VERIFIED  {each}" for each in self.unverified),
            *(f"TAMPERED      {each}" for each in self.tampered),
        ]


def differences(left: Any, right: Any, path: str = "") -> list[tuple[str, str, str]]:  # noqa: ANN401 - JSON
    """Name every field in which two JSON values differ, with both values as they are shown."""
    if isinstance(left, list) and isinstance(right, list):
        left, right = _keyed(left), _keyed(right)
    elif not (isinstance(left, dict) and isinstance(right, dict)):
        same = type(left) is type(right) and left == right
        return [] if same else [(path, _shown(left), _shown(right))]
    else:
        left, right = ({f".{key}": value for key, value in side.items()} for side in (left, right))
    return [
        found
        for key in {**left, **right}
        for found in differences(left.get(key, ABSENT), right.get(key, ABSENT), f"{path}{key}".lstrip("."))
    ]


class _Absent:
    """What a side does not have; equal to nothing that JSON can hold."""


ABSENT = _Absent()


def _keyed(items: list[Any]) -> dict[str, Any]:
    """Key a list by what its items are called, so that one that is gone does not shift all the others."""
    for name in ("check", "name", "path", "uri", "id", "measure"):
        keys = [item.get(name) if isinstance(item, dict) else None for item in items]
        if items and all(isinstance(key, str) for key in keys) and len(set(keys)) == len(keys):
            return {f"[{key}]": item for key, item in zip(keys, items, strict=True)}
    return {f"[{index}]": item for index, item in enumerate(items)}


def _shown(value: object) -> str:
    if value is ABSENT:
        return "absent"
    text = msgspec.json.encode(value).decode()
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}…"
