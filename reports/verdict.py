"""From judgements to one verdict, and to the sentence that explains it."""

from __future__ import annotations

from collections.abc import Sequence

from reports.model import JudgedRule, Judgement, Verdict


def decide(rules: Sequence[JudgedRule], unexpected: Sequence[str]) -> Verdict:
    """BLOCK on any failure; PROMOTE only where something passed and nothing required is in doubt; HOLD otherwise."""
    if _having(rules, Judgement.FAIL):
        return Verdict.BLOCK
    passed = any(rule.judgement for rule in rules)
    doubtful = any(rule.required for rule in _having(rules, Judgement.UNVERIFIED))
    return Verdict.PROMOTE if passed and not doubtful and not unexpected else Verdict.HOLD


def headline(verdict: Verdict, rules: Sequence[JudgedRule], unexpected: Sequence[str]) -> str:
    """Say in one sentence why the verdict is what it is, with denominators."""
    failed, unverified = _having(rules, Judgement.FAIL), _having(rules, Judgement.UNVERIFIED)
    required = [rule for rule in unverified if rule.required]
    if failed:
        more = f"; {_be(len(unverified))} not verified" if unverified else ""
        return f"{_be(len(failed), len(rules))} broken ({_names(failed)}){more}."
    if verdict is Verdict.PROMOTE:
        return _promotion(rules, unverified)
    if required:
        return f"{_be(len(required), len(rules))} not verified ({_names(required)}); none is known to be broken."
    if unexpected:
        return f"There is evidence that no rule judges: {unexpected[0]}."
    return "Nothing was verified: no rule has evidence that passed."


def _promotion(rules: Sequence[JudgedRule], unverified: Sequence[JudgedRule]) -> str:
    holding = len(_having(rules, Judgement.PASS))
    parts = [f"{holding} of {len(rules)} claims hold"]
    if waived := _having(rules, Judgement.WAIVED):
        parts.append(f"{len(waived)} waived ({_names(waived)})")
    if inapplicable := len(_having(rules, Judgement.NOT_APPLICABLE)):
        parts.append(f"{inapplicable} not applicable")
    if unverified:
        parts.append(f"{len(unverified)} optional not verified ({_names(unverified)})")
    if warned := [rule for rule in rules if rule.warning]:
        parts.append(f"{len(warned)} with a warning ({_names(warned)})")
    return f"{'; '.join(parts)}."


def _having(rules: Sequence[JudgedRule], judgement: Judgement) -> list[JudgedRule]:
    return [rule for rule in rules if rule.judgement is judgement]


def _be(number: int, total: int | None = None) -> str:
    """Write "2 of 9 claims are", "1 is"."""
    return f"{number}{f' of {total} claims' if total else ''} {'is' if number == 1 else 'are'}"


def _names(rules: Sequence[JudgedRule]) -> str:
    shown = ", ".join(rule.check for rule in rules[:5])
    return f"{shown} and {len(rules) - 5} more" if len(rules) > 5 else shown
