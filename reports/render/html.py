"""`report.html`: one static page, readable without script, without style and without a network."""

from __future__ import annotations

import base64
import hashlib
import re
from itertools import groupby
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from reports.doubt import stamp
from reports.model import Gate, JudgedRule, Judgement, Verdict
from reports.render import text
from reports.render.chart import bars

HERE = Path(__file__).parent
SAFE_LINK = re.compile(r"attachments(/[A-Za-z0-9_-][A-Za-z0-9._-]*)+")
"""Links go to attachments of this run only: no scheme, no host, no way up."""
HEADING = {
    Verdict.PROMOTE: "What is left open",
    Verdict.HOLD: "Why it is held",
    Verdict.BLOCK: "Why it is blocked",
}


def render(gate: Gate) -> str:
    """Fill the template; every text of the release is escaped, and what cannot be seen in it is made visible."""
    style = (HERE / "report.css").read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(HERE),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        finalize=_finalize,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "stamp": stamp,
        "duration": text.duration,
        "demand": text.demand,
        "share": text.share,
        "capped": text.capped,
    }
    environment.globals |= {"symbol": text.SYMBOLS.__getitem__, "quantity": text.quantity, "linkable": _linkable}
    return environment.get_template("report.html.jinja").render(
        gate=gate,
        style=Markup(style),  # noqa: S704 - our own file
        style_digest=digest,
        heading=HEADING[gate.verdict],
        standing=gate.of(Judgement.FAIL, Judgement.UNVERIFIED, Judgement.WAIVED),
        warned=[rule for rule in gate.rules if rule.warning],
        optional=[rule for rule in gate.rules if rule.check in gate.unverified_optional],
        groups=_by_stage(gate),
        bars=bars(gate.rules),
    )


def _by_stage(gate: Gate) -> list[tuple[str, list[JudgedRule]]]:
    """Group all rules by stage, the stages and the rules in them worst first."""
    stages = [stage.name for stage in gate.stages]
    worst_first = gate.of(*Judgement)
    by_stage = sorted(worst_first, key=lambda rule: stages.index(rule.stage))
    groups = [(stage, list(rules)) for stage, rules in groupby(by_stage, key=lambda rule: rule.stage)]
    return sorted(groups, key=lambda group: worst_first.index(group[1][0]))


def _linkable(path: str) -> bool:
    return bool(SAFE_LINK.fullmatch(path))


def _finalize(value: Any) -> Any:  # noqa: ANN401 - Jinja2's own type
    return text.visible(value) if isinstance(value, str) and not isinstance(value, Markup) else value
