"""Ed25519 keys from a file or the environment. Whatever is wrong with one, its content is never shown."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)
from securesystemslib.signer import CryptoSigner, SSlibKey  # type: ignore[attr-defined] # it has no __all__

from evidence.errors import InputError

VARIABLE = "RELEASE_SIGNING_KEY"
PrivateKey = CryptoSigner
PublicKey = SSlibKey


def private(path: Path | None, environment: Mapping[str, str] = os.environ) -> PrivateKey:
    """Load the key that signs, of the file or else of RELEASE_SIGNING_KEY; InputError says what it is instead."""
    if path is None and not environment.get(VARIABLE):
        msg = f"there is no key to sign with: name a file with --key, or put the PEM text into {VARIABLE}"
        raise InputError(msg)
    where, pem = (VARIABLE, os.fsencode(environment[VARIABLE])) if path is None else (str(path), _read(path))
    try:
        key = load_pem_private_key(pem, password=None)
    except TypeError:
        msg = f"{where}: the key is encrypted; give it decrypted, by a secret store"
        raise InputError(msg) from None
    except (ValueError, UnsupportedAlgorithm):
        msg = f"{where}: holds no private key in PEM (PKCS #8); make one with: python -m reports sign --generate PATH"
        raise InputError(msg) from None
    if not isinstance(key, Ed25519PrivateKey):
        raise _not_ed25519(where, key)
    return CryptoSigner(key)


def public(path: Path) -> PublicKey:
    """Load the key that verifies; InputError says what it is instead."""
    try:
        key = load_pem_public_key(_read(path))
    except (ValueError, UnsupportedAlgorithm):
        msg = f"{path}: holds no public key in PEM; sign --generate wrote one beside the private key"
        raise InputError(msg) from None
    if not isinstance(key, Ed25519PublicKey):
        raise _not_ed25519(str(path), key)
    return SSlibKey.from_crypto(key)


def generate(path: Path) -> Path:
    """Write a new private key at `path`, for its owner only, and return where the public one is.

    InputError where either file exists: a key that was used must not be lost.
    """
    beside = path.with_name(f"{path.name}.pub")
    key = Ed25519PrivateKey.generate()
    public_pem = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    if beside.exists():
        msg = f"{beside}: exists already; choose another name"
        raise InputError(msg)
    _create(path, CryptoSigner(key).private_bytes, 0o600)
    _create(beside, public_pem, 0o644)
    return beside


def _create(path: Path, content: bytes, mode: int) -> None:
    try:
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
            file.write(content)
    except FileExistsError:
        msg = f"{path}: exists already; choose another name"
        raise InputError(msg) from None
    except OSError as error:
        msg = f"{path}: cannot be written ({error.strerror})"
        raise InputError(msg) from None


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        msg = f"{path}: the key cannot be read ({error.strerror})"
        raise InputError(msg) from None


def _not_ed25519(where: str, key: object) -> InputError:
    return InputError(f"{where}: the key is of the type {type(key).__name__}, not Ed25519")
