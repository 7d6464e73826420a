"""Commands of a team's own: they fail where they say so, whatever they end with."""

from __future__ import annotations

import re
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

from fixtures.postgres import binaries
from restore_drills.backups.programs import WITHIN_S, environment
from restore_drills.own.contract import Command, Unfit
from restore_drills.own.form import HEAD, pieces

COMPLAINT = re.compile(
    r"^(?:.*[\s:\]|])?(?:ERROR|FATAL|PANIC|CRITICAL)\b"
    r"|\b(?:error|fatal):|\bAn error occurred|errors ignored on restore",
    re.MULTILINE,
)
"""How psql, pg_restore, pgBackRest, Barman, WAL-G and clouds say that something failed; some then end with 0."""
BEGINS, ENDS = re.compile(rb"^-- PostgreSQL database (cluster )?dump$", re.MULTILINE), b"dump complete"
MAKES_DATABASES = re.compile(rb"^CREATE DATABASE |^-- PostgreSQL database cluster dump", re.MULTILINE)
QUOTED = 1500


class Complained(Exception):
    """A command failed, or said that it did; the message quotes it."""


def run(command: Command, dsn: str, root: Path) -> str:
    """Run a command and give what it printed; PG* variables name the server. Complained where it says an error."""
    try:
        done = subprocess.run(  # noqa: S603 - the team's own command
            command, env=environment(dsn), cwd=root, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True, errors="replace", timeout=WITHIN_S, check=False,
        )  # fmt: skip
    except OSError as error:
        msg = f"{command[0]}: cannot be run ({error.strerror}); name it as it is found from release.toml's folder"
        raise Unfit(msg) from None
    _heard(command, done.returncode, done.stdout)
    return done.stdout


def play(script: Path, dsn: str, *, stop: bool = True) -> None:
    """Run SQL, packed or not, by psql; Complained where a statement fails, Unfit where the script was cut short."""
    options = ["--no-psqlrc", "--quiet", "--output=/dev/null", *(["--set=ON_ERROR_STOP=1"] if stop else [])]
    with tempfile.TemporaryFile() as said:
        psql = subprocess.Popen(  # noqa: S603
            [str(binaries() / "psql"), *options], env=environment(dsn), stdin=subprocess.PIPE, stderr=said
        )
        with psql:
            try:
                whole = _fed(script, psql)
            finally:
                psql.communicate()
        said.seek(0)
        _heard(("psql", script.name), psql.returncode, said.read().decode(errors="replace"))
    if not whole:
        msg = f"{script}: was cut short: it begins as pg_dump begins, and has not its last line"
        raise Unfit(msg)


def _fed(script: Path, psql: subprocess.Popen[bytes]) -> bool:
    """Hand the script over; say whether it ended as it began."""
    assert psql.stdin
    head = tail = b""
    try:
        for block in pieces(script):
            head = head or block[:HEAD]
            psql.stdin.write(block)
            tail = (tail + block)[-HEAD:]
    except BrokenPipeError:
        return True  # psql stopped first, and says why
    except Unfit:
        psql.kill()  # half a statement must not look like the reason
        raise
    return not BEGINS.search(head) or ENDS in tail[-200:]


def _heard(command: Sequence[str], code: int, said: str) -> None:
    complaints = [line for line in said.splitlines() if COMPLAINT.search(line)]
    if code or complaints:
        quoted = "\n".join(complaints[:5]) or said.strip()
        msg = f"{command[0]} ended with exit code {code}: {quoted[-QUOTED:] or 'it said nothing'}"
        raise Complained(msg)
