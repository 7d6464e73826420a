"""What people are told of how the load came about: its model, and each generator of several."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from load.config import Load
from load.measurement import Measurement


def avoided(load: Load) -> str:
    """Say of an open model how its latencies came about; empty for a closed one."""
    if load.model == "closed":
        return ""
    return (
        "open model: arrivals were drawn beforehand (a Poisson process) and each was due at its time, answered or not; "
        "latency counts from then. So coordinated omission is avoided, and nothing is corrected."
    )


def model(load: Load) -> str:
    """Say how latencies came about; of a closed model, what they hide."""
    if found := avoided(load):
        return found
    whose = f" of {Path(load.locustfile).name}, run by Locust as they are" if load.locustfile else ""
    return (
        f"closed model: {load.users} users{whose}, each of whom waits for its answer before it asks again. While the "
        "release stalls they do not ask: coordinated omission is not avoided, and the percentiles can be far too good."
    )


def generators(measurement: Measurement) -> list[dict[str, Any]]:
    """Give each of several generators as plain data; none where there was one."""
    return [
        {
            "number": number,
            "asked": part.asked,
            "slip_p99_ms": part.slip_p99_ms,
            "lag_p99_ms": part.lag_p99_ms,
            "cpu_ratio": part.cpu_max_ratio,
            "clock_within_ms": part.vitals.clock_within_ms,
            "unfit": part.reasons(),
        }
        for number, part in enumerate(measurement.parts, start=1)
        if part.window
    ]
