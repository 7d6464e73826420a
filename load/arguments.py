"""The command line of `python -m load`, which is what follows `--` of `nox -s load`."""

from __future__ import annotations

import argparse
import os
from collections.abc import Mapping, Sequence
from functools import partial

from evidence.errors import InputError
from load import engine, processes
from load.channel import KEY, PORT
from load.stage import Attack

FEWEST_CHARACTERS = 16


def read(arguments: Sequence[str]) -> argparse.Namespace:
    """Read it; SystemExit with 2 where it is wrong."""
    parser = argparse.ArgumentParser(prog="load", description="Send the load that release.toml declares.")
    several = parser.add_mutually_exclusive_group()
    several.add_argument("--processes", type=_positive, default=1, metavar="N", help="generators on this machine")
    several.add_argument("--master", action="store_true", help=f"let workers send it that join with our {KEY}")
    several.add_argument(
        "--worker", nargs="?", const="", metavar="HOST", help="send a part of it for the master at HOST"
    )
    parser.add_argument("--workers", type=_positive, default=1, metavar="N", help="how many a master waits for")
    parser.add_argument("--bind", default="", metavar="ADDRESS", help="where a master listens (default: everywhere)")
    parser.add_argument("--port", type=int, default=PORT, help=f"the master's port (default: {PORT})")
    parser.add_argument("--master-host", metavar="HOST", help="the same as --worker HOST, as Locust's operator says it")
    options = parser.parse_args(arguments)
    options.master_host = options.worker or options.master_host
    if options.worker is not None and not options.master_host:
        parser.error("--worker needs the HOST of its master")
    return options


def attack(options: argparse.Namespace, environment: Mapping[str, str] = os.environ) -> Attack:
    """Return what sends the load; InputError where a master has no key."""
    if options.master:
        return partial(
            processes.serve, workers=options.workers, bind=(options.bind, options.port), key=key(environment)
        )
    if options.processes > 1:
        return partial(processes.run, processes=options.processes)
    return engine.run


def key(environment: Mapping[str, str] = os.environ) -> str:
    """Return what master and workers must both know; InputError where it is not there, or easily guessed."""
    found = environment.get(KEY, "")
    if len(found) < FEWEST_CHARACTERS:
        what = f"has {len(found)} characters" if found else "is not set"
        mend = f"give the master and every worker the same {FEWEST_CHARACTERS} or more characters"
        msg = f"the environment variable {KEY} {what}: {mend}"
        raise InputError(msg)
    return found


def _positive(text: str) -> int:
    if (number := int(text)) < 1:
        raise ValueError
    return number
