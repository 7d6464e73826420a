"""Migrations that would stop the traffic, told by squawk."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from evidence.errors import CannotTell

LINTED_WITHIN_S = 30
STOPPING = frozenset({
    # They lock a table against writes, or reads, for as long as they read or rewrite it
    "adding-field-with-default",
    "adding-foreign-key-constraint",
    "adding-not-nullable-field",
    "adding-serial-primary-key-field",
    "ban-alter-domain-with-add-constraint",
    "changing-column-type",
    "constraint-missing-not-valid",
    "disallowed-unique-constraint",
    "require-concurrent-index-creation",
    "require-concurrent-index-deletion",
    "require-concurrent-partition-detach",
    "require-concurrent-reindex",
    # They wait for a lock without an end, and everybody else behind them
    "require-lock-timeout",
    # The release that is still running asks for what is no longer there, or does not give what is needed now
    "adding-required-field",
    "ban-drop-column",
    "ban-drop-table",
    "renaming-column",
    "renaming-table",
})  # fmt: skip
"""The rest of squawk's rules are taste."""


def lint(files: Sequence[Path], *, in_transaction: bool) -> list[tuple[str, str]]:
    """Tell what stops the traffic, with file and line; CannotTell where squawk cannot read a file."""
    assume = "--assume-in-transaction" if in_transaction else "--no-assume-in-transaction"
    command = [str(Path(sys.executable).with_name("squawk")), "--reporter=json", assume, *map(str, files)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=LINTED_WITHIN_S, check=False)  # noqa: S603
    return stopping(done.stdout, done.stderr)


def stopping(output: str, errors: str = "") -> list[tuple[str, str]]:
    """Pick what stops the traffic out of squawk's report."""
    try:
        reported = json.loads(output)
    except ValueError:
        msg = f"squawk made no report: {errors.strip()[-500:] or output[-500:]}"
        raise CannotTell(msg) from None
    for each in reported:
        if each["rule_name"].startswith("syntax-error"):
            msg = f"{Path(each['file']).name}:{each['line'] + 1}: squawk cannot read it: {each['message']}"
            raise CannotTell(msg)
    return [
        # squawk counts lines from nought.
        (f"{Path(each['file']).name}:{each['line'] + 1} {each['rule_name']}", _what(each))
        for each in reported
        if each["rule_name"] in STOPPING
    ]


def _what(reported: dict[str, str]) -> str:
    return " ".join(filter(None, (reported["message"], reported.get("help"))))
