"""release.toml is read strictly, and its digest follows the source."""

from __future__ import annotations

import subprocess
from pathlib import Path

import msgspec
import pytest

from evidence import release as releases
from evidence.errors import InputError


class Page(msgspec.Struct, forbid_unknown_fields=True):
    """A table that a stage would own."""

    path: str


def test_a_missing_file_is_named() -> None:
    """A release.toml that is not there is an error with its path and the mend."""
    with pytest.raises(InputError, match=r"nowhere/release\.toml: cannot be read .*--release"):
        releases.load(Path("nowhere/release.toml"))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name = ", "not valid TOML"),
        ('name = "a"\nversion = "1"\n[source]\npaths = ["src"]\n[secuirty]\n', "secuirty"),
        ('name = "a"\nversion = 1\n[source]\npaths = ["src"]\n', "version"),
        ('name = "a"\nversion = "1"\n', "source"),
        ('name = "a"\nversion = "1"\npath = "x"\n[source]\npaths = ["src"]\n', "path"),
        ('name = "a"\nversion = "1"\n[source]\npaths = ["src"]\n[not_applicable]\nCSRF-001 = " "\n', "CSRF-001"),
    ],
)
def test_a_wrong_file_is_refused_by_field(release_file: Path, text: str, message: str) -> None:
    """Broken TOML, an unknown table, a wrong type, a missing table, a reason that is none: each names the field."""
    release_file.write_text(text)

    with pytest.raises(InputError, match=message):
        releases.load(release_file)


def test_a_section_is_decoded_strictly(release_file: Path) -> None:
    """A stage's own table refuses an unknown key by name."""
    release_file.write_text(release_file.read_text() + '[smoke]\npath = "/"\npaht = "/"\n')

    with pytest.raises(InputError, match=r"\[smoke\].*paht"):
        releases.load(release_file).section("smoke", Page)


def test_an_undeclared_section_says_what_to_do(release_file: Path) -> None:
    """A table that is not there is told apart from a wrong one."""
    with pytest.raises(releases.Undeclared, match=r"\[smoke\] is not declared.*not_applicable"):
        releases.load(release_file).section("smoke", Page)


def test_the_digest_follows_every_byte_and_name(release_file: Path) -> None:
    """Another content, another name and another release.toml each make another release."""
    release = releases.load(release_file)
    first = releases.identify(release).digest
    source = release_file.parent / "src" / "app.py"
    source.write_text("print('hullo')\n")
    second = releases.identify(release).digest
    source.rename(source.with_name("main.py"))
    third = releases.identify(release).digest

    assert 3 == len({first, second, third})


def test_a_source_path_that_is_not_there_is_refused(release_file: Path) -> None:
    """A digest over nothing would be the same for every release."""
    release_file.write_text(release_file.read_text().replace('"src"', '"scr"'))

    with pytest.raises(InputError, match="'scr' does not exist"):
        releases.identify(releases.load(release_file))


def test_commit_and_dirt_come_from_git(release_file: Path) -> None:
    """A committed tree has its commit and is clean; an edit makes it dirty; without Git both are unknown."""
    release, root = releases.load(release_file), release_file.parent

    assert (None, None) == (releases.identify(release).commit, releases.identify(release).dirty)

    who = ["-c", "user.name=t", "-c", "user.email=t@example.com"]
    for command in (["init", "-q"], ["add", "-A"], [*who, "commit", "-qm", "first"]):
        subprocess.run(["git", *command], cwd=root, check=True)
    clean = releases.identify(release)
    (root / "src" / "app.py").write_text("print('edited')\n")

    assert 40 == len(clean.commit or "")
    assert (False, True) == (clean.dirty, releases.identify(release).dirty)
