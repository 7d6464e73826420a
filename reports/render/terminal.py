"""What the gate prints: the verdict first and last, and between them why, in as few lines as that takes."""

from __future__ import annotations

import io
import itertools
from collections.abc import Iterable, Iterator, Sequence

from rich.console import Console
from rich.text import Text

from reports.doubt import stamp
from reports.model import Gate, JudgedRule, Judgement, Verdict
from reports.render.text import SYMBOLS, capped, duration, visible

COLOURS = {
    Verdict.PROMOTE: "bold green",
    Verdict.HOLD: "bold yellow",
    Verdict.BLOCK: "bold red",
    Judgement.PASS: "green",
    Judgement.UNVERIFIED: "yellow",
    Judgement.FAIL: "red",
    Judgement.WAIVED: "yellow",
    Judgement.NOT_APPLICABLE: "dim",
}
ASCII = str.maketrans({"✔": "+", "◆": "!", "✖": "x", "◇": "~", "○": "-", "│": "|", "…": "."})
EXIT = {Verdict.PROMOTE: "may be promoted", Verdict.HOLD: "is held", Verdict.BLOCK: "is blocked"}
BAR = "  │ "
NARROWEST = 24
"""Columns below which nothing can be laid out."""
LONGEST = 2_000
"""Characters of one text; `gate.json` has what there is."""
MOST = 50
"""Reasons, warnings or names shown one after another; what is more is counted, since nobody reads on."""


def render(gate: Gate, report: str, *, width: int = 100, colour: bool = False, symbols: bool = True) -> str:
    """Write the summary; every line that quotes the release begins with a bar, so that no CI takes it as a command."""
    file = io.StringIO()
    console = Console(
        file=file,
        width=max(NARROWEST, width),
        force_terminal=colour,
        color_system="standard" if colour else None,
        no_color=not colour,
        highlight=False,
        markup=False,
        emoji=False,
        legacy_windows=False,
    )
    for text, style, bar in _lines(gate, report):
        _write(console, text, style, bar=bar)
    output = file.getvalue()
    return output if symbols else output.translate(ASCII).encode("ascii", "replace").decode()


def _lines(gate: Gate, report: str) -> Iterator[tuple[str, str, bool]]:
    """Give each line with its style and whether it stands behind a bar."""
    verdict = f"{SYMBOLS[gate.verdict]} {gate.verdict}"
    yield f"{verdict}: {gate.headline}", COLOURS[gate.verdict], False
    optional = set(gate.unverified_optional)
    doubtful = [rule for rule in gate.rules if rule.check in optional]
    yield from _some(f"Optional, not verified: {rule.check} ({rule.optional_because})" for rule in doubtful)
    yield from _some(f"Unexpected: {line}" for line in gate.unexpected)
    alike = itertools.groupby(gate.of(Judgement.FAIL, Judgement.UNVERIFIED, Judgement.WAIVED), key=_why)
    reasons = [list(group) for _, group in alike]
    for rules in reasons[:MOST]:
        yield "", "", False
        yield from _rules(rules)
    if len(reasons) > MOST:
        yield f"and {sum(map(len, reasons[MOST:]))} more rules, which are in gate.json", "yellow", True
    warned = [rule for rule in gate.rules if rule.warning]
    if warned:
        yield "", "", False
    yield from _some(
        f"{SYMBOLS[rule.judgement]} {rule.check} {rule.judgement}, with a warning: {rule.warning}" for rule in warned
    )
    yield "", "", False
    yield from _stages(gate)
    yield from _end(gate, report)


def _some(lines: Iterable[str]) -> Iterator[tuple[str, str, bool]]:
    """Give the first lines, and how many more there are."""
    rest = iter(lines)
    yield from ((line, "yellow", True) for line in itertools.islice(rest, MOST))
    if more := sum(1 for _ in rest):
        yield f"and {more} more like these, which are in gate.json", "yellow", True


def _names(checks: Sequence[str]) -> str:
    more = f" and {len(checks) - MOST} more" if len(checks) > MOST else ""
    return f"{', '.join(checks[:MOST])}{more}"


def _why(rule: JudgedRule) -> tuple[object, ...]:
    return rule.judgement, rule.stage, rule.required, rule.reason


def _rules(rules: list[JudgedRule]) -> Iterator[tuple[str, str, bool]]:
    """Say why of one rule, or once of all that the same thing befell, such as a stage that did not run."""
    first = rules[0]
    checks = _names([rule.check for rule in rules])
    optional = "" if first.required else ", optional"
    claim = f": {first.claim}" if len(rules) == 1 else ""
    head = f"{SYMBOLS[first.judgement]} {first.judgement} {checks} ({first.stage}{optional}){claim}"
    yield head, COLOURS[first.judgement], True
    yield first.reason, "", True
    yield f"again: {first.rerun}", "dim", True


def _stages(gate: Gate) -> Iterator[tuple[str, str, bool]]:
    """Say how much ran: one line for the stages that ran in full, one for each that did not."""
    partial = [stage for stage in gate.stages if stage.not_run or stage.problem]
    for stage in partial:
        missing = stage.problem or f"Not: {_names(stage.not_run)}."
        yield f"{stage.name}: {stage.ran} of {stage.checks} checks ran. {missing}", "yellow", True
    seconds = sum(stage.seconds or 0 for stage in gate.stages)
    total = len(gate.stages)
    yield f"{total - len(partial)} of {total} stages ran in full, in {duration(seconds)} together", "", True


def _end(gate: Gate, report: str) -> Iterator[tuple[str, str, bool]]:
    counts, release = gate.counts, gate.release
    tally = (
        f"{counts.passed} of {counts.rules} rules passed, {counts.failed} failed, {counts.unverified} unverified, "
        f"{counts.waived} waived, {counts.not_applicable} not applicable; {counts.warned} with a warning"
    )
    yield tally, "", True
    yield f"run {gate.run}, {release.digest[:19]}, judged {stamp(gate.judged_at)} by {gate.policy.name}", "dim", True
    yield f"report: {report}", "", True
    yield "", "", False
    last = f"{SYMBOLS[gate.verdict]} {gate.verdict}: {release.name} {release.version} {EXIT[gate.verdict]}"
    yield f"{last} (exit code {gate.exit_code})", COLOURS[gate.verdict], False


def _write(console: Console, text: str, style: str, *, bar: bool) -> None:
    """Fold one text into the width; nothing is cropped. Every line but our own first ones stands behind the bar."""
    whole = Text(
        visible(capped(text, LONGEST)).replace("\n", " ").replace("\t", " ").replace("##[", "# #["), style=style
    )
    for number, line in enumerate(whole.wrap(console, console.width - len(BAR), overflow="fold")):
        line.rstrip()
        console.print(Text(BAR if bar or number else "") + line, soft_wrap=True)
