"""What is sealed opens with its own key alone; and whatever else ends an opening is not called damage."""

from __future__ import annotations

import io
import os
import sys
import time
from pathlib import Path
from typing import BinaryIO

import msgspec
import pyrage
import pytest
from pyrage import x25519

from evidence.errors import InputError
from fixtures.postgres import postgres
from restore_drills.backups import opener, proof, take
from restore_drills.backups.crypt import ENDS_WITHIN_S, KeyRefused, Keys
from restore_drills.backups.model import Damaged, Manifest
from restore_drills.backups.programs import Say
from restore_drills.backups.repository import Repository, measured
from restore_drills.backups.s3 import S3
from restore_drills.backups.store import StoreError
from tests.restore_drills.backups_world import PROGRAMS, execute, manifest, repository


@pytest.fixture
def identity(tmp_path: Path) -> Path:
    """A file with a secret key, as age-keygen writes it."""
    path = tmp_path / "key.txt"
    own = x25519.Identity.generate()
    path.write_text(f"# public key: {own.to_public()}\n{own}\n")
    return path


def public(identity: Path) -> str:
    """Its public key."""
    return identity.read_text().split()[3]


def sealed(place: Repository, content: bytes) -> Manifest:
    """Commit a backup of one file, sealed for the repository's recipients."""
    recipients = place.keys.recipients
    one = manifest(files={"base.tar": content}, recipients=recipients)
    folder = place.work / one.id
    folder.mkdir(parents=True)
    (folder / "base.tar").write_bytes(content)
    place.keys.seal(folder / "base.tar")
    size, digest = measured(folder / "base.tar")
    stored = msgspec.structs.replace(one.files[0], stored_size=size, stored_sha256=digest)
    one = msgspec.structs.replace(one, files=(stored,))
    place.commit(one, folder)
    return one


def read(place: Repository, one: Manifest) -> bytes:
    """Read its file."""
    with place.open(one, one.files[0]) as file:
        return file.read()


def test_what_is_sealed_opens_with_its_key_alone(identity: Path, tmp_path: Path) -> None:
    """No plain byte lies in the store; the key opens it, no key and another key are refused by name."""
    content = b"a secret row " * 50_000
    place = repository(tmp_path / "store", Keys([public(identity)], identity))
    one = sealed(place, content)
    other = tmp_path / "other.txt"
    other.write_text(str(x25519.Identity.generate()))
    none = tmp_path / "none.txt"
    none.write_text("hello")

    assert content == read(place, one)
    assert [] == [path for path in tmp_path.rglob("*") if path.is_file() and b"a secret row" in path.read_bytes()]
    for file, said in (
        (None, "--identity"),
        (other, "sealed for another key"),
        (none, "is not a file of age secret keys"),
    ):
        with pytest.raises(KeyRefused, match=said):
            read(repository(tmp_path / "store", Keys([public(identity)], file)), one)
    with pytest.raises(KeyRefused, match="is not a file"):
        read(repository(tmp_path / "store", Keys([public(identity)], tmp_path / "lost.txt")), one)


@pytest.mark.parametrize("at", [-1, 30, 70_000])
def test_what_was_altered_does_not_authenticate(identity: Path, tmp_path: Path, at: int) -> None:
    """In the header, in the middle, at the end."""
    place = repository(tmp_path / "store", Keys([public(identity)], identity))
    one = sealed(place, bytes(200_000))
    path = Path(place.store.name, "backups", one.id, "base.tar")
    content = bytearray(path.read_bytes())
    content[at] ^= 1
    path.write_bytes(content)

    with pytest.raises((Damaged, KeyRefused), match=r"base\.tar"):
        read(place, one)


def test_what_was_cut_off_does_not_authenticate(identity: Path, tmp_path: Path) -> None:
    """Also at the boundary of one of age's chunks."""
    place = repository(tmp_path / "store", Keys([public(identity)], identity))
    one = sealed(place, bytes(200_000))
    path = Path(place.store.name, "backups", one.id, "base.tar")
    path.write_bytes(path.read_bytes()[: -(200_000 % 65536 + 16)])

    with pytest.raises(Damaged, match="altered or cut short"):
        read(place, one)


class Breaks(io.RawIOBase):
    """What a store gives, up to where it cannot be reached any more."""

    def __init__(self, content: bytes) -> None:
        """Take what it gives."""
        self._content = io.BytesIO(content)

    def readable(self) -> bool:
        """Say that it can be read."""
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        """Give what there is; then break."""
        if not (size := self._content.readinto(buffer)):
            msg = "s3://bucket: cannot be reached"
            raise StoreError(msg)
        return size


