"""`python -m load`: the load stage, as `nox -s load` runs it. Exit code 0, 1, 2, or 130 on Ctrl-C."""

from __future__ import annotations

import os
import signal
import sys

# First of all that is not the standard library's: importing Locust patches sockets and ssl for everything after it.
import locust

from checks.stage import Stage, from_environment
from evidence.errors import InputError
from load import arguments, engine, worker
from load.checks import CHECKS, identifier
from load.stage import BAD_INPUT, Runner

INTERRUPTED = 130
SIGNALS = (signal.SIGINT, signal.SIGTERM)


def main() -> int:
    """Open the stage, run, write the evidence: also where we are interrupted, and then without a result."""
    options = arguments.read(sys.argv[1:])
    try:
        if options.worker is not None:
            return worker.work(options.master_host, options.port, arguments.key())
        attack = arguments.attack(options)
        stage, interrupted = from_environment(), from_environment()
    except InputError as error:
        sys.stderr.write(f"{error}\n")
        return BAD_INPUT
    stage.tools["locust"] = locust.__version__
    interrupted.plan(map(identifier, CHECKS))
    for number in SIGNALS:
        signal.signal(number, lambda *_: _leave(interrupted))
    code = Runner(stage, attack, engine.run).run()
    for number in SIGNALS:
        signal.signal(number, signal.SIG_IGN)
    stage.finish(code)
    return code


def _leave(stage: Stage) -> None:
    """Leave at once: hundreds of greenlets take longer to end than Nox waits before it kills."""
    stage.finish(INTERRUPTED)
    os._exit(INTERRUPTED)


if __name__ == "__main__":
    sys.exit(main())
