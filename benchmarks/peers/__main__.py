"""Which bad release other tools find: `python -m benchmarks.peers --into docs/peers.md` writes the tables of that file.

    python -m benchmarks.peers                       print them; the tools are installed anew, into a temporary folder
    python -m benchmarks.peers --tools FOLDER        keep the tools there for the next time
    python -m benchmarks.peers nul_crashes           only these bad releases

Needs npm, Node, openssl and Chromium, and for schemathesis the environment of the group dev; a tool that is absent is
named in the table, and its cells stay empty. Took 25 minutes on two busy cores. A finding counts where the
tool says it of the bad release and in none of its looks at the good one. Our own column is what the matrix proves
(`nox -s matrix`).
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.document import put
from benchmarks.peers.ask import Bench, Peer, installed
from benchmarks.peers.read import Unreadable
from benchmarks.peers.table import NAME, Row, alarms, table
from fixtures.bad_releases import TREE, BadRelease, catalogue, plant
from fixtures.target import Ready, TargetError, load, up

SECURITY, WEB = ("http-observatory", "csp-evaluator"), ("http-observatory", "csp-evaluator", "Lighthouse CI")
PAGES, API = ("Lighthouse CI",), ("schemathesis",)
LOOKS_AT_THE_GOOD_ONE = (False, True)
"""As a bad one is looked at, and thoroughly. What is said once of the good release is no finding of a bad one."""
# Each tool is asked where its documentation says that it looks.
GROUPS = (
    (
        SECURITY,
        """addresses_are_told_to_others api_answers_are_stored personal_pages_are_cached server_tells_its_version
        types_are_guessed any_origin_may_read origins_are_a_loose_pattern session_cookie_is_readable
        session_id_is_short session_never_ends csrf_token_is_not_compared search_comes_back_as_markup""",
    ),
    (
        WEB,
        """pages_may_be_framed transport_security_is_missing windows_are_not_isolated inline_scripts_run
        links_may_be_sent_elsewhere nonce_is_used_again policy_is_misspelt policy_is_only_reported
        scripts_of_a_public_host_run""",
    ),
    (
        API,
        """search_is_concatenated search_is_concatenated_quietly files_are_found_by_path nul_crashes
        errors_show_their_trace keys_make_keys revoked_key_opens row_security_is_off scope_is_not_checked
        lists_are_shorter some_requests_crash total_without_equipment unknown_item_crashes
        unknown_project_is_not_documented""",
    ),
    (
        PAGES,
        """chips_have_no_names focus_is_invisible language_is_not_told page_has_no_heading pages_have_no_main_part
        quiet_text_is_too_faint tab_passes_by_signing_in table_is_wider_than_a_phone script_does_not_load
        library_paints_late pages_are_too_busy pages_carry_too_much pages_move_while_they_load""",
    ),
)
# Judged by hand: new, but of something else than the defect. It is shown in brackets and not counted.
BESIDE_THE_DEFECT: dict[str, tuple[str, ...]] = {
    "focus_is_invisible": ("Lighthouse CI",),  # of the number of elements, which is the good release's
    "table_is_wider_than_a_phone": ("Lighthouse CI",),  # the same
    "scope_is_not_checked": ("schemathesis",),  # what its writes meet once they are let through; no word of the scope
}
CHOSEN = {name: peers for peers, names in GROUPS for name in names.split()}


def main(arguments: Sequence[str]) -> int:
    """Ask every tool about every release that it looks at, and write the tables."""
    bad_releases = catalogue()
    shape = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(prog="python -m benchmarks.peers", description=__doc__, formatter_class=shape)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(CHOSEN))
    parser.add_argument("--tools", type=Path, help="where the tools are installed, and stay")
    parser.add_argument("--into", type=Path, help="the document whose tables are written")
    options = parser.parse_args(arguments)
    if unknown := set(options.names) - set(CHOSEN):
        parser.error(f"not among those that are compared: {', '.join(sorted(unknown))}")
    today = datetime.now(UTC).date()
    with tempfile.TemporaryDirectory(prefix="release-verification-peers-") as name:
        scratch = Path(name)
        tools = (options.tools or scratch / "tools").absolute()
        tools.mkdir(parents=True, exist_ok=True)
        peers, absent = installed(tools)
        good = at_the_good_one(peers, tools, scratch)
        rows = [row(one, bad_releases[one][0], peers, good, (tools, scratch)) for one in options.names or CHOSEN]
    text = f"Measured on {today}.\n\n{table(rows, peers, absent)}\n{alarms(good, peers)}"
    if options.into:
        options.into.write_text(put(options.into.read_text(encoding="utf-8"), NAME, text), encoding="utf-8")
    else:
        sys.stdout.write(text)
    return 0


def at_the_good_one(peers: Sequence[Peer], tools: Path, scratch: Path) -> dict[str, frozenset[str]]:
    """What each tool says of the good release, in any of its looks; what it cannot read here is an error of ours."""
    looks = [
        asked(TREE / "release.toml", peers, tools, scratch, thorough=thorough) for thorough in LOOKS_AT_THE_GOOD_ONE
    ]
    for look in looks:
        for name, said in look.items():
            told(f"the good release: {name}: {said if isinstance(said, str) else sorted(said)}")
            if isinstance(said, str):
                msg = f"{name} could not look at the good release: {said}"
                raise SystemExit(msg)
    return {peer.name: frozenset[str]().union(*(look[peer.name] for look in looks)) for peer in peers}


def row(
    name: str,
    bad: BadRelease,
    peers: Sequence[Peer],
    good: Mapping[str, frozenset[str]],
    folders: tuple[Path, Path],
) -> Row:
    """Ask those about one bad release who look there."""
    tools, scratch = folders
    began = time.monotonic()
    planted = scratch / name
    said = asked(plant(bad, planted), [peer for peer in peers if peer.name in CHOSEN[name]], tools, scratch)
    shutil.rmtree(planted)
    found = new(said, good)
    told(f"{name:36}{time.monotonic() - began:6.1f} s  {found}")
    return Row(name, sorted(bad.caught_by), found, BESIDE_THE_DEFECT.get(name, ()))


def new(said: Mapping[str, frozenset[str] | str], good: Mapping[str, frozenset[str]]) -> dict[str, Sequence[str] | str]:
    """Take away what is also said of the good release."""
    return {peer: what if isinstance(what, str) else sorted(what - good[peer]) for peer, what in said.items()}


def asked(
    release: Path, peers: Sequence[Peer], tools: Path, scratch: Path, *, thorough: bool = False
) -> dict[str, frozenset[str] | str]:
    """Bring a release up, and ask; a tool that could not look says why instead."""
    try:
        with (scratch / "target.log").open("wb") as log, up(load(release), release.parent, log) as (ready, _):
            return {peer.name: answer(peer, tools, scratch, ready, thorough=thorough) for peer in peers}
    except TargetError as error:
        return {peer.name: f"could not tell: {error}" for peer in peers}


def answer(peer: Peer, tools: Path, scratch: Path, ready: Ready, *, thorough: bool) -> frozenset[str] | str:
    """Ask one tool."""
    with tempfile.TemporaryDirectory(dir=scratch) as folder:
        try:
            return peer.ask(Bench(tools, Path(folder), ready, thorough))
        except (Unreadable, subprocess.SubprocessError, OSError) as error:
            return f"could not tell: {error}"


def told(line: str) -> None:
    """Say how far it is."""
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
