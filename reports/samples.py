"""The single requests of a load run, as its attachment has them."""

from __future__ import annotations

import csv
import gzip
import io
import math
import zlib
from pathlib import Path

import msgspec

SAMPLES = "attachments/load/requests.csv.gz"
SUMMARY = "attachments/load/load.json"
LARGEST = 64 * 1024 * 1024
"""Bytes read of what a small file may unpack to."""


class Summary(msgspec.Struct, frozen=True):
    """What of the run's summary counts here: when the measuring window was open (s)."""

    window_s: tuple[float, float]


def read_latencies(run: Path) -> list[float] | None:
    """Return the latencies (ms) of the answered requests of the measuring window, in the order of time, or None.

    Those of warm-up, and of stages that are not judged, are in the table, too.
    """
    try:
        opens_s, closes_s = msgspec.json.decode((run / SUMMARY).read_bytes(), type=Summary).window_s
        with gzip.open(run / SAMPLES) as file:
            text = file.read(LARGEST).decode("utf-8")
        rows = csv.DictReader(io.StringIO(text, newline=""))
        latencies = [
            float(row["latency_ms"]) for row in rows if not row["error"] and opens_s <= float(row["at_s"]) < closes_s
        ]
    except (OSError, EOFError, zlib.error, ValueError, KeyError, TypeError, csv.Error, msgspec.MsgspecError):
        return None
    return latencies if latencies and all(map(math.isfinite, latencies)) else None
