"""Encryption on our side of the store, by age: who makes backups needs no secret, who restores needs the key."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO, cast

import pyrage
from pyrage import x25519

from evidence.errors import InputError
from restore_drills.backups import opener
from restore_drills.backups.model import Damaged
from restore_drills.backups.programs import widened

PIECE = 1 << 20
ENDS_WITHIN_S = 10.0
"""Named wait: for what opens a stream to end, once nobody reads it any more."""


class KeyRefused(InputError):
    """There is no key, or it is another one; the message says which and where to put it."""


class Keys:
    """`recipients` are public and seal; `identity` is the file with the secret key that opens, if it is here at all."""

    def __init__(self, recipients: Sequence[str] = (), identity: Path | None = None) -> None:
        """Read the recipients; the identity is read when it is needed."""
        self.recipients, self._identity = tuple(recipients), identity
        self._sealing = [self._recipient(text) for text in recipients]

    def seal(self, path: Path) -> None:
        """Encrypt a local file in its place; nothing happens without recipients."""
        if not self._sealing:
            return
        sealed = path.with_name(f".{path.name}.age")
        with path.open("rb") as plain, sealed.open("wb") as file:
            pyrage.encrypt_io(plain, file, self._sealing)
        sealed.replace(path)

    @contextlib.contextmanager
    def opened(self, stored: BinaryIO, where: str, *, encrypted: bool) -> Iterator[BinaryIO]:
        """Read what was sealed, as it comes; KeyRefused without its key, Damaged where it does not authenticate."""
        if not encrypted:
            yield stored
            return
        with _opener(self._identities(where), stored) as (process, failed):
            try:
                yield cast("BinaryIO", process.stdout)
            except Exception:
                # What the reader made of a stream that ended early is not the cause: this is.
                self._ended(process, failed, where)
                raise
            self._ended(process, failed, where)

    def _ended(self, process: subprocess.Popen[bytes], failed: list[Exception], where: str) -> None:
        """See it end, since its reader wants no more; raise why, where it gave up before."""
        assert process.stdout
        assert process.stderr
        process.stdout.close()
        try:
            code = process.wait(ENDS_WITHIN_S)
        except subprocess.TimeoutExpired:  # it waits for a store that does not answer, and nobody waits for it
            process.kill()
            return
        said = " ".join(process.stderr.read().decode(errors="replace").split())[-300:]
        if failed and code:
            raise failed[0] from None
        if code == opener.REFUSED:
            raise self._refusal(said, where) from None
        if code:
            msg = f"{where}: what opens it ended with exit code {code}: {said or 'it said nothing'}; try again"
            raise InputError(msg)

    def _identities(self, where: str) -> list[x25519.Identity]:
        if self._identity is None:
            msg = f"{where}: is encrypted, and no key is given; name the file with the secret key by --identity"
            raise KeyRefused(msg)
        try:
            lines = self._identity.read_text().splitlines()
            return [x25519.Identity.from_str(line) for line in lines if line and not line.startswith("#")]
        except (OSError, UnicodeDecodeError, pyrage.IdentityError) as error:
            msg = f"{self._identity}: is not a file of age secret keys ({error}); `age-keygen` writes one"
            raise KeyRefused(msg) from None

    def _refusal(self, said: str, where: str) -> InputError:
        if "No matching keys" in said:
            return KeyRefused(f"{where}: was sealed for another key than those in {self._identity}; find the right one")
        return Damaged(f"{where}: does not authenticate: {said}; it was altered or cut short")

    @staticmethod
    def _recipient(text: str) -> x25519.Recipient:
        try:
            return x25519.Recipient.from_str(text)
        except pyrage.RecipientError as error:
            msg = f"`recipients`: {text!r} is no public key of age ({error}); `age-keygen -y FILE` prints it"
            raise InputError(msg) from None


@contextlib.contextmanager
def _opener(
    identities: Sequence[x25519.Identity], stored: BinaryIO
) -> Iterator[tuple[subprocess.Popen[bytes], list[Exception]]]:
    """Start it; where `stored` is no file, a thread pours it in, and what fails of that is in the list."""
    failed: list[Exception] = []
    reading, writing = os.pipe()
    with os.fdopen(reading), os.fdopen(writing, "w") as keys:
        keys.write("\n".join(map(str, identities)))
        process = subprocess.Popen(  # noqa: S603 - a program of our own
            [sys.executable, "-I", opener.__file__, str(reading)], stdin=_own(stored) or subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, pass_fds=[reading], start_new_session=True,
        )  # fmt: skip
    pouring = threading.Thread(target=_pour, args=(stored, process.stdin, failed), daemon=True)
    with process:
        assert process.stdout
        widened(process.stdout.fileno())
        if process.stdin:
            pouring.start()
        try:
            yield process, failed
        except BaseException:
            process.kill()  # or we would wait for whatever it waits for
            raise
        if process.stdin:
            pouring.join(ENDS_WITHIN_S)


def _own(stored: BinaryIO) -> BinaryIO | None:
    """Give it back where the system knows it as a file that a program can read by itself."""
    try:
        stored.fileno()
    except OSError:
        return None
    return stored


def _pour(stored: BinaryIO, stream: BinaryIO, failed: list[Exception]) -> None:
    # It is closed before we are done where nobody wants the rest.
    with contextlib.suppress(BrokenPipeError, ValueError), stream:
        try:
            shutil.copyfileobj(stored, stream, PIECE)
        except BrokenPipeError:
            raise
        except (InputError, OSError) as error:
            failed.append(error)
