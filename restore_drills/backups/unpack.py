"""Unpack a tar file of data files as it arrives."""

from __future__ import annotations

import contextlib
import errno
import io
import os
import subprocess
from pathlib import Path
from typing import IO

from evidence.errors import InputError
from restore_drills.backups.programs import widened
from restore_drills.backups.repository import Metered, NotWhole

PIECE = 1 << 18
"""What is read, measured and unpacked at once: it stays in the processor's own memory meanwhile."""


def untar(file: io.BufferedReader[Metered], inside: Path, where: str) -> None:
    """Unpack while we read and measure; tar needs a quarter of the time that Python's own module does."""
    # The manifest's digest has to fit before anything of it is used; a path that climbs out, tar itself refuses.
    command = [
        "tar", "--extract", "--file=-", f"--blocking-factor={PIECE // 512}", "--no-same-owner",
        "--no-same-permissions", f"--directory={inside}",
    ]  # fmt: skip
    english = {**os.environ, "LC_ALL": "C"}
    tar = subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.PIPE, umask=0o077, env=english)  # noqa: S603
    with tar:
        assert tar.stdin
        with contextlib.suppress(BrokenPipeError):
            _pour(file, tar.stdin)
        said = tar.communicate()[1].decode(errors="replace").strip()
    if tar.returncode and os.strerror(errno.ENOSPC) in said:
        msg = f"--to {inside}: no room for {where}; make room, or name another folder"
        raise InputError(msg)
    if tar.returncode:
        msg = f"{where}: {said[-300:]}"
        raise NotWhole(msg)


def _pour(file: io.BufferedReader[Metered], pipe: IO[bytes]) -> None:
    """Write all of it, from one buffer: with a copy of each piece, and a narrow pipe, this took twice the processor."""
    widened(pipe.fileno())
    buffer = memoryview(bytearray(PIECE))
    while size := file.readinto(buffer):
        written = 0
        while written < size:
            written += os.write(pipe.fileno(), buffer[written:size])
