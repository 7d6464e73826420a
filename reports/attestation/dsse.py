"""DSSE envelopes: securesystemslib signs and verifies; reading them is ours, since its reader changes its argument.

A signature's keyid is a hint that the signature does not cover, and may be missing. So the key that the caller trusts
is tried, whatever the hint says.
"""

from __future__ import annotations

import base64
import binascii
from typing import NamedTuple

import msgspec
from securesystemslib.dsse import Envelope
from securesystemslib.exceptions import VerificationError
from securesystemslib.signer import Key, Signature, Signer  # type: ignore[attr-defined] # it has no __all__

from evidence.errors import InputError

PAYLOAD_TYPE = "application/vnd.in-toto+json"


class Signed(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One signature, in base64, and perhaps a hint at its key."""

    keyid: str | msgspec.UnsetType = msgspec.UNSET
    sig: str


class Sealed(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The envelope as JSON has it: the payload in base64, not yet trusted."""

    payload: str
    payload_type: str = msgspec.field(name="payloadType")
    signatures: tuple[Signed, ...]


class Content(NamedTuple):
    """What an envelope holds."""

    payload: bytes
    payload_type: str
    signatures: tuple[bytes, ...]


def seal(payload: bytes, signer: Signer, payload_type: str = PAYLOAD_TYPE) -> bytes:
    """Sign the payload and its type; return the envelope."""
    envelope = Envelope(payload, payload_type, {})
    envelope.sign(signer)
    return _write(msgspec.convert(envelope.to_dict(), Sealed))


def read(content: bytes) -> tuple[Sealed, Content]:
    """Decode an envelope without trusting it; InputError where it is none."""
    try:
        sealed = msgspec.json.decode(content, type=Sealed)
        signatures = tuple(_decode(each.sig) for each in sealed.signatures)
        return sealed, Content(_decode(sealed.payload), sealed.payload_type, signatures)
    except (msgspec.DecodeError, binascii.Error, ValueError) as error:
        msg = f"is not a DSSE envelope: {error}"
        raise InputError(msg) from None


def verify(content: Content, key: Key) -> bool:
    """Say whether one of the signatures is the key's, over just this payload and type."""
    return any(_signed_by(content, signature, key) for signature in content.signatures)


def plain(sealed: Sealed) -> bytes:
    """Write what an envelope holds in the one way in which `seal` does: another spelling was not written by it."""
    signatures = tuple(msgspec.structs.replace(each, sig=_encode(_decode(each.sig))) for each in sealed.signatures)
    return _write(msgspec.structs.replace(sealed, payload=_encode(_decode(sealed.payload)), signatures=signatures))


def _write(sealed: Sealed) -> bytes:
    return msgspec.json.format(msgspec.json.encode(sealed)) + b"\n"


def _signed_by(content: Content, signature: bytes, key: Key) -> bool:
    named = {key.keyid: Signature(key.keyid, signature.hex())}
    try:
        Envelope(content.payload, content.payload_type, named).verify([key], threshold=1)
    except VerificationError:
        return False
    return True


def _encode(content: bytes) -> str:
    return base64.b64encode(content).decode()


def _decode(text: str) -> bytes:
    """Decode base64 of either alphabet, as DSSE demands, and nothing that only looks like it."""
    return base64.b64decode(text.encode("ascii").translate(bytes.maketrans(b"-_", b"+/")), validate=True)
