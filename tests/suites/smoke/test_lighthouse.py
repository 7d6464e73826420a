"""Lighthouse's score is the median of several runs, and where Lighthouse cannot tell there is no score."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from evidence.errors import CannotTell
from suites.smoke.contract import Lighthouse
from suites.smoke.lighthouse import Asker, Run, find, middle, read, spread

FAKE = """#!{python}
import json, os, pathlib, sys
(path,) = [word.partition("=")[2] for word in sys.argv if word.startswith("--output-path=")]
asked = pathlib.Path({asked!r})
before = asked.read_text().splitlines() if asked.exists() else []
asked.write_text("\\n".join([*before, json.dumps([os.environ["CHROME_PATH"], *sys.argv[1:]])]))
score = [0.9, 0.7, 0.8][len(before)]
report = {{"lighthouseVersion": "13.0.0", "categories": {{"performance": {{"score": score}}}}}}
pathlib.Path(path).write_text(json.dumps(report))
"""
LAUNCH = {"args": ["--no-sandbox"], "executable_path": "/usr/bin/chromium"}


def report(score: float | None, **rest: object) -> str:
    """A report as Lighthouse writes it, as far as it is read."""
    return json.dumps({"lighthouseVersion": "13.0.0", "categories": {"performance": {"score": score}}, **rest})


def test_lighthouse_is_asked_as_declared(tmp_path: Path) -> None:
    """Each run gets the preset, the browser that was found, and a report of its own; the median's is the one kept."""
    command, asked = tmp_path / "lighthouse", tmp_path / "asked"
    command.write_text(FAKE.format(python=sys.executable, asked=str(asked)))
    command.chmod(0o755)
    runs = Asker(str(command), LAUNCH, tmp_path).ask("http://shop.test/", Lighthouse(pages=("/",), preset="mobile"))

    assert [90, 70, 80] == [run.score for run in runs]
    assert (80, report(0.8), 20) == (middle(runs).score, middle(runs).report, spread(runs))
    first = json.loads(asked.read_text().splitlines()[0])
    assert ["/usr/bin/chromium", "http://shop.test/"] == first[:2]
    assert {"--form-factor=mobile", "--chrome-flags=--headless=new --no-sandbox", "--only-categories=performance"} < {
        *first
    }


def test_of_an_even_number_the_lower_middle_counts() -> None:
    """The median is always a run that there was, so that its report can be shown."""
    runs = [Run(score, "13.0.0", "") for score in (90, 60, 80, 70)]

    assert 70 == middle(runs).score


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (report(None), "Lighthouse gives no score: it does not say why"),
        (
            report(0.99, runtimeError={"code": "NO_FCP", "message": "nothing painted"}),
            "gives no score: nothing painted",
        ),
        (json.dumps({"lighthouseVersion": "13.0.0"}), "Lighthouse gives no score"),
    ],
)
def test_no_score_is_no_pass(text: str, why: str) -> None:
    """A report without a score, or of a load that broke, is not taken for one."""
    with pytest.raises(CannotTell, match=why):
        read(text)


def test_a_command_without_a_report_is_no_pass(tmp_path: Path) -> None:
    """Where Lighthouse leaves no report, its own words are told, and an old report is not read again."""
    (tmp_path / "report.json").write_text(report(1))
    command = tmp_path / "lighthouse"
    command.write_text("#!/bin/sh\necho no memory\n")
    command.chmod(0o755)

    with pytest.raises(CannotTell, match=r"left no report of http://shop\.test/: no memory"):
        Asker(str(command), LAUNCH, tmp_path).ask("http://shop.test/", Lighthouse(pages=("/",)))


def test_where_lighthouse_is_looked_for(tmp_path: Path) -> None:
    """The release's own goes first, then the PATH's; without it or Node we cannot tell, and the mend is said."""
    own = tmp_path / "node_modules" / ".bin" / "lighthouse"

    assert "/usr/bin/lighthouse" == find(tmp_path, {"lighthouse": "/usr/bin/lighthouse", "node": "/usr/bin/node"}.get)
    with pytest.raises(
        CannotTell, match=r"there is no Lighthouse on this machine: install it .*npm install lighthouse"
    ):
        find(tmp_path, {"node": "/usr/bin/node"}.get)
    own.parent.mkdir(parents=True)
    own.touch()
    with pytest.raises(CannotTell, match="there is no Node on this machine"):
        find(tmp_path, {"npm": "/usr/bin/npm"}.get)
    assert str(own) == find(tmp_path, {"lighthouse": "/usr/bin/lighthouse", "node": "/usr/bin/node"}.get)
