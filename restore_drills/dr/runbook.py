"""The runbook: the steps of drills that passed, as instructions, with the very commands that they ran."""

from __future__ import annotations

import shlex
from collections.abc import Mapping

from evidence.release import Release
from restore_drills.dr.markdown import code, plain
from restore_drills.dr.record import Record
from restore_drills.incident import SENTENCES, Breach

Command = tuple[str, ...]

HEAD = r"""# Runbook: the database is lost

This is what the last rehearsed drill did, step by step, and the very commands that it ran; `nox -s dr_drill --
--runbook docs/runbook.md` writes it anew. It is not edited by hand. `DATABASE` is the database, `BACKUP` the backup's
name, `STORE` where backups lie, `WORK` the folder that one is made in first, `COPY` a folder that is gone afterwards
(`nox -s backup -- restore BACKUP --to COPY` fills it), `SNAPSHOT` what the backup's own session exports. PostgreSQL's
programs find their server by PG\* variables: the lost one's until the step `fail`, the fresh one's from `restore` on.
`database.list` are those lines of the list before it that are of the database itself:
DATABASE, its PROPERTIES, ACL and COMMENT. What makes and fills the copy runs with
`PGOPTIONS='-c default_transaction_read_only=off'`: what was closed when it was backed up comes back closed.

In a real disaster begin with the step `restore`, from the newest backup that `nox -s backup -- verify` calls whole.
"""


BREACH = """# Runbook: somebody has broken in

DRILL-014 rehearses these steps on a copy at every release, with these very commands, and tries after each what a thief
would hold. In a real breach they run where the application's own variables are set."""


def runbook(record: Record, breach: Mapping[str, Command] | None = None) -> str:
    """Write it; `breach` are the commands of each step against one, where the release declares them."""
    parts = [HEAD.rstrip()]
    for number, step in enumerate(record.steps, start=1):
        parts += [f"## {number}. {step.name}", plain(step.sentence)]
        parts += [code(step.commands)] if step.commands else []
    if breach:
        parts.append(BREACH)
        for number, (name, command) in enumerate(breach.items(), start=1):
            parts += [f"## {number}. {name}", plain(SENTENCES[name]), code([shlex.join(command)])]
    return "\n\n".join(parts) + "\n"


def against_breach(release: Release) -> dict[str, Command]:
    """Give the command of each step, in their order; nothing where the release declares none."""
    if "breach" not in release.backup.get("drills", {}):
        return {}
    declared = release.section("backup.drills.breach", Breach)
    return {name: getattr(declared, name).command for name in SENTENCES}
