"""SHA256SUMS: strict both ways, and the same as sha256sum's own."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from evidence.errors import InputError
from reports.attestation import sums

HELLO = hashlib.sha256(b"hello").hexdigest()
NAMES = ["a b", "back\\slash", "two\nlines", "return\r", "ünï", "sub/dir/x", "sub/SHA256SUMS", "*star"]


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A folder of files with names that are hard to write down."""
    for name in NAMES:
        path = tmp_path / "run" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"hello")
    (tmp_path / "run" / sums.NAME).write_text("old")
    (tmp_path / "run" / sums.ENVELOPE).write_text("old")
    return tmp_path / "run"


def test_all_but_the_two_seals_are_digested(run: Path) -> None:
    """Only at the top: a file of that name further down is a file as any."""
    assert dict.fromkeys(sorted(NAMES), HELLO) == sums.digests(run)


def test_what_is_written_is_read_back(run: Path) -> None:
    """Any name, also one of lines, backslashes, and bytes that are no text."""
    (run / os.fsdecode(b"\xff\xfe")).write_bytes(b"hello")
    found = sums.digests(run)

    assert len(NAMES) + 1 == len(found)
    assert found == sums.read(sums.write(found))


@pytest.mark.skipif(not shutil.which("sha256sum"), reason="this machine has no sha256sum")
def test_sha256sum_agrees(run: Path) -> None:
    """Anybody can check a run without this suite, and a change is found."""
    (run / "return\r").unlink()  # older versions write it as it is
    (run / sums.NAME).write_bytes(sums.write(sums.digests(run)))
    command = ["sha256sum", "--check", "--strict", "--quiet", sums.NAME]
    first = subprocess.run(command, cwd=run, capture_output=True, check=False)
    (run / "a b").write_text("Hello")
    second = subprocess.run(command, cwd=run, capture_output=True, check=False)

    assert (0, 1) == (first.returncode, second.returncode)


BROKEN = {
    "no line": ("x\n", "SHA256SUMS:1: is not a line of a digest and a file"),
    "capitals": (f"{HELLO.upper()}  a\n", "SHA256SUMS:1: is not a line of a digest and a file"),
    "another kind": (f"{HELLO} *a\n", "SHA256SUMS:1: is not a line of a digest and a file"),
    "an empty line": (f"{HELLO}  a\n\n", "SHA256SUMS:2: is not a line of a digest and a file"),
    "no end": (f"{HELLO}  a\n{HELLO}  b", "SHA256SUMS: is not as sign writes it"),
    "twice": (f"{HELLO}  a\n{HELLO}  a\n", "SHA256SUMS: is not as sign writes it"),
    "out of order": (f"{HELLO}  b\n{HELLO}  a\n", "SHA256SUMS: is not as sign writes it"),
    "needlessly escaped": (f"\\{HELLO}  a\n", "SHA256SUMS: is not as sign writes it"),
}


@pytest.mark.parametrize(("text", "says"), BROKEN.values(), ids=BROKEN)
def test_another_spelling_is_refused(text: str, says: str) -> None:
    """There is one way to write down what there is, so that a change of it shows."""
    with pytest.raises(InputError) as refused:
        sums.read(text.encode())

    assert str(refused.value).startswith(says)


def test_each_difference_is_named() -> None:
    """Changed, missing, added, unreadable: by file, in the order of names; the same is not named."""
    other = "0" * 64
    listed = {"changed": HELLO, "gone": HELLO, "link": HELLO, "same": HELLO}
    found = {"changed": other, "added": HELLO, "link": "is not a regular file", "same": HELLO}

    assert [
        "added: was added; SHA256SUMS does not list it",
        f"changed: was changed: its SHA-256 is {other}, SHA256SUMS says {HELLO}",
        "gone: is missing; SHA256SUMS lists it",
        "link: is not a regular file",
    ] == sums.compare(listed, found)


def test_what_has_no_digest_is_not_written() -> None:
    """A run with a pipe in it cannot be sealed."""
    with pytest.raises(InputError, match=r"pipe: is not a regular file, so the run cannot be signed"):
        sums.write({"pipe": "is not a regular file"})


def test_a_pipe_is_not_opened(run: Path) -> None:
    """It would wait for ever."""
    os.mkfifo(run / "pipe")

    assert "is not a regular file" == sums.digests(run)["pipe"]
