"""`--format github`: annotations on a pull request, as workflow commands of GitHub Actions, the verdict's first.

A release controls what its checks quote, and none of it may become a command: every line begins with one of ours, and
what follows cannot end it.
"""

from __future__ import annotations

from collections.abc import Iterable

from reports.model import Gate, JudgedRule, Judgement, Verdict
from reports.render.text import capped, place, visible

MOST = 10
"""Annotations of a kind that GitHub shows of one step; the verdict's is one of them."""
LEVELS = {Verdict.PROMOTE: "notice", Verdict.HOLD: "warning", Verdict.BLOCK: "error"}


def render(gate: Gate) -> str:
    """Write one command a line."""
    release = gate.release
    lines = [
        _command(LEVELS[gate.verdict], {"title": f"{gate.verdict}: {release.name} {release.version}"}, gate.headline)
    ]
    lines += _annotations("error", gate.of(Judgement.FAIL))
    lines += _annotations("warning", gate.of(Judgement.UNVERIFIED))
    return "".join(f"{line}\n" for line in lines)


def _annotations(level: str, rules: list[JudgedRule]) -> Iterable[str]:
    for rule in rules[: MOST - 1]:
        path, line = place(rule.where)
        where = {"file": path, "line": str(line)} if line else {}
        optional = "" if rule.required else ", optional"
        title = f"{rule.judgement} {rule.check} ({rule.stage}{optional})"
        yield _command(level, {**where, "title": title}, f"{rule.reason} Again: {rule.rerun}")
    if len(rules) >= MOST:
        more = f"{len(rules) - MOST + 1} more {rules[0].judgement} in report.html."
        yield _command("notice", {"title": "More"}, more)


def _command(level: str, properties: dict[str, str], message: str) -> str:
    shown = ",".join(f"{name}={_property(text)}" for name, text in properties.items())
    # The older commands, ##[name], are looked for anywhere in a line.
    return f"::{level} {shown}::{_escaped(message)}".replace("##[", "# #[")


def _property(text: str) -> str:
    return _escaped(text).replace(":", "%3A").replace(",", "%2C")


def _escaped(text: str) -> str:
    return visible(capped(text)).replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
