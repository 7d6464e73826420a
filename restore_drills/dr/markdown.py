"""A record as Markdown, dated: what people read, and the line that machines read again."""

from __future__ import annotations

import re
from collections.abc import Sequence

from restore_drills.dr.estimate import spoken
from restore_drills.dr.record import Record, Step, line

MARKS = re.compile(r"([\\`*_{}\[\]()<>#+!|~&])")
WORDS = {"passed": "PASSED", "failed": "FAILED", "undecided": "UNDECIDED: what it should prove is not proven"}


def markdown(record: Record) -> str:
    """Write the record."""
    parts = [
        f"# Disaster-recovery drill, {record.finished:%Y-%m-%d}: {WORDS[record.outcome]}",
        line(record),
        "\n".join(f"- {text}" for text in facts(record)),
        "## Steps",
        "\n".join(["| step | began (UTC) | took | |", "| --- | --- | --- | --- |", *map(_row, record.steps)]),
        "## Findings",
        listed(record.findings) or "None.",
        "## Actions",
        "\n".join(f"- [ ] {plain(action)}" for action in record.actions),
        "## What was run",
        *(
            text
            for step in record.steps
            if step.commands
            for text in (f"### {step.name}", plain(step.sentence), code(step.commands))
        ),
    ]
    return "\n\n".join(parts) + "\n"


def facts(record: Record) -> list[str]:
    """What was measured, one sentence each."""
    when = f"from {record.started:%H:%M:%S} to {record.finished:%H:%M:%S} UTC"
    told = [f"{plain(record.release)} {plain(record.version)}, {when}"]
    if record.backup:
        lay = f", read back from {plain(record.store)}" if record.store else ""
        size = f"{record.rows:,} rows, {record.bytes / 1e6:,.1f} MB when restored"
        told.append(f"backup {plain(record.backup)}: {size}{lay}")
    if record.rto_s is not None:
        told.append(f"recovery time: {spoken(record.rto_s)}, from the failure to the first write that was read again")
    if record.rpo_s is not None:
        told.append(f"lost: {spoken(record.rpo_s)} of acknowledged writes (writing had been stopped before the backup)")
    if record.estimate:
        told.append(plain(record.estimate))
    return told


def listed(texts: tuple[str, ...]) -> str:
    """A list of texts that others wrote."""
    return "\n".join(f"- {plain(text)}" for text in texts)


def plain(text: str) -> str:
    """Text that is no markup, on one line."""
    return MARKS.sub(r"\\\1", " ".join(_visible(text).split()))


def code(commands: Sequence[str]) -> str:
    """Commands as they were run; no text inside ends the block."""
    text = "\n".join(_visible(command.replace("\n", " ")) for command in commands)
    fence = "`" * max(3, *(len(run) + 1 for run in re.findall(r"`+", text)), 3)
    return f"{fence}sh\n{text}\n{fence}"


def _row(step: Step) -> str:
    return f"| {plain(step.name)} | {step.began:%H:%M:%S} | {spoken(step.seconds)} | {step.outcome} |"


def _visible(text: str) -> str:
    return "".join(one if one.isprintable() or one.isspace() else f"\\x{ord(one):02x}" for one in text)
