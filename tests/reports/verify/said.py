"""What the tests of verifying share: the call, what it says of tampering, and the ways to tamper."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from reports import verify
from tests.reports.sealed import World

ENVELOPE = "vsa.intoto.json"

Out = pytest.CaptureFixture[str]


def call(world: World, *options: object) -> int:
    """Verify with the key."""
    return verify.main(["--run", str(world.run), "--public-key", str(world.public), *map(str, options)])


def tampered(out: str) -> list[str]:
    """Return the lines that say what was tampered with."""
    return [line.removeprefix("TAMPERED      ") for line in out.splitlines() if line.startswith("TAMPERED  ")]


def set_in(path: str, value: object) -> Callable[[dict[str, object]], None]:
    """Set a field, named with dots, where a record has it."""

    def change(record: dict[str, object]) -> None:
        *above, last = path.split(".")
        for name in above:
            record = record.get(name, {})  # type: ignore[assignment]
        if last in record:
            record[last] = value

    return change


def promote(world: World) -> None:
    """Turn the verdict, and all that goes with it, to PROMOTE."""
    for path, value in (("verdict", "PROMOTE"), ("exit_code", 0), ("counts.failed", 0), ("counts.passed", 2)):
        world.edit("gate.json", set_in(path, value))


def replace(name: str, old: str, new: str) -> Callable[[World], object]:
    """Replace text in a file of the run."""

    def edit(world: World) -> None:
        path = world.run / name
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new))

    return edit


def remove(*names: str) -> Callable[[World], object]:
    """Remove files of the run."""

    def change(world: World) -> None:
        for name in names:
            (world.run / name).unlink()

    return change
