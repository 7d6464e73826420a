"""The tables of docs/peers.md say who found what, who was not asked, and who could not tell."""

from __future__ import annotations

from benchmarks.peers.__main__ import BESIDE_THE_DEFECT, CHOSEN, new
from benchmarks.peers.ask import PEERS, Peer
from benchmarks.peers.table import Row, alarms, table
from fixtures.bad_releases import catalogue

ONE, OTHER = (Peer(name, "1.2", f"{name} URL", lambda _: frozenset[str]()) for name in ("one", "other"))
TABLE = """\
| bad release | here | one | other |
| --- | --- | --- | --- |
| `header_is_gone` | HEADERS-001, HEADERS-002 | a; b; c and 1 more |  |
| `pipe_is_open` | PIPE-001 | - | a \\| b |
| `word_is_beside` | WORD-001 | (a) | b |
| `tool_fell` | TOOL-001 | could not tell: ended with 2 |  |
| **found, of those asked about** | 4 of 4 | 1 of 4 | 2 of 2 |

Not tried: third: there is no npm here.
"""


def test_who_found_what() -> None:
    """New findings are named, three of them; what is beside the defect, or no answer, is shown and not counted."""
    rows = [
        Row("header_is_gone", ["HEADERS-001", "HEADERS-002"], {"one": list("abcd")}),
        Row("pipe_is_open", ["PIPE-001"], {"one": [], "other": ["a | b"]}),
        Row("word_is_beside", ["WORD-001"], {"one": ["a"], "other": ["b"]}, ["one"]),
        Row("tool_fell", ["TOOL-001"], {"one": "could not tell: ended\nwith 2"}),
    ]

    assert TABLE == table(rows, [ONE, OTHER], {"third": "there is no npm here"})


def test_what_is_said_of_the_good_release() -> None:
    """Each tool is named with its version, its command and all that it says of the good release."""
    assert (
        "| tool | version | called as | says of the good release |\n| --- | --- | --- | --- |\n"
        "| one | 1.2 | `one URL` | a; b |\n| other | 1.2 | `other URL` | nothing |\n"
    ) == alarms({"one": frozenset("ba"), "other": frozenset()}, [ONE, OTHER])


def test_only_what_is_new_counts() -> None:
    """What is also said of the good release is no finding, and a tool that could not look says why."""
    said: dict[str, frozenset[str] | str] = {"one": frozenset("cab"), "other": "could not tell: it fell"}

    assert {"one": ["b", "c"], "other": "could not tell: it fell"} == new(said, {"one": frozenset("a")})


def test_what_is_compared_is_there() -> None:
    """Every bad release that is compared is in the catalogue, and asked about of tools that are known."""
    assert set() == set(CHOSEN) - set(catalogue())
    assert set() == set(BESIDE_THE_DEFECT) - set(CHOSEN)
    assert {peer.name for peer in PEERS} == {name for names in CHOSEN.values() for name in names}
