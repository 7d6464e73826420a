"""Judge a run again from its evidence and the policy, as at the time when its gate.json was judged.

Neither `release.toml` nor the source is needed: the run's own record says which release it looked at. Nor are earlier
runs. What gate.json says of them, and of the source when it was judged, is taken from it: the signature vouches for it.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import NamedTuple

import msgspec

from checks import catalogue
from evidence import run
from evidence.errors import InputError
from reports import policy
from reports.attestation.findings import Findings, differences
from reports.baseline import recorded
from reports.judge import judge
from reports.model import Gate, PolicyName
from reports.render import json_v1
from reports.seen import look

TREE = Path(__file__).resolve().parents[2]
OPTIONS = " gate -- "
SHOWN = 60
"""Fields that are named: where everything differs, the first ones say why."""
POLICY, WAIVERS = "policy.toml", "waivers.toml"


def version() -> dict[str, str]:
    """Digest the code that judges and the checks that it knows: another version may say something else."""
    digest = hashlib.sha256()
    for path in sorted(path for room in ("checks", "evidence", "reports") for path in (TREE / room).rglob("*.py")):
        digest.update(f"{path.relative_to(TREE).as_posix()}\0".encode() + path.read_bytes() + b"\0")
    for info in catalogue.read(TREE).values():
        digest.update(msgspec.json.encode(info))
    return {"reports": f"sha256:{digest.hexdigest()}"}


class Rules(NamedTuple):
    """The files that say what to judge by."""

    policy: Path
    waivers: Path | None

    def copy(self, folder: Path) -> None:
        """Leave copies in the run's folder, so that it can be verified when the policy has moved on."""
        for path, name in ((self.policy, POLICY), (self.waivers, WAIVERS)):
            if path:
                run.write_atomically(folder / name, path.read_bytes())
            else:
                (folder / name).unlink(missing_ok=True)


def copies(folder: Path) -> Rules:
    """Find the copies in a run's folder; without one, this tree's policy and no waivers."""
    policy_copy, waivers_copy = folder / POLICY, folder / WAIVERS
    return Rules(
        policy_copy if policy_copy.is_file() else TREE / POLICY, waivers_copy if waivers_copy.is_file() else None
    )


def check(folder: Path, gate: Gate, written: bytes, rules: Rules) -> Findings:
    """Judge again, and name every field in which gate.json, whose bytes are `written`, differs."""
    found = Findings()
    _same(found, rules.policy, gate.policy, "--policy")
    _same(found, rules.waivers, gate.waivers_file, "--waivers")
    if found.exit_code:
        return found
    try:
        judged = judge_again(folder, gate, rules)
    except Exception as error:  # noqa: BLE001 - what breaks the judge is a doubt, and no end of the other findings
        name = "" if isinstance(error, InputError) else f"{type(error).__name__}: "
        found.unverified.append(f"gate.json: this tree cannot judge the run again: {name}{error}")
        return found
    pair = (json.loads(msgspec.json.encode(each)) for each in (gate, judged))
    wrong = [f"gate.json: {path} is {says}, judged again {then}" for path, says, then in differences(*pair)]
    found.tampered += wrong[:SHOWN]
    if len(wrong) > SHOWN:
        found.tampered.append(f"gate.json: {len(wrong) - SHOWN} more fields differ")
    if not found.tampered and json_v1.render(judged).encode() != written:
        found.tampered.append("gate.json: says what judging again says, but is not as the gate writes it")
    if not found.tampered:
        found.sound.append(f"gate.json: {gate.verdict} again, from evidence and policy, the same in every field")
    return found


def judge_again(folder: Path, gate: Gate, rules: Rules) -> Gate:
    """Judge the run as it lies there; InputError where its record, or the policy for this tree's checks, is broken."""
    checks = catalogue.read(TREE)
    loaded = policy.load(rules.policy, checks, rules.waivers)
    loaded = msgspec.structs.replace(loaded, name=gate.policy.name, waivers_file=gate.waivers_file)
    seen = look(run.load(folder), gate.release_now, _options(gate))
    return judge(loaded, checks, seen, gate.judged_at, recorded(gate))


def _options(gate: Gate) -> str:
    """Find with which options the gate's commands look again: where the run lay then, and not where it lies now."""
    return gate.rules[0].rerun.partition(OPTIONS)[2] if gate.rules else ""


def _same(found: Findings, path: Path | None, named: PolicyName | None, option: str) -> None:
    """Hold a file to judge by against the one that gate.json names."""
    if path is None or named is None:
        if named:
            found.unverified.append(f"{named.name}: judged, and is not here; name it with {option}")
        elif path:
            found.tampered.append(f"{path}: gate.json names no such file; leave {option} out")
        return
    try:
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        found.unverified.append(f"{path}: cannot be read ({error.strerror}); name another with {option}")
        return
    if digest != named.sha256:
        says = f"its SHA-256 is {digest}, but gate.json was judged by {named.sha256} ({named.name})"
        found.tampered.append(f"{path}: {says}; name the one that judged with {option}")
    else:
        found.sound.append(f"{path}: is the one that judged")
