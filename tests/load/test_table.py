"""Every request is kept, exactly, in files that others can read."""

from __future__ import annotations

import ast
import gzip
import io
import math
import struct
import zipfile

from load.recorder import DROPPED
from load.table import to_columns, to_csv
from tests.load.test_checks import sample

SAMPLES = [sample(1.25, latency_ms=0.1 + 0.2), sample(1.5, latency_ms=math.nan, status=0, error=DROPPED)]


def columns(content: bytes) -> dict[str, list[float] | list[str]]:
    """Read the archive by the letter of NEP 1, as numpy does."""
    found: dict[str, list[float] | list[str]] = {}
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        for name in archive.namelist():
            data = archive.read(name)
            assert b"\x93NUMPY\x01\x00" == data[:8]
            start = 10 + struct.unpack("<H", data[8:10])[0]
            assert (0, b"\n") == (start % 64, data[start - 1 : start])
            header = ast.literal_eval(data[10:start].decode())
            kind, (length,) = header["descr"], header["shape"]
            if kind.startswith("<U"):
                width = 4 * int(kind[2:])
                cells = [data[start + number * width : start + (number + 1) * width] for number in range(length)]
                found[name] = [cell.decode("utf-32-le").rstrip("\0") for cell in cells]
            else:
                code = {"<f8": "d", "<i2": "h", "<u2": "H", "<i8": "q"}[kind]
                found[name] = list(struct.unpack(f"<{length}{code}", data[start:]))
    return found


def test_the_table_keeps_every_request() -> None:
    """One row an arrival, empty where something never was; the same content gives the same bytes."""
    lines = gzip.decompress(to_csv(SAMPLES)).decode().splitlines()

    assert "name,at_s,latency_ms,service_ms,status,size_bytes,error,slip_ms" == lines[0]
    assert ["home,1.25,0.3,-0.2,200,2,,0.5", "home,1.5,,,0,2,dropped,0.5"] == lines[1:]
    assert bytes(4) == to_csv(SAMPLES)[4:8]  # gzip's own time of day


def test_the_columns_are_exact() -> None:
    """Nothing is rounded, what never was is not a number, texts are coded; the same content gives the same bytes."""
    content = to_columns(SAMPLES)
    found = columns(content)

    assert [0.1 + 0.2] == found["latency_ms.npy"][:1]
    assert math.isnan(float(found["latency_ms.npy"][1]))
    assert (["home"], ["", DROPPED], [0.0, 1.0]) == (found["names.npy"], found["errors.npy"], found["error.npy"])
    assert ([1.25, 1.5], [200, 0]) == (found["at_s.npy"], found["status.npy"])
    assert content == to_columns(list(SAMPLES))


def test_a_run_without_requests_has_empty_columns() -> None:
    """A file that can be read, and holds nothing."""
    assert {0} == {len(column) for column in columns(to_columns([])).values()}
