"""Print what a run found, as `[[accepted]]` entries for a person to edit: nothing is accepted by this.

Put the entries that may stay into the file that `waivers` of release.toml names (or --waivers, or the policy), and fill
in reason, owner and until: the gate refuses them as they are printed.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import tomli_w

from reports.explain import read_gate
from reports.model import Gate, JudgedFinding, JudgedRule


def main(arguments: Sequence[str]) -> int:
    """Print the entries; InputError where the run has no verdict."""
    parser = argparse.ArgumentParser(prog="python -m reports accept", description=__doc__, allow_abbrev=False)
    parser.add_argument("--run", type=Path, required=True, metavar="PATH", help="the run's folder, judged before")
    text = entries(read_gate(parser.parse_args(arguments).run))
    encoding = sys.stdout.encoding or "ascii"
    sys.stdout.write(text.encode(encoding, "replace").decode(encoding))
    return 0


def entries(gate: Gate) -> str:
    """Write one entry for each finding that nobody accepts; a failure that is no finding is named, and has none."""
    open_ones = [(rule, each) for rule in gate.rules for each in rule.findings if not each.accepted]
    whole = [rule.check for rule in gate.rules if rule.judgement.name == "FAIL" and not rule.findings]
    lines = [f"# Run {gate.run}: {len(open_ones)} findings that nobody accepts."]
    if whole:
        lines.append(f"# Failed otherwise, so not to be accepted one by one: {', '.join(whole)}.")
    return "\n\n".join(["\n".join(lines), *(_entry(rule, each) for rule, each in open_ones)]) + "\n"


def _entry(rule: JudgedRule, found: JudgedFinding) -> str:
    entry = {"check": rule.check, "place": found.place, "reason": "", "owner": "", "until": ""}
    # What was found is the release's own text: as a TOML string it cannot end its line and become an entry.
    (what,) = tomli_w.dumps({"what": found.what}).splitlines()
    return f"# {what}\n[[accepted]]\n{tomli_w.dumps(entry)}".rstrip()