def test_a_store_that_breaks_is_not_called_an_altered_backup(identity: Path) -> None:
    """Where the store ends in the middle of what is sealed, that is said: the backup may be well."""
    keys = Keys([public(identity)], identity)
    content = pyrage.encrypt(bytes(3 << 20), [x25519.Recipient.from_str(public(identity))])
    stored = io.BufferedReader(Breaks(content[: 2 << 20]))

    with pytest.raises(StoreError, match="cannot be reached"), keys.opened(stored, "base.tar", encrypted=True) as plain:
        plain.read()


def test_who_is_killed_while_opening_says_nothing_of_the_backup(
    identity: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Out of memory, or stopped from outside: that is told, and neither the key nor the backup is blamed."""
    keys = Keys([public(identity)], identity)
    (program := tmp_path / "killed.py").write_text("import os\nos.kill(os.getpid(), 9)\n")
    monkeypatch.setattr(opener, "__file__", str(program))

    opening = keys.opened(io.BytesIO(b"sealed"), "base.tar", encrypted=True)
    with pytest.raises(InputError, match="ended with exit code -9") as raised, opening as plain:
        plain.read()
    assert InputError is type(raised.value)


def test_whoever_is_interrupted_waits_for_nothing(identity: Path) -> None:
    """A store that does not answer keeps nobody who has been told to stop, and the interruption is not replaced."""
    keys = Keys([public(identity)], identity)
    reading, writing = os.pipe()
    with os.fdopen(reading, "rb") as silent, os.fdopen(writing, "wb"):
        stream = io.BufferedReader(Silent(silent))
        began = time.monotonic()
        with pytest.raises(SystemExit), keys.opened(stream, "base.tar", encrypted=True):
            sys.exit(143)

    assert time.monotonic() - began < ENDS_WITHIN_S


class Silent(io.RawIOBase):
    """A stream of ours, which is no file to any program, of a pipe that nobody writes into."""

    def __init__(self, file: BinaryIO) -> None:
        """Take the pipe."""
        self._file = file

    def readable(self) -> bool:
        """Say that it can be read."""
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        """Wait."""
        return len(self._file.read(len(buffer)))


def test_whoever_wants_no_more_of_what_is_sealed_goes_away(identity: Path, tmp_path: Path) -> None:
    """Nothing hangs, and nothing is called damaged, where only the beginning is read: of a file, and of a stream."""
    keys = Keys([public(identity)], identity)
    content = pyrage.encrypt(bytes(8 << 20), [x25519.Recipient.from_str(public(identity))])
    (path := tmp_path / "file").write_bytes(content)

    with path.open("rb") as file:
        for stored in (file, io.BytesIO(content)):
            with keys.opened(stored, "base.tar", encrypted=True) as plain:
                assert bytes(9) == plain.read(9)


def test_who_backs_up_needs_no_key(bucket: Path, identity: Path, tmp_path: Path) -> None:
    """Full and incremental backups go to S3 sealed by the public key alone; the secret key proves them row by row."""
    without, with_key = (Keys([public(identity)], key) for key in (None, identity))
    address = "s3://bucket/sealed"
    maker, prover = (Repository(S3(address), tmp_path / "work", keys, Say(quiet=True)) for keys in (without, with_key))
    with postgres(settings={"summarize_wal": "on"}) as server:
        execute(server.dsn, "CREATE TABLE item AS SELECT 'a secret row' AS name FROM generate_series(1, 1000)")
        full = take.physical(maker, PROGRAMS, server.dsn, None)
        execute(server.dsn, "INSERT INTO item VALUES ('a secret row')")
        one = take.physical(maker, PROGRAMS, server.dsn, full)

    assert [] == proof.stored(maker, full) + proof.stored(maker, one)
    assert [] == proof.restored(prover, PROGRAMS, one)
    files = [path for path in (bucket / "sealed").rglob("*") if path.is_file()]
    assert len(full.files) + len(one.files) + 2 == len(files)
    assert [] == [path.name for path in files if b"a secret row" in path.read_bytes()]
    with pytest.raises(KeyRefused, match="--identity"):
        proof.restored(maker, PROGRAMS, one)


def test_a_recipient_that_is_none_is_refused() -> None:
    """Before anything is made that nobody could open."""
    with pytest.raises(Exception, match=r"`recipients`: 'age1nobody' is no public key"):
        Keys(["age1nobody"])
