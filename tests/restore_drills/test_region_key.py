"""A sealed off-site copy opens with the key in escrow alone, in a folder and in S3; a lost key is told."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from pyrage import x25519

from restore_drills.compare import hold
from restore_drills.escrow import ANOTHER, NONE, opened
from restore_drills.estate import Estate
from restore_drills.region import Regained, Region, offsite, tried
from restore_drills.steps import Steps
from tests.restore_drills.test_region import COPIED, by, made, seen

__all__ = ["made"]
TREE = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def key(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The key in escrow, as age-keygen writes it."""
    path = tmp_path_factory.mktemp("escrow") / "key"
    own = x25519.Identity.generate()
    path.write_text(f"# public key: {own.to_public()}\n{own}\n")
    return path


def sealed(key: Path, *copy: str, escrow: tuple[str, ...] = (), offsite: str = "") -> Region:
    """A way to copy off-site what is sealed for that key; another command may bring it."""
    brings = escrow or ("cat", str(key))
    return Region(copy=copy, every_h=168, recipients=(key.read_text().split()[3],), key=brings, offsite=offsite)


def test_a_sealed_copy_opens_with_the_key_in_escrow_alone(made: Estate, key: Path, tmp_path: Path) -> None:
    """Every word is back; without the key, and with another one, nothing is, and both are refused as keys."""
    before = seen(made)
    came = tried(made, sealed(key, "sh", "-c", COPIED), tmp_path)
    assert isinstance(came.came, Regained)
    assert came.opening

    hold(made.now, came.came.content, physical=True)
    assert ("", (), ()) == (came.opening.escrow, came.opening.left, came.opening.lie_open)
    assert "is encrypted, and no key is given" in came.opening.said[NONE]
    assert "was sealed for another key" in came.opening.said[ANOTHER]
    assert came.opening.sealed > 5
    assert before == seen(made)


@pytest.mark.parametrize(
    ("escrow", "said"),
    [
        (("false",), "prints no key (exit code 1): it said nothing"),
        (("true",), "prints no key (exit code 0): it said nothing"),
        (("sh", "-c", "echo 'no such secret' >&2; echo SECRET; exit 3"), "prints no key (exit code 3): no such secret"),
        (("no-such-vault",), "cannot be run"),
        (("echo", "SECRET"), "is not a file of age secret keys"),
        (("python3", "-c", f"print({str(x25519.Identity.generate())!r})"), "was sealed for another key"),
    ],
)
def test_a_key_that_is_lost_is_told(
    made: Estate, key: Path, tmp_path: Path, escrow: tuple[str, ...], said: str
) -> None:
    """The copy leads nowhere, and it is said why; what the command printed is never shown."""
    came = tried(made, sealed(key, "sh", "-c", COPIED, escrow=escrow), tmp_path)
    assert came.opening

    assert said in came.opening.escrow
    assert "key-in-escrow" in str(came.came)
    assert "SECRET" not in f"{came.opening}{came.came}"


def test_what_lies_open_is_named(made: Estate, key: Path, tmp_path: Path) -> None:
    """Whatever is there beside the backups, and is not sealed."""
    came = tried(made, sealed(key, "sh", "-c", f"{COPIED} && echo x > '{{offsite}}/plain.sql'"), tmp_path)

    assert came.opening
    assert ("plain.sql",) == came.opening.lie_open


def test_a_copy_that_is_not_sealed_is_not_refused_and_that_is_found(made: Estate, tmp_path: Path, key: Path) -> None:
    """Without a key it comes back all the same: whoever gets there has every row."""
    with offsite(made, by("sh", "-c", COPIED), tmp_path, Steps()) as (own, folder):
        found = opened(own, made.full, key, "", folder)

    assert {NONE: "", ANOTHER: ""} == found.said
    assert len(found.lie_open) > 5
    assert () == found.left


@pytest.mark.usefixtures("bucket")
def test_a_sealed_copy_in_s3_leads_back(made: Estate, key: Path, bucket: Path) -> None:
    """The command is told a place of its own there; everything is read from it, and it is empty again afterwards."""
    (bucket / "theirs").write_text("stays")
    copying = (sys.executable, "-m", "tests.restore_drills.to_s3", "{store}", "{offsite}")
    came = tried(made, sealed(key, *copying, offsite="s3://bucket/off site"), TREE)
    assert isinstance(came.came, Regained), str(came.came)
    assert came.opening

    hold(made.now, came.came.content, physical=True)
    assert set(made.words) == came.came.words
    assert ("", (), ()) == (came.opening.escrow, came.opening.left, came.opening.lie_open)
    assert "another key" in came.opening.said[ANOTHER]
    assert ["theirs"] == [path.name for path in bucket.rglob("*") if path.is_file()]
