"""What would turn the verdict: the smallest set of changes that promotes, or, promoting, the narrowest margins.

`python -m reports explain --run PATH` prints the sentences that gate.json has.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

import msgspec

from evidence.errors import InputError
from reports.limits import figure, unit_of
from reports.model import Gate, JudgedLimit, JudgedRule, Judgement, Verdict
from reports.render.text import share, visible

NARROWEST = 5
NAMED = 5


def explain(verdict: Verdict, rules: Sequence[JudgedRule], unexpected: Sequence[str]) -> tuple[str, ...]:
    """Give the sentences; what is optional and only in doubt needs no change, so it is not among them."""
    if verdict is Verdict.PROMOTE:
        return _margins(rules)
    changes = [_mend(rule) for rule in rules if rule.judgement is Judgement.FAIL]
    doubtful = [rule for rule in rules if rule.judgement is Judgement.UNVERIFIED and rule.required]
    alike: dict[tuple[str, str], list[JudgedRule]] = {}
    for rule in doubtful:
        alike.setdefault((rule.stage, rule.reason), []).append(rule)
    changes += map(_verify, alike.values())
    changes += [f"Remove the evidence of {name}, or give it its check and rule." for name in unexpected]
    if not changes:
        changes = ["Let at least one rule pass: nothing applies to this release, so nothing was verified."]
    many = "change promotes" if len(changes) == 1 else "changes together promote"
    return (f"{len(changes)} {many} this release.", *changes)


def main(arguments: Sequence[str]) -> int:
    """Print the sentences of a run's gate.json; InputError where there is none."""
    parser = argparse.ArgumentParser(prog="python -m reports explain", description=__doc__, allow_abbrev=False)
    parser.add_argument("--run", type=Path, required=True, metavar="PATH", help="the run's folder")
    gate = read_gate(parser.parse_args(arguments).run)
    lines = [f"{gate.verdict}: {gate.headline}", *gate.explain]
    text = "\n".join(visible(" ".join(line.split())) for line in lines)
    encoding = sys.stdout.encoding or "ascii"
    sys.stdout.write(f"{text}\n".encode(encoding, "replace").decode(encoding))
    return 0


def read_gate(folder: Path) -> Gate:
    """Read a run's gate.json; InputError names it where it is missing or is not one."""
    path = folder / "gate.json"
    try:
        return msgspec.json.decode(path.read_bytes(), type=Gate)
    except OSError as error:
        msg = f"{path}: cannot be read ({error.strerror}); judge the run first: python -m reports --run {folder}"
        raise InputError(msg) from None
    except (msgspec.ValidationError, msgspec.DecodeError) as error:
        msg = f"{path}: is not a gate's answer: {error}"
        raise InputError(msg) from None


def _mend(rule: JudgedRule) -> str:
    """Say what is broken, by how much, whose it is, and how to look again."""
    needs = [_distance(limit) for limit in rule.limits if limit.margin is not None and limit.margin < 0]
    needs += [
        f"{change.measure} must not be worse than {_quantity(change.measure, _tolerated(rule))}"
        for change in (rule.change,)
        if change and change.worse and not needs
    ]
    more = f" {'; '.join(needs)}." if needs else ""
    return f"Mend {rule.check}{_owner([rule])}: {rule.reason}{more} Then: {rule.rerun}"


def _verify(rules: list[JudgedRule]) -> str:
    """Say once of all that the same thing befell."""
    first = rules[0]
    names = ", ".join(rule.check for rule in rules[:NAMED])
    more = f" and {len(rules) - NAMED} more" if len(rules) > NAMED else ""
    return f"Verify {names}{more}{_owner(rules)}: {first.reason} Then: {first.rerun}"


def _distance(limit: JudgedLimit) -> str:
    over = abs((limit.measured or 0) - limit.limit)
    return f"{limit.measure} is {_quantity(limit.measure, over)} off, {share(limit.margin)}"


def _tolerated(rule: JudgedRule) -> float:
    """Return the number up to which the change would have been tolerated."""
    change = rule.change
    if change is None:
        return 0.0
    sign = 1 if change.measured > change.baseline else -1
    allowed = [change.baseline + sign * max(change.floor, change.tolerated * abs(change.baseline))]
    if change.best is not None and change.drift_tolerated is not None:
        allowed.append(change.best + sign * max(change.floor, change.drift_tolerated * abs(change.best)))
    return min(allowed) if sign > 0 else max(allowed)


def _margins(rules: Iterable[JudgedRule]) -> tuple[str, ...]:
    found = [
        (limit.margin, rule, limit)
        for rule in rules
        if rule.judgement is Judgement.PASS
        for limit in rule.limits
        if limit.margin is not None
    ]
    if not found:
        return ("No rule that passed has a margin: each claim holds, or a count is what it must be.",)
    found.sort(key=lambda each: each[0])
    return tuple(
        f"{rule.check}{_owner([rule])}: {limit.measure} is {_quantity(limit.measure, limit.measured or 0)}, "
        f"{share(margin)} of its limit of {_quantity(limit.measure, limit.limit)}."
        for margin, rule, limit in found[:NARROWEST]
    )


def _quantity(measure: str, value: float) -> str:
    return f"{figure(value)}{unit_of(measure)}"


def _owner(rules: Sequence[JudgedRule]) -> str:
    owners = sorted({rule.owner for rule in rules if rule.owner})
    return f" (owner: {', '.join(owners)})" if owners else ""
