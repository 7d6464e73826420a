"""What the documents point at is there."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

TREE = Path(__file__).parents[1]
NAMED = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")
LINK = re.compile(r"\]\((?!https?:|#|mailto:)([^)#\s]+)")
DOCUMENTS = sorted([*TREE.glob("*.md"), *TREE.glob("docs/*.md")])


def test_each_way_to_a_false_green_is_shown_by_a_test() -> None:
    """Every row of docs/false-greens.md names tests, and all of them exist."""
    rows = re.findall(r"^\| \d+ \|.*$", (TREE / "docs" / "false-greens.md").read_text(encoding="utf-8"), re.MULTILINE)
    named = [NAMED.findall(row) for row in rows]

    assert (24, True) == (len(rows), all(named))
    for path, test in {each for row in named for each in row}:
        module = ast.parse((TREE / path).read_text(encoding="utf-8"))

        assert test in {node.name for node in ast.walk(module) if isinstance(node, ast.FunctionDef)}, f"{path}::{test}"


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_links_lead_somewhere(document: Path) -> None:
    """Every relative link of a document names a file of this tree."""
    links = LINK.findall(document.read_text(encoding="utf-8"))

    assert [] == [link for link in links if not (document.parent / link).exists()]
