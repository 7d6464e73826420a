"""python -m restore_drills.backups: make, keep, prove and restore backups of PostgreSQL, as backup.toml says.

  full | incremental | logical   take a backup: data files, what changed of them since, or a dump of one database
  wal                            bring what the server has archived of its log into the store
  offsite [--now]                copy the newest into the second store, where its copy there is old enough, and the log
  list                           what there is, and why it is kept
  verify [ID] [--restore]        read every stored byte; with --restore, restore and compare every row
  prune [--yes]                  show what the policy lets go; with --yes, remove it
  restore [ID] --to FOLDER       bring the newest (or that) backup back, by default with all of the log that there is

The first run that writes to a store says --init: an empty place may as well be a disk that is not mounted.
With --offsite, list, verify, prune and restore look at the second store, and need no first one.

Progress goes to stderr, one line of JSON to stdout. Exit code 0: well; 1: something is wrong with a backup, and the
message names it; 2: wrong usage, or something around it (server, store, key, disk) is not as it must be.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import msgspec
import psycopg

from evidence.errors import CannotTell, InputError
from fixtures.postgres import PostgresError
from restore_drills.backups import begun, commands, config
from restore_drills.backups.model import Damaged
from restore_drills.backups.programs import Programs, Say
from restore_drills.backups.repository import Repository

TAKE = {
    "full": "all data files, by pg_basebackup",
    "incremental": "what changed since the newest physical backup (PostgreSQL 17 with summarize_wal = on)",
    "logical": "a dump of one database and the roles, which another version of PostgreSQL can read",
}

INIT = "begin a new store: the first run says so, since an empty place may be a disk that is not mounted"


def parser() -> argparse.ArgumentParser:
    """Say what can be asked for."""
    top = argparse.ArgumentParser(
        prog="backups", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--config", type=Path, default=Path(config.NAME), help="the file that says what goes where")
    common.add_argument("--identity", type=Path, help="the file with age's secret key, to open what is encrypted")
    common.add_argument("--wait", type=float, default=0.0, metavar="SECONDS", help="for another run to end")
    common.add_argument("--quiet", action="store_true", help="no progress")
    either = argparse.ArgumentParser(add_help=False, parents=[common])
    either.add_argument("--offsite", action="store_true", help="in the second store")
    top.set_defaults(offsite=False, init=False)
    asked = top.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, text in TAKE.items():
        taking = asked.add_parser(name, parents=[common], help=text, description=text)
        if name == "incremental":
            taking.add_argument(
                "--since", choices=("last", "full"), default="last", help="of which backup it is the rest"
            )
        if name != "incremental":
            taking.add_argument("--init", action="store_true", help=INIT)
    shipping = asked.add_parser("wal", parents=[common], help="ship the log")
    shipping.add_argument("--init", action="store_true", help=INIT)
    copying = asked.add_parser("offsite", parents=[common], help="copy the newest into the second store")
    copying.add_argument("--now", action="store_true", help="however young the newest copy is")
    copying.add_argument("--init", action="store_true", help=INIT)
    asked.add_parser("list", parents=[either], help="what there is")
    proving = asked.add_parser("verify", parents=[either], help="read every byte, or restore and compare")
    proving.add_argument("id", nargs="?", help="one backup; default: every one, or with --restore the newest")
    proving.add_argument("--restore", action="store_true", help="restore into a scratch server and compare every row")
    pruning = asked.add_parser("prune", parents=[either], help="show, or remove, what the policy lets go")
    pruning.add_argument("--yes", action="store_true", help="remove it")
    bringing = asked.add_parser("restore", parents=[either], help="bring a backup back")
    bringing.add_argument("id", nargs="?", help="default: the newest that leads to --until")
    bringing.add_argument("--to", type=Path, required=True, help="a folder that is new, or empty")
    bringing.add_argument(
        "--until", default="latest", help="latest, backup (its own end), 0/3000028, or 2026-11-25T08:00Z"
    )
    return top


def main(arguments: list[str] | None = None) -> int:
    """Do what is asked for, and say how it went."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    options = parser().parse_args(arguments)
    say = Say(quiet=options.quiet)
    try:
        settings = config.load(options.config)
        settings = settings.away() if options.offsite else settings
        repository = settings.repository(say, options.identity)
        with _alone(options), _access(repository, options) as held:
            told = commands.COMMANDS[options.command](settings, repository, Programs(held), options)
    except Damaged as error:
        return _ended(options.command, 1, {"error": str(error)})
    except InputError as error:
        return _ended(options.command, 2, {"error": str(error)})
    except (psycopg.Error, PostgresError, CannotTell) as error:
        why = f"{' '.join(str(error).split())}; look at the server, then run again"
        return _ended(options.command, 2, {"error": why})
    except OSError as error:
        why = f"{error.filename or 'disk'}: {error.strerror}; make room or give permission, then run again"
        return _ended(options.command, 2, {"error": why})
    return _ended(options.command, 1 if told.get("findings") else 0, told)


@contextlib.contextmanager
def _alone(options: argparse.Namespace) -> Iterator[None]:
    """Write for nobody else: rows and password hashes are in all of it."""
    if options.command in ("verify", "restore"):  # their servers run as another user, who reads what is made for him
        yield
        return
    before = os.umask(0o077)
    try:
        yield
    finally:
        os.umask(before)


@contextlib.contextmanager
def _access(repository: Repository, options: argparse.Namespace) -> Iterator[list[int]]:
    """Who writes works alone, and settles first what was cut short; who reads needs no permission to write."""
    if commands.writes(options):
        begun.expect(repository.store, new=options.init)
        with repository.lock(options.wait) as handle:
            repository.settle()
            yield [handle]
    elif options.command in commands.LOOKS:
        yield []
    else:
        with repository.reading(options.wait) as held:
            yield held


def _ended(command: str, code: int, told: dict[str, object]) -> int:
    if "error" in told:
        sys.stderr.write(f"{command}: {told['error']}\n")
    line = msgspec.json.encode({"command": command, "ok": code == 0, **told})
    sys.stdout.write(f"{line.decode()}\n")
    return code


if __name__ == "__main__":
    sys.exit(main())
