"""The runbook: the steps of a drill that passed, as instructions, with the very commands that it ran."""

from __future__ import annotations

from restore_drills.dr.markdown import code, plain
from restore_drills.dr.record import Record

HEAD = r"""# Runbook: the database is lost

This is what the last rehearsed drill did, step by step, and the very commands that it ran; `nox -s dr_drill --
--runbook docs/runbook.md` writes it anew. It is not edited by hand. `DATABASE` is the database, `BACKUP` the backup's
name, `STORE` the folder of backups, `COPY` a folder that is gone afterwards, `SNAPSHOT` what the backup's own session
exports. PostgreSQL's programs find their server by PG\* variables: the lost one's until the step `fail`, the fresh
one's from `restore` on. `database.list` are those lines of the list before it that are of the database itself:
DATABASE, its PROPERTIES, ACL and COMMENT. What makes and fills the copy runs with
`PGOPTIONS='-c default_transaction_read_only=off'`: what was closed when it was backed up comes back closed.

In a real disaster begin with the step `restore`, from the newest backup that `nox -s backup -- verify` calls whole.
"""


def runbook(record: Record) -> str:
    """Write it."""
    parts = [HEAD.rstrip()]
    for number, step in enumerate(record.steps, start=1):
        parts += [f"## {number}. {step.name}", plain(step.sentence)]
        parts += [code(step)] if step.commands else []
    return "\n\n".join(parts) + "\n"
