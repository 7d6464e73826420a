"""All requests of a run as files: columns for machines, exact, and a table for whoever has none."""

from __future__ import annotations

import csv
import gzip
import io
import math
import struct
import zipfile
from array import array
from collections.abc import Sequence

from load.recorder import Sample

EPOCH = (1980, 1, 1, 0, 0, 0)
"""The same content gives the same bytes: no time of day is in a file."""


def to_csv(samples: Sequence[Sample]) -> bytes:
    """Return the samples as a compressed table; what never was is an empty cell."""
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(Sample._fields)
    for sample in samples:
        table.writerow([_cell(value) for value in sample])
    return gzip.compress(text.getvalue().encode(), mtime=0)


def to_columns(samples: Sequence[Sample]) -> bytes:
    """Return the samples, nothing rounded, as numpy's archive of columns: `numpy.load("requests.npz")` reads it.

    NumPy's format 1.0 (NEP 1) in a zip, written here since it is a header before an array. Texts are codes into a
    column of their own: `names[name[i]]`, `errors[error[i]]`.
    """
    names, errors = sorted({sample.name for sample in samples}), sorted({sample.error for sample in samples})
    name_of, error_of = ({text: code for code, text in enumerate(texts)} for texts in (names, errors))
    columns = {
        "name": ("<u2", array("H", [name_of[sample.name] for sample in samples]).tobytes()),
        "at_s": _floats([sample.at_s for sample in samples]),
        "latency_ms": _floats([sample.latency_ms for sample in samples]),
        "service_ms": _floats([sample.service_ms for sample in samples]),
        "status": ("<i2", array("h", [sample.status for sample in samples]).tobytes()),
        "size_bytes": ("<i8", array("q", [sample.size_bytes for sample in samples]).tobytes()),
        "error": ("<u2", array("H", [error_of[sample.error] for sample in samples]).tobytes()),
        "slip_ms": _floats([sample.slip_ms for sample in samples]),
    }
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for column, (kind, content) in columns.items():
            archive.writestr(_entry(column), _npy(kind, len(samples), content))
        for column, texts in (("names", names), ("errors", errors)):
            width = max(map(len, [*texts, "."]))
            content = b"".join(text.ljust(width, "\0").encode("utf-32-le") for text in texts)
            archive.writestr(_entry(column), _npy(f"<U{width}", len(texts), content))
    return file.getvalue()


def _floats(values: Sequence[float]) -> tuple[str, bytes]:
    return "<f8", array("d", values).tobytes()


def _entry(column: str) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(f"{column}.npy", EPOCH)
    entry.compress_type = zipfile.ZIP_DEFLATED
    return entry


def _npy(kind: str, length: int, content: bytes) -> bytes:
    """Put the header of a column before its content, whose start is aligned to 64 bytes."""
    header = f"{{'descr': '{kind}', 'fortran_order': False, 'shape': ({length},), }}"
    padded = header.ljust(-(-(10 + len(header) + 1) // 64) * 64 - 11) + "\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(padded)) + padded.encode("latin-1") + content


def _cell(value: float | str) -> float | str:
    if isinstance(value, float):
        return "" if math.isnan(value) else round(value, 4)
    return value
