"""Tables that benchmarks write into documents, between `<!-- NAME -->` and `<!-- end of NAME -->`."""

from __future__ import annotations


def marks(name: str) -> tuple[str, str]:
    """Name the marks that the tables of that name stand between."""
    return f"<!-- {name} -->", f"<!-- end of {name} -->"


def put(document: str, name: str, text: str) -> str:
    """Put tables where the document has their marks; ValueError where it has none."""
    begin, end = marks(name)
    head, first, rest = document.partition(begin)
    _, last, tail = rest.partition(end)
    if not (first and last):
        msg = f"the document has no place for the tables: {begin} … {end}"
        raise ValueError(msg)
    return f"{head}{begin}\n\n{text}\n{end}{tail}"


def line(*cells: str) -> str:
    """Write one line of a table; a bar in a cell would end it."""
    return f"| {' | '.join(' '.join(cell.split()).replace('|', chr(92) + '|') for cell in cells)} |"
