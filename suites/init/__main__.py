"""Write a first release.toml for a running deployment, by looking at it.

    nox -s init -- https://staging.example [--to release.toml]

It only reads (GET, HEAD), slowly, at most a hundred times, and says so as it goes. Everything that it writes is a guess
that says what was seen; everything that it did not find is a QUESTION. Exit code 2 where the file is there already, or
the address does not answer.
"""

from __future__ import annotations

import argparse
import sys
import tomllib
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlsplit

from evidence.errors import InputError
from suites.init import tables
from suites.init.client import Looker
from suites.init.look import look
from suites.init.text import clean


def main(arguments: Sequence[str]) -> int:
    """Look, write, say what is next."""
    parser = argparse.ArgumentParser(
        prog="nox -s init --", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("url", help="where the release is running: https://staging.example")
    parser.add_argument("--to", type=Path, default=Path("release.toml"), metavar="PATH", help="the file to write")
    options = parser.parse_args(arguments)
    try:
        url = address(options.url)
        if options.to.exists() or options.to.is_symlink():
            refuse_to_overwrite(options.to)
        text = written(url, options.to)
        save(options.to, text)
    except InputError as error:
        say(str(error))
        return 2
    guesses, questions = text.count("# seen:"), text.count("# QUESTION:")
    say(f"{options.to}: {guesses} guesses to check, {questions} questions to answer; what stays open is not verified")
    return 0


def address(given: str) -> str:
    """Check an address; InputError says what it must not have."""
    parts = urlsplit(given)
    if parts.username or parts.password:
        msg = "the address has a name or password in it: no secret may stand in release.toml; leave it out"
        raise InputError(msg)
    try:
        good = parts.scheme in {"http", "https"} and parts.hostname and parts.port != 0
    except ValueError:
        good = False
    if not good or parts.query or parts.fragment or clean(given) != given or " " in given:
        msg = f"{clean(given)}: is no address of a deployment, such as https://staging.example"
        raise InputError(msg)
    return given.rstrip("/")


def written(url: str, to: Path) -> str:
    """Look, and write what was seen; what is written is read back before anybody gets it."""
    looker = Looker(url, say)
    try:
        seen = look(looker)
    finally:
        looker.close()
    text = tables.write(seen, has_sources=(to.absolute().parent / "src").is_dir())
    tomllib.loads(text)
    return text


def save(path: Path, text: str) -> None:
    """Write the file where none is; InputError says what is in the way."""
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        refuse_to_overwrite(path)
    except OSError as error:
        msg = f"{path}: cannot be written ({error.strerror})"
        raise InputError(msg) from None


def refuse_to_overwrite(path: Path) -> None:
    """Raise InputError."""
    msg = f"{path}: is there already, and is not overwritten; name another with --to"
    raise InputError(msg)


def say(line: str) -> None:
    """Tell how it goes."""
    sys.stderr.write(f"init: {line}\n")
    sys.stderr.flush()


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(130)
