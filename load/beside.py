"""What is sent after the load itself: each request once more, a ramp, and the last promoted release in turns.

One generator sends it, this process, however many sent the load.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from checks.permission import refusal
from evidence.errors import CannotTell, InputError
from evidence.release import Release
from load.baseline import Compared, Side, in_turns, promoted
from load.compression import Weighed, weigh
from load.config import Load
from load.instances import Scaled, counter, ramp
from load.measurement import Measurement
from load.resolve import resolve
from load.visitor import Visitor

Attack = Callable[[str, Load], Measurement]
OPEN = "a ramp needs a rate, so the model `open`"
Seen = TypeVar("Seen")


def beside(release: Release, attack: Attack, url: str, measurement: Measurement, folder: Path) -> Measurement:
    """Add what is declared, and applies; what keeps us from it is said by its check. Logs go into the folder."""
    load, waived = measurement.load, release.not_applicable
    side = Side(url, load)
    if load.compression and "LOAD-011" not in waived:
        weighed = _or_why(lambda: weigh(load, Visitor(url, load).ask), lambda why: Weighed(problem=why))
        measurement = replace(measurement, weighed=weighed)
    if load.baseline and "LOAD-007" not in waived:
        compared = _or_why(lambda: _compared(release, attack, side, folder), lambda why: Compared(problem=why))
        measurement = replace(measurement, compared=compared)
    if load.instances and "LOAD-008" not in waived:
        scaled = _or_why(lambda: _scaled(release, attack, side), lambda why: Scaled(problem=why))
        measurement = replace(measurement, scaled=scaled)
    return measurement


def _or_why(look: Callable[[], Seen], failed: Callable[[str], Seen]) -> Seen:
    """Look; whatever goes wrong here takes nothing away from what the load has shown."""
    try:
        return look()
    except (CannotTell, InputError) as error:
        return failed(str(error))
    except Exception as error:  # noqa: BLE001 - whatever it is, we could not tell
        return failed(f"{type(error).__name__}: {error}")


def _compared(release: Release, attack: Attack, now: Side, folder: Path) -> Compared:
    baseline = now.load.baseline
    assert baseline is not None
    if why := refusal(release, "load", baseline.url or now.url):
        return Compared(problem=why)
    declared = release.section("load", Load)
    log = folder / "baseline.log"
    with promoted(baseline, release.root, log, lambda told: resolve(declared, release.root, told)) as before:
        return in_turns(attack, now, before, baseline)


def _scaled(release: Release, attack: Attack, side: Side) -> Scaled:
    instances = side.load.instances
    assert instances is not None
    if side.load.model != "open":
        return Scaled(problem=OPEN)
    count = counter(instances, release.root)
    return ramp(instances, count, lambda load: attack(side.url, load), side.load, time.monotonic)
