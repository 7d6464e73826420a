"""What the renderers share: words, symbols, and text of others made safe to look at."""

from __future__ import annotations

import re
import unicodedata

from reports.limits import BOUND, figure, unit_of
from reports.model import Change, JudgedLimit, Judgement, Verdict

SYMBOLS = {
    Verdict.PROMOTE: "✔",
    Verdict.HOLD: "◆",
    Verdict.BLOCK: "✖",
    Judgement.PASS: "✔",
    Judgement.UNVERIFIED: "◆",
    Judgement.FAIL: "✖",
    Judgement.WAIVED: "◇",
    Judgement.NOT_APPLICABLE: "○",
}
DETAIL_LIMIT = 8_000
"""Characters shown of what a check said; `gate.json` has what there is."""
ESCAPES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\^_])")
INVISIBLE = {"Cc", "Cf", "Co", "Cs", "Zl", "Zp"}
"""Unicode categories that change what is around them or are not seen: control, bidirectional, private, separators."""


def visible(text: str) -> str:
    """Strip terminal escapes, and write every other character that cannot be seen by its code point."""
    if text.isprintable():
        return text
    return "".join(map(_seen, ESCAPES.sub("", text)))


def place(where: str) -> tuple[str, int]:
    """Split "path:line"; the line is 0 where there is none."""
    path, _, line = where.rpartition(":")
    return (path, int(line)) if path and line.isascii() and line.isdecimal() and len(line) < 8 else (where, 0)


def capped(text: str, most: int = DETAIL_LIMIT) -> str:
    """Cut text to so many characters, saying how many are gone."""
    gone = len(text) - most
    return text if gone <= 0 else f"{text[:most]}\n… ({gone} characters more)"


def quantity(measure: str, value: float | None, beside: float | None = None) -> str:
    """Write a measured number with its unit."""
    return "not measured" if value is None else f"{figure(value, beside)}{unit_of(measure)}"


def demand(limit: JudgedLimit) -> str:
    """Write what a limit asks for: "at most 100 ms"."""
    return f"{BOUND[limit.kind]} {quantity(limit.measure, limit.limit, limit.measured)}"


def share(margin: float | None) -> str:
    """Write a margin: "20 % left", "50 % over"; nothing where there is none."""
    if margin is None:
        return "-"
    percent = abs(margin) * 100
    shown = f"{percent:.1f}".removesuffix(".0") if percent >= 0.05 else figure(percent)
    return f"{shown} % {'over' if margin < 0 else 'left'}"


def compared(change: Change) -> str:
    """Write how a number compares with the baseline's: "60 ms before, 19 % worse"."""
    text = f"{quantity(change.measure, change.baseline, change.measured)} before"
    if change.ratio:
        text += f", {figure(abs(change.ratio) * 100)} % {'worse' if change.ratio > 0 else 'better'}"
    elif change.ratio == 0:
        text += ", the same"
    if change.p_value is not None:
        text += f" (p = {change.p_value:.2g})"
    text += f"; tolerated {figure(change.tolerated * 100)} % and {quantity(change.measure, change.floor)}"
    if change.best is not None and change.drift_tolerated is not None:
        best = quantity(change.measure, change.best, change.measured)
        text += f"; best of the last promoted {best}, tolerated {figure(change.drift_tolerated * 100)} % from there"
    return text


def commanded(line: str) -> tuple[str, str]:
    """Split "… Then: COMMAND" into what is said and the command, where there is one."""
    said, _, command = line.partition(" Then: ")
    return said, command


def duration(seconds: float | None) -> str:
    """Write how long something took; a dash where it is not known."""
    if seconds is None:
        return "-"
    return f"{seconds / 60:.1f} min" if seconds >= 120 else f"{seconds:.1f} s"


def _seen(character: str) -> str:
    point = ord(character)
    # XML cannot hold noncharacters, and nobody else should.
    if point & 0xFFFE == 0xFFFE or 0xFDD0 <= point <= 0xFDEF:
        return f"<U+{point:04X}>"
    if character in "\n\t" or unicodedata.category(character) not in INVISIBLE:
        return character
    return f"<U+{point:04X}>"
