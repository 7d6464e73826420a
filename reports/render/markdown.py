"""`summary.md`: for a job summary, a pull request or a chat; never larger than what they take."""

from __future__ import annotations

from collections.abc import Sequence

from evidence.chart import Table
from reports.doubt import stamp
from reports.model import Gate, JudgedRule, Judgement
from reports.render.text import SYMBOLS, visible

SIZE = 64 * 1024
"""Bytes: a job summary beyond its limit is dropped whole, by some without a word."""
NEUTRAL = str.maketrans(
    {character: f"&#{ord(character)};" for character in "&<>|`@#[]*~\\"} | {"\n": " ", "\t": " ", "\r": " "}
)
HEAD = ["| Check | Stage | Judgement | Why |", "| --- | --- | --- | --- |"]
CELL = 600
"""Characters of one cell: the report has the rest."""


def render(gate: Gate) -> str:
    """Write verdict, why, what did not pass, and all rules folded away; whole rows are cut to stay within SIZE."""
    counts = gate.counts
    lines = [*_top(gate), *_standing(gate)]
    lines += _measured(gate, (SIZE - _size(lines)) // 2)
    summary = (
        f"<details><summary>All {counts.rules} rules: {counts.passed} passed, {counts.failed} failed, "
        f"{counts.unverified} unverified, {counts.waived} waived, {counts.not_applicable} not applicable</summary>"
    )
    lines += [summary, ""]
    end = ["", "</details>", ""]
    return "\n".join([*lines, *_table(gate.of(*Judgement), SIZE - _size(lines) - _size(end)), *end])


def _top(gate: Gate) -> list[str]:
    release = gate.release
    commit = f"commit {release.commit}{' with changes' if release.dirty else ''}" if release.commit else "no commit"
    lines = [
        f"### {SYMBOLS[gate.verdict]} {gate.verdict}: {_safe(release.name)} {_safe(release.version)}",
        "",
        _safe(gate.headline),
        "",
        f"{_safe(commit)}, {_safe(release.digest)}, run {_safe(gate.run)}, judged {stamp(gate.judged_at)}",
        "",
    ]
    doubtful = set(gate.unverified_optional)
    optional = [rule for rule in gate.rules if rule.check in doubtful]
    lines += [f"- Optional, not verified: {rule.check} ({_safe(rule.optional_because)})" for rule in optional[:20]]
    lines += [f"- Unexpected: {_safe(line)}" for line in gate.unexpected[:20]]
    return [*lines, ""] if optional or gate.unexpected else lines


def _standing(gate: Gate) -> list[str]:
    """List what stands in the way, with the command that looks at the first of it again."""
    rules = gate.of(Judgement.FAIL, Judgement.UNVERIFIED, Judgement.WAIVED)
    if not rules:
        return []
    again = f"Look again at {rules[0].check}: <code>{_safe(rules[0].rerun)}</code>"
    return [*_table(rules, SIZE // 2), "", again, ""]


def _measured(gate: Gate, room: int) -> list[str]:
    """Lay out the tables that checks left, each folded away, as far as they fit into `room` bytes."""
    found: list[str] = []
    for each in gate.charts:
        if not isinstance(each.chart, Table):
            continue
        cells = [each.chart.columns, ("---",) * len(each.chart.columns), *each.chart.rows]
        head = f"<details><summary>{each.check}: {_safe(each.chart.title)}</summary>"
        rows = [f"| {' | '.join(map(_safe, row))} |" for row in cells]
        lines = [head, "", f"({_safe(each.chart.description)})", "", *rows, "", "</details>", ""]
        room -= _size(lines)
        if room >= 0:
            found += lines
    return found


def _table(rules: Sequence[JudgedRule], room: int) -> list[str]:
    """Lay out as many rules as fit into `room` bytes, and say how many do not."""
    rows = list(HEAD)
    left = room - _size(HEAD) - 100
    for number, rule in enumerate(rules):
        row = _row(rule)
        left -= _size([row])
        if left < 0:
            return [*rows, f"| {len(rules) - number} more | | | gate.json has all |"]
        rows.append(row)
    return rows


def _row(rule: JudgedRule) -> str:
    warning = f" Warning: {rule.warning}." if rule.warning else ""
    optional = "" if rule.required else " (optional)"
    cells = (rule.check, rule.stage, f"{SYMBOLS[rule.judgement]} {rule.judgement}{optional}", rule.reason + warning)
    return f"| {' | '.join(map(_safe, cells))} |"


def _safe(text: str) -> str:
    seen = visible(text[: 2 * CELL])
    cut = seen if len(seen) <= CELL and len(text) <= 2 * CELL else f"{seen[:CELL]}…"
    return cut.translate(NEUTRAL)


def _size(lines: Sequence[str]) -> int:
    return sum(len(line.encode("utf-8", "replace")) + 1 for line in lines)
