"""Write a first release.toml by looking at a running release.

Only reads: at most 80 requests, slowly. Every guess says what was seen, and every gap is a question. It writes no
secret, allows nothing, and declares nothing not applicable.
"""

from __future__ import annotations

import argparse
import datetime as dt
import sys
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlsplit

from suites.init.guess import guess
from suites.init.look import Looker, Unreachable
from suites.init.write import render

HELP = """
examples:
  nox -s init -- https://staging.shop.example
  nox -s init -- https://staging.shop.example --to shop/release.toml
then answer its questions, and: nox -- --release release.toml
"""


def main(arguments: Sequence[str]) -> int:
    """Look and write; 2 where the URL is none, the file is there, or nothing answers."""
    parser = argparse.ArgumentParser(
        prog="nox -s init --",
        description=__doc__,
        epilog=HELP,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("url", help="where the release runs")
    parser.add_argument("--to", type=Path, default=Path("release.toml"), metavar="PATH", help="default: release.toml")
    options = parser.parse_args(arguments)
    parts = urlsplit(options.url)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.username or parts.path not in {"", "/"}:
        return _complain(f"{options.url}: write the origin alone, such as https://staging.shop.example")
    if options.to.exists():
        return _complain(f"{options.to}: is there already; name another with --to")
    looker = Looker(options.url)
    try:
        found = guess(looker, lambda what: _say(f"looking for {what}"))
    except Unreachable as error:
        return _complain(str(error))
    finally:
        looker.close()
    text = render(found, dt.datetime.now(dt.UTC))
    try:
        with options.to.open("x", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        return _complain(f"{options.to}: cannot be written ({error.strerror})")
    questions = text.count("QUESTION:")
    _say(f"{looker.asked} requests; wrote {options.to} with {questions} questions to answer")
    return 0


def _say(line: str) -> None:
    sys.stderr.write(f"init: {line}\n")


def _complain(line: str) -> int:
    _say(line)
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
