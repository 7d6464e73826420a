"""What benchmarks write into documents."""

from __future__ import annotations

import pytest

from benchmarks.document import line, marks, put


def test_a_document_keeps_its_words() -> None:
    """Only what is between the marks is written anew, and what others wrote stays."""
    begin, end = marks("x")
    others = "<!-- y --> theirs <!-- end of y -->"

    assert f"before {begin}\n\ntables\n{end} after {others}" == put(
        f"before {begin} old {end} after {others}", "x", "tables"
    )


@pytest.mark.parametrize("document", ["nothing", "<!-- end of x --> <!-- x -->", "<!-- y --> <!-- end of y -->"])
def test_a_document_without_the_place_is_refused(document: str) -> None:
    """Nothing is lost silently."""
    with pytest.raises(ValueError, match="no place for the tables: <!-- x -->"):
        put(document, "x", "tables")


def test_a_bar_ends_no_cell() -> None:
    """Nor does a line's end end its row."""
    assert r"| a \| b | c d |" == line("a | b", "c\nd")
