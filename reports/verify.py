"""Is this verdict the one that was given, for this evidence, by this policy, and signed with this key?

Checks that no file of the run was changed, added or removed since it was signed; that the signature is the key's; that
the signed statement, gate.json, policy and evidence say the same; and judges the evidence again, as at the time when
it was judged. It needs no network, no release.toml and no source.

Exit codes: 0 all of it is so, 10 something was tampered with (each file and field is named), 20 it could not be told
(no signature, no key, no policy), 2 bad usage, 1 it broke, 130 interrupted. 0 says that the verdict is authentic, not
that it is PROMOTE: where you deploy, ask for that with --promote.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from evidence.errors import InputError
from reports.attestation import again, keys
from reports.attestation.again import Rules
from reports.attestation.audit import audit
from reports.attestation.findings import SOUND, TAMPERED, Findings
from reports.doubt import stamp
from reports.model import Gate
from reports.publish import complain
from reports.render.text import visible

BROKE, MISUSED, INTERRUPTED = 1, 2, 130
HELP = """
examples:
  python -m reports verify --run reports/runs/latest --public-key release.key.pub
  python -m reports verify --run last-year --public-key release.key.pub --policy last-year/policy.toml --promote
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Verify and say what was found; whatever happens, an exit code, and never a traceback."""
    options = _parser().parse_args(arguments)
    try:
        return _verify(options)
    except InputError as error:
        return complain(str(error), MISUSED)
    except KeyboardInterrupt:
        return complain("interrupted", INTERRUPTED)
    except Exception as error:  # noqa: BLE001 - the last line of defence: what breaks verifies nothing
        return complain(f"broke, nothing is verified: {type(error).__name__}: {error}", BROKE)


def say(lines: Sequence[str]) -> None:
    """Print lines, whatever is in them, in characters that the terminal has."""
    encoding = sys.stdout.encoding or "ascii"
    text = "".join(f"{visible(' '.join(line.splitlines()))}\n" for line in lines)
    try:
        sys.stdout.write(text.encode(encoding, "replace").decode(encoding))
        sys.stdout.flush()
    except BrokenPipeError:  # nobody reads on: Python would complain again when it closes the pipe
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def named(gate: Gate) -> str:
    """Name a verdict, and what it is about."""
    release = gate.release
    commit = f", commit {release.commit[:12]}{' with changes' if release.dirty else ''}" if release.commit else ""
    return (
        f"{gate.verdict} of {release.name} {release.version} ({release.digest}{commit}), judged {stamp(gate.judged_at)}"
    )


def _verify(options: argparse.Namespace) -> int:
    if not options.run.is_dir():
        msg = f"{options.run}: is not the folder of a run"
        raise InputError(msg)
    key = keys.public(options.public_key) if options.public_key else None
    copies = again.copies(options.run)
    rules = Rules(options.policy or copies.policy, options.waivers or copies.waivers)
    gate, found = audit(options.run, key, rules)
    say([*found.lines(), _conclusion(gate, found)])
    if found.exit_code == SOUND and gate and options.promote:
        return gate.exit_code
    return found.exit_code


def _conclusion(gate: Gate | None, found: Findings) -> str:
    words = {SOUND: "verified", TAMPERED: "tampered with, do not rely on"}
    return f"{words.get(found.exit_code, 'not verified')}: {named(gate) if gate else 'no verdict'}"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m reports verify",
        description=__doc__,
        epilog=HELP,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--run", type=Path, required=True, metavar="PATH", help="the run's folder")
    parser.add_argument("--public-key", type=Path, metavar="PATH", help="the key that must have signed, in PEM")
    parser.add_argument("--policy", type=Path, metavar="PATH", help="default: the copy in the run, or else this tree's")
    parser.add_argument("--waivers", type=Path, metavar="PATH", help="the same for a file of waivers, if one judged")
    parser.add_argument("--promote", action="store_true", help="exit with 10 or 20 also where it is BLOCK or HOLD")
    return parser


if __name__ == "__main__":
    sys.exit(main())
