"""Write down who found what, as the tables of docs/peers.md."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from benchmarks.document import line
from benchmarks.peers.ask import Peer

NAME = "other tools"
"""Whose marks the tables stand between in the document."""
SHOWN = 3


@dataclass(frozen=True)
class Row:
    """One bad release: what catches it here, and what each tool said of it alone, or as text why it could not look.

    What the tools of `beside` said is new, but not of the defect.
    """

    name: str
    ours: Sequence[str]
    new: Mapping[str, Sequence[str] | str]
    beside: Sequence[str] = ()


def table(rows: Sequence[Row], peers: Sequence[Peer], absent: Mapping[str, str]) -> str:
    """A line a bad release and a column a tool; how many each found of those that it was asked about."""
    names = [peer.name for peer in peers]
    lines = [
        line("bad release", "here", *names),
        line(*["---"] * (len(names) + 2)),
        *(line(f"`{row.name}`", ", ".join(row.ours), *(shown(row, name) for name in names)) for row in rows),
        line("**found, of those asked about**", f"{len(rows)} of {len(rows)}", *(score(rows, name) for name in names)),
    ]
    return "".join(
        f"{each}\n" for each in [*lines, "", *(f"Not tried: {name}: {why}." for name, why in absent.items())]
    )


def alarms(good: Mapping[str, frozenset[str]], peers: Sequence[Peer]) -> str:
    """What each tool says of the good release, and how it was called."""
    said = {peer.name: "; ".join(sorted(good[peer.name])) or "nothing" for peer in peers}
    lines = [
        line("tool", "version", "called as", "says of the good release"),
        line(*["---"] * 4),
        *(line(peer.name, peer.version, f"`{peer.command}`", said[peer.name]) for peer in peers),
    ]
    return "".join(f"{each}\n" for each in lines)


def shown(row: Row, name: str) -> str:
    """Put what is not of the defect into brackets."""
    told = cell(row.new.get(name))
    return f"({told})" if name in row.beside else told


def cell(new: Sequence[str] | str | None) -> str:
    """Tell what is new, or that nothing is, or that it was not asked."""
    if new is None:
        return ""
    if isinstance(new, str):
        return new
    more = f" and {len(new) - SHOWN} more" if len(new) > SHOWN else ""
    return "; ".join(new[:SHOWN]) + more if new else "-"


def score(rows: Sequence[Row], name: str) -> str:
    """Count the bad releases whose defect a tool named."""
    asked = [row for row in rows if name in row.new]
    found = [row for row in asked if row.new[name] and not isinstance(row.new[name], str) and name not in row.beside]
    return f"{len(found)} of {len(asked)}"
