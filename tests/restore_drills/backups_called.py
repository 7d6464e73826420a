"""The command of backups, called as people and cron call it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec

from fixtures.postgres import Postgres

ROOT = Path(__file__).parents[2]
Ran = tuple[int, dict[str, Any], str]


def started(folder: Path, server: Postgres, *arguments: str, limit: str = "") -> subprocess.Popen[str]:
    """Start the command as cron would; `limit` is put before it."""
    command = f'{limit} exec "$0" -m restore_drills.backups "$@"'
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "SHOP": server.dsn}
    return subprocess.Popen(
        ["sh", "-c", command, sys.executable, *arguments],
        cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def run(folder: Path, server: Postgres, *arguments: str, limit: str = "") -> Ran:
    """Run it to its end."""
    process = started(folder, server, *arguments, limit=limit)
    out, said = process.communicate()
    return process.returncode, msgspec.json.decode(out), said
