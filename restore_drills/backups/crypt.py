"""Encryption on our side of the store, by age: who makes backups needs no secret, who restores needs the key."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

import pyrage
from pyrage import x25519

from evidence.errors import InputError
from restore_drills.backups.model import Damaged
from restore_drills.backups.programs import widened


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
        identities = self._identities(where)
        reading, writing = os.pipe()
        widened(writing)
        failed: list[Exception] = []
        thread = threading.Thread(target=_decrypt, args=(stored, writing, identities, failed), daemon=True)
        thread.start()
        try:
            with os.fdopen(reading, "rb") as plain:
                yield plain
        finally:
            thread.join()
            # What the reader made of a stream that ended early is not the cause: this is.
            for error in failed:
                raise self._refusal(error, where) from None

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

    def _refusal(self, error: BaseException, where: str) -> InputError:
        if "No matching keys" in str(error):
            return KeyRefused(f"{where}: was sealed for another key than those in {self._identity}; find the right one")
        return Damaged(f"{where}: does not authenticate: {error}; it was altered or cut short")

    @staticmethod
    def _recipient(text: str) -> x25519.Recipient:
        try:
            return x25519.Recipient.from_str(text)
        except pyrage.RecipientError as error:
            msg = f"`recipients`: {text!r} is no public key of age ({error}); `age-keygen -y FILE` prints it"
            raise InputError(msg) from None


def _decrypt(stored: BinaryIO, writing: int, identities: Sequence[x25519.Identity], failed: list[Exception]) -> None:
    with contextlib.suppress(BrokenPipeError), os.fdopen(writing, "wb") as plain:
        try:
            pyrage.decrypt_io(stored, plain, identities)
        except (pyrage.DecryptError, OSError) as error:
            if "Broken pipe" not in str(error):
                failed.append(error)
