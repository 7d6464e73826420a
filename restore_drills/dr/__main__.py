"""python -m restore_drills.dr: rehearse the whole disaster, once a month; `nox -s dr_drill` brings the release up.

Announce, close for writing, back up, lose the server, restore, verify, switch, test, stand down, and write down what
happened: a report (report.html, report.md) in --to, and a dated record where `[backup.dr] records` says. Progress goes
to stderr, one line of JSON to stdout. Exit code 0: proven; 1: disproven, and the record names what; 2: undecided.

Killed once it has closed the database, it leaves nobody locked out: a watchman then runs `python -m restore_drills.dr
--reopen`, and, where its backup lies in the repository that is kept, takes that out (`--clear ID`).
"""

from __future__ import annotations

import argparse
import functools
import os
import signal
import sys
from pathlib import Path

import msgspec

from checks.permission import refusal
from checks.stage import redact
from evidence import release as releases
from evidence.errors import InputError
from evidence.run import write_atomically
from restore_drills.dr import notify, place, runbook
from restore_drills.dr.contract import Dr
from restore_drills.dr.markdown import markdown
from restore_drills.dr.page import page
from restore_drills.dr.record import Record, kept
from restore_drills.dr.rehearse import rehearse, reopen
from restore_drills.fresh import fresh

CODES = {"passed": 0, "failed": 1, "undecided": 2}


def main(arguments: list[str] | None = None) -> int:
    """Drill, and say how it went."""
    parser = argparse.ArgumentParser(
        prog="dr_drill", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--to", type=Path, default=Path("reports/dr"), help="the folder for the report")
    parser.add_argument("--runbook", type=Path, help="write the steps and their commands there as a runbook")
    parser.add_argument("--reopen", action="store_true", help="only end a drill that was killed: server up, open")
    parser.add_argument(
        "--clear", metavar="ID", help="only take the backup of a drill that was killed out of the store"
    )
    options = parser.parse_args(arguments)
    # What was taken away is brought back, also when we are told to stop.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        release = releases.load(Path(os.environ.get("RELEASE_FILE", "release.toml")))
        return _drilled(release, options)
    except (InputError, OSError) as error:
        sys.stderr.write(f"dr_drill: {error}\n")
        return 2


def _drilled(release: releases.Release, options: argparse.Namespace) -> int:
    how = release.section("backup.dr", Dr) if "dr" in release.backup else Dr()
    if why := refusal(release, "write", os.environ.get("TARGET_URL", "")):
        raise InputError(why)
    if not (dsn := os.environ.get("TARGET_DATABASE")):
        msg = f"{release.path}: [target] tells no database; name its variable in database_env"
        raise InputError(msg)
    if options.clear:
        place.cleared(release, options.clear)
        return 0
    untold: list[str] = []
    tell = functools.partial(_told, how, untold)
    if options.reopen:
        reopen(release, dsn, tell)
        return 0
    done = _clean(rehearse(release, dsn, fresh(release, dsn), tell, how))
    _told(how, untold, _message(done))
    if how.heartbeat_env and done.outcome == "passed":
        untold += filter(None, [notify.ping(how.heartbeat_env)])
    if untold:
        done = msgspec.structs.replace(done, findings=(*done.findings, *dict.fromkeys(untold)))
    _written(release, how, done, options)
    return CODES[done.outcome]


def _written(release: releases.Release, how: Dr, done: Record, options: argparse.Namespace) -> None:
    """Document it."""
    write_atomically(options.to / "report.html", page(done).encode())
    write_atomically(options.to / "report.md", markdown(done).encode())
    path = kept(release.root / how.records, done, markdown(done))
    if options.runbook and done.outcome == "passed":
        written = runbook.runbook(done, runbook.against_breach(release))
        write_atomically(options.runbook, written.encode())
    for finding in done.findings:
        sys.stderr.write(f"FOUND {finding}\n")
    told = {"command": "dr_drill", "record": str(path), **msgspec.to_builtins(done)}
    sys.stdout.write(f"{msgspec.json.encode(told).decode()}\n")


def _told(how: Dr, untold: list[str], text: str) -> None:
    """Say it to people, here and where the webhook leads."""
    sys.stderr.write(f"{text}\n")
    if how.webhook_env and (problem := notify.post(how.webhook_env, text)):
        untold.append(f"nobody was told: {problem}")


def _message(done: Record) -> str:
    took = "" if done.rto_s is None else f" The application served again after {done.rto_s:.1f} s."
    first = f" First finding: {done.findings[0]}" if done.findings else ""
    return f"The disaster-recovery drill of {done.release} {done.version}: {done.outcome}.{took}{first}"


def _clean(done: Record) -> Record:
    """Take every secret that the environment names out of it: it is kept, and sent."""
    return msgspec.convert(_redacted(msgspec.to_builtins(done)), Record)


def _redacted(value: object) -> object:
    if isinstance(value, str):
        return redact(value)
    if isinstance(value, dict):
        return {key: _redacted(inner) for key, inner in value.items()}
    return [_redacted(inner) for inner in value] if isinstance(value, list | tuple) else value


if __name__ == "__main__":
    sys.exit(main())
