"""The single requests of a load run, as its attachment has them."""

from __future__ import annotations

import csv
import gzip
import io
import math
import zlib
from pathlib import Path

SAMPLES = "attachments/load/requests.csv.gz"
LARGEST = 64 * 1024 * 1024
"""Bytes read of what a small file may unpack to."""


def read_latencies(run: Path) -> list[float] | None:
    """Return the latencies (ms) of the answered requests in the order of time; None where there are none."""
    try:
        with gzip.open(run / SAMPLES) as file:
            text = file.read(LARGEST).decode("utf-8")
        rows = csv.DictReader(io.StringIO(text, newline=""))
        latencies = [float(row["latency_ms"]) for row in rows if not row["error"]]
    except (OSError, EOFError, zlib.error, ValueError, KeyError, TypeError, csv.Error):
        return None
    return latencies if latencies and all(map(math.isfinite, latencies)) else None
