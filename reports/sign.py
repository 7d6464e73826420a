"""Sign the verdict of a run, whichever it is, so that anybody can verify it later and offline.

Judges the evidence again first: no key is put to a verdict that does not follow from it. Then leaves in the run's
folder a copy of the policy (policy.toml, waivers.toml), SHA256SUMS, and the signed statement (vsa.intoto.json).

The key is Ed25519 in PEM (PKCS #8, not encrypted), from --key or from the environment variable RELEASE_SIGNING_KEY.

Exit codes: 0 signed (also a BLOCK), 10 gate.json does not follow from evidence and policy, 20 that could not be told,
2 bad usage or key, 1 it broke, 130 interrupted.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import msgspec

from evidence.errors import InputError
from evidence.run import write_atomically
from reports.attestation import again, dsse, keys, statement, sums
from reports.attestation.again import Rules
from reports.attestation.audit import VERDICT
from reports.attestation.keys import PrivateKey
from reports.model import Gate
from reports.publish import complain, shown
from reports.verify import BROKE, INTERRUPTED, MISUSED, named, say

HELP = """
examples:
  python -m reports sign --generate release.key            writes release.key and release.key.pub
  python -m reports sign --run reports/runs/latest --key release.key
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Sign, or make a key; whatever happens, one line and an exit code, and never a traceback."""
    options = _parser().parse_args(arguments)
    try:
        return _generate(options.generate) if options.generate else _sign(options)
    except InputError as error:
        return complain(str(error), MISUSED)
    except KeyboardInterrupt:
        return complain("interrupted", INTERRUPTED)
    except Exception as error:  # noqa: BLE001 - the last line of defence: what breaks signs nothing
        return complain(f"broke, nothing is signed: {type(error).__name__}", BROKE)


def _generate(path: Path) -> int:
    public = keys.generate(path)
    say([f"keep {path} secret: it signs", f"give {public} to whoever verifies"])
    return 0


def _sign(options: argparse.Namespace) -> int:
    run: Path = options.run
    signer = keys.private(options.key)
    gate_json, gate = _verdict(run)
    rules = Rules(options.policy, options.waivers)
    found = again.check(run, gate, gate_json, rules)
    if code := found.exit_code:
        say([*found.lines(), f"not signed: {named(gate)}"])
        return code
    rules.copy(run)
    _seal(run, gate, gate_json, signer)
    say([f"signed: {named(gate)}", f"statement: {shown(run / sums.ENVELOPE)}"])
    return 0


def _seal(run: Path, gate: Gate, gate_json: bytes, signer: PrivateKey) -> None:
    """Write the two files, the envelope last: a run that is half sealed has none, and is not taken for signed."""
    (run / sums.ENVELOPE).unlink(missing_ok=True)
    sums_text = sums.write(sums.digests(run))
    write_atomically(run / sums.NAME, sums_text)
    stated = statement.make(gate, gate_json, sums_text, again.version())
    write_atomically(run / sums.ENVELOPE, dsse.seal(msgspec.json.encode(stated), signer))


def _verdict(run: Path) -> tuple[bytes, Gate]:
    path = run / VERDICT
    try:
        content = path.read_bytes()
        return content, msgspec.json.decode(content, type=Gate)
    except OSError as error:
        msg = f"{path}: cannot be read ({error.strerror}); judge first: python -m reports --run {run}"
        raise InputError(msg) from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        msg = f"{path}: is not a verdict: {error}"
        raise InputError(msg) from None


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m reports sign",
        description=__doc__,
        epilog=HELP,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--run", type=Path, metavar="PATH", help="the run's folder")
    what.add_argument("--generate", type=Path, metavar="PATH", help="make a key: PATH, and PATH.pub beside it")
    parser.add_argument("--key", type=Path, metavar="PATH", help=f"the private key; default: {keys.VARIABLE}")
    parser.add_argument(
        "--policy", type=Path, default=again.TREE / again.POLICY, metavar="PATH", help="the one that judged"
    )
    parser.add_argument("--waivers", type=Path, metavar="PATH", help="the file of waivers that judged, if one did")
    return parser


if __name__ == "__main__":
    sys.exit(main())
