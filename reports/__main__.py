"""May this release be promoted? Judge the evidence of one run by a policy.

Exit codes: 0 PROMOTE, 10 BLOCK, 20 HOLD, 2 bad usage, release.toml or policy, 1 the gate itself broke, 130 interrupted.
Writes gate.json first, then history.jsonl beside the run's folder and the reports into it, and prints the summary.
"""

from __future__ import annotations

import argparse
import datetime as dt
import gc
import importlib
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

from checks import catalogue
from evidence import release, run
from evidence.errors import InputError
from reports import policy
from reports.baseline import gather
from reports.judge import judge
from reports.model import Gate
from reports.publish import FILES, FORMATS, complain, publish, show, shown
from reports.render import json_v1
from reports.seen import look

TREE = Path(__file__).resolve().parent.parent
CRASHED, MISUSED, INTERRUPTED = 1, 2, 130
SEAL = ("vsa.intoto.json", "SHA256SUMS", "policy.toml", "waivers.toml")
"""What `sign` leaves in a run's folder."""
HELP = """
examples:
  python -m reports --run reports/runs/latest
  python -m reports --run reports/runs/20260301T101500-77 --policy strict.toml --format markdown
  python -m reports --run old-run --now 2026-03-01T10:30:00Z     judge as if it were then
  python -m reports --run old-run --recorded --policy new.toml   what another policy would have said; writes nothing
  python -m reports --run reports/runs/latest --baseline 20260228T090000-12 --waivers waivers.toml

other commands; each has its own --help:
  python -m reports accept     what was found, as entries to accept
  python -m reports explain    what would turn the verdict
  python -m reports history    a page of the last runs and drills
  python -m reports merge      unite the evidence of several machines in one run
  python -m reports sign       attest the verdict
  python -m reports verify     check an attested verdict, and judge it again
"""
COMMANDS = {name: f"reports.{name}" for name in ("accept", "explain", "merge", "sign", "verify")}
COMMANDS["history"] = "reports.history_page"


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what was asked; whatever happens, one line and an exit code, never a traceback."""
    words = sys.argv[1:] if arguments is None else list(arguments)
    try:
        return _command(words[0], words[1:]) if words and words[0] in COMMANDS else _gate(words)
    except InputError as error:
        return complain(str(error), MISUSED)
    except KeyboardInterrupt:
        return complain("interrupted", INTERRUPTED)
    except Exception as error:  # noqa: BLE001 - the last line of defence: a broken gate says so and never passes
        return complain(f"broke, there is no verdict: {type(error).__name__}: {error}", CRASHED)


def _gate(arguments: Sequence[str]) -> int:
    """Judge, write, say."""
    options = _parser().parse_args(arguments)
    if options.recorded:
        gate = _recorded(options)
        show(gate, options.run, options.format)
        return gate.exit_code
    gate = _judge(options)
    run.write_atomically(options.run / "gate.json", json_v1.render(gate).encode())
    publish(gate, options.run, options.format)
    return gate.exit_code


def _command(name: str, arguments: Sequence[str]) -> int:
    """Run another command; each is imported only when it is asked for."""
    module = COMMANDS[name]
    try:
        command = importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name != module:
            raise
        return complain(f"the command {name} is not part of this installation", MISUSED)
    return int(command.main(arguments))


def _judge(options: argparse.Namespace) -> Gate:
    """Bind the run to the release as it is now, and judge what it left."""
    if (options.run / "release.json").is_file():
        # An earlier verdict must not outlive a judgement that fails, nor a seal the verdict that it was put to.
        for name in ("gate.json", *FILES, *SEAL):
            (options.run / name).unlink(missing_ok=True)
    checks = catalogue.read(TREE)
    candidate = release.load(options.release)
    rules = policy.load(options.policy, checks, options.waivers or candidate.waivers_path)
    found = run.load(options.run)
    seen = look(found, release.identify(candidate), _again(options))
    now = options.now or run.now()
    return judge(rules, checks, seen, now, gather(rules, seen, options.run, options.baseline, now))


def _recorded(options: argparse.Namespace) -> Gate:
    """Judge the release that the run's record names: neither source nor release.toml is looked at."""
    checks = catalogue.read(TREE)
    rules = policy.load(options.policy, checks, options.waivers)
    found = run.load(options.run)
    seen = look(found, found.record.identity, _again(options))
    now = options.now or run.now()
    return judge(rules, checks, seen, now, gather(rules, seen, options.run, options.baseline, now))


def _again(options: argparse.Namespace) -> str:
    """Give the options that let Nox look at this run, release and policy again."""
    chosen = ["--run", str(shown(options.run))]
    for name in ("release", "policy"):
        path = getattr(options, name).absolute()
        if path != TREE / f"{name}.toml":
            chosen += [f"--{name}", str(path)]
    if options.waivers:
        chosen += ["--waivers", str(options.waivers.absolute())]
    if options.baseline:
        chosen += ["--baseline", options.baseline]
    return shlex.join(chosen)


def _moment(text: str) -> dt.datetime:
    moment = dt.datetime.fromisoformat(text)
    if moment.tzinfo is None:
        msg = f"{text!r} has no time zone; add Z for UTC"
        raise argparse.ArgumentTypeError(msg)
    return moment


_moment.__name__ = "ISO 8601 time"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m reports",
        description=__doc__,
        epilog=HELP,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--run", type=Path, required=True, metavar="PATH", help="the run's folder")
    parser.add_argument(
        "--policy", type=Path, default=TREE / "policy.toml", metavar="PATH", help="default: this tree's"
    )
    parser.add_argument("--release", type=Path, default=TREE / "release.toml", metavar="PATH", help="the same release")
    parser.add_argument(
        "--waivers",
        type=Path,
        metavar="PATH",
        help="[[waivers]] and [[accepted]] beside those of the policy; default: `waivers` of release.toml",
    )
    parser.add_argument("--baseline", metavar="RUN", help="a promoted run, by name or folder; default: the last one")
    parser.add_argument("--now", type=_moment, metavar="TIME", help="judge the age of evidence as at this time")
    parser.add_argument(
        "--recorded",
        action="store_true",
        help="judge what the run recorded, whatever the source is now; writes nothing",
    )
    parser.add_argument("--format", choices=tuple(FORMATS), default="terminal", help="what to print")
    return parser


if __name__ == "__main__":
    # It lives for a second and keeps what it makes: looking for garbage took a third of judging 100,000 checks.
    gc.disable()
    sys.exit(main())
