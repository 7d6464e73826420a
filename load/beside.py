"""What is sent after the load itself: each request once more, a ramp, and the last promoted release in turns."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

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
ALONE = "this is sent by one generator: run the stage once more without --processes and --master"
OPEN = "a ramp needs a rate, so the model `open`"


def beside(release: Release, attack: Attack, url: str, measurement: Measurement, folder: Path) -> Measurement:
    """Add what is declared, and applies; what keeps us from it is said by its check. Logs go into the folder."""
    load, waived = measurement.load, release.not_applicable
    side, several = Side(url, load), bool(measurement.parts)
    if load.compression and "LOAD-011" not in waived:
        measurement = replace(measurement, weighed=_weighed(side))
    if load.baseline and "LOAD-007" not in waived:
        compared = Compared(problem=ALONE) if several else _compared(release, attack, side, folder)
        measurement = replace(measurement, compared=compared)
    if load.instances and "LOAD-008" not in waived:
        scaled = Scaled(problem=ALONE) if several else _scaled(release, attack, side)
        measurement = replace(measurement, scaled=scaled)
    return measurement


def _weighed(side: Side) -> Weighed:
    try:
        return weigh(side.load, Visitor(side.url, side.load).ask)
    except CannotTell as error:
        return Weighed(problem=str(error))


def _compared(release: Release, attack: Attack, now: Side, folder: Path) -> Compared:
    baseline = now.load.baseline
    assert baseline is not None
    if why := refusal(release, "load", baseline.url or now.url):
        return Compared(problem=why)
    declared = release.section("load", Load)
    try:
        with promoted(
            baseline,
            release.root,
            folder / "baseline.log",
            lambda told: resolve(declared, release.root, told),
        ) as before:
            return in_turns(attack, now, before, baseline)
    except (CannotTell, InputError) as error:
        return Compared(problem=str(error))


def _scaled(release: Release, attack: Attack, side: Side) -> Scaled:
    instances = side.load.instances
    assert instances is not None
    if side.load.model != "open":
        return Scaled(problem=OPEN)
    try:
        count = counter(instances, release.root)
        return ramp(instances, count, lambda load: attack(side.url, load), side.load, time.monotonic)
    except CannotTell as error:
        return Scaled(problem=str(error))
