"""DSSE: the published vector, and what the library leaves to us."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePublicNumbers
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from securesystemslib.dsse import Envelope
from securesystemslib.signer import CryptoSigner, SSlibKey  # type: ignore[attr-defined] # it has no __all__

from evidence.errors import InputError
from reports.attestation import dsse

SIGNER = CryptoSigner(Ed25519PrivateKey.from_private_bytes(bytes(range(32))))
KEY = SIGNER.public_key

# The test vector of DSSE's protocol.md, version 1.0.0: P-256 and SHA-256, the signature r and s side by side.
VECTOR: dict[str, Any] = {
    "payload": "aGVsbG8gd29ybGQ=",
    "payloadType": "http://example.com/HelloWorld",
    "signatures": [{"sig": "A3JqsQGtVsJ2O2xqrI5IcnXip5GToJ3F+FnZ+O88SjtR6rDAajabZKciJTfUiHqJPcIAriEGAHTVeCUjW2JIZA=="}],
}
X = 46950820868899156662930047687818585632848591499744589407958293238635476079160
Y = 5640078356564379163099075877009565129882514886557779369047442380624545832820


def test_the_published_vector_verifies() -> None:
    """An envelope of others, without a keyid, by the reference implementation's key; another byte does not."""
    raw = base64.b64decode(VECTOR["signatures"][0]["sig"])
    der = encode_dss_signature(int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big"))
    key = SSlibKey.from_crypto(EllipticCurvePublicNumbers(X, Y, SECP256R1()).public_key())
    envelope = {**VECTOR, "signatures": [{"sig": base64.b64encode(der).decode()}]}
    _, content = dsse.read(json.dumps(envelope).encode())

    assert (b"hello world", "http://example.com/HelloWorld") == content[:2]
    assert dsse.verify(content, key)
    assert not dsse.verify(content._replace(payload=b"hello world!"), key)
    assert not dsse.verify(content._replace(payload_type="http://example.com/Hello"), key)


def test_what_is_signed_is_the_published_encoding() -> None:
    """The library's pre-authentication encoding is the vector's, and counts the bytes of a type, not its characters."""
    published = b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"

    assert published == Envelope(b"hello world", "http://example.com/HelloWorld", {}).pae()
    assert b"DSSEv1 3 a\xc3\xa9 0 " == Envelope(b"", "aé", {}).pae()


def test_what_is_sealed_opens() -> None:
    """The payload comes back as it went in, from an envelope in its plain spelling, with the key's id as a hint."""
    envelope = dsse.seal(b'{"a": 1}', SIGNER)
    sealed, content = dsse.read(envelope)

    assert (b'{"a": 1}', "application/vnd.in-toto+json", 1) == (*content[:2], len(content.signatures))
    assert KEY.keyid == sealed.signatures[0].keyid
    assert envelope == dsse.plain(sealed)
    assert dsse.verify(content, KEY)


def test_sealing_is_deterministic() -> None:
    """The same payload and key give the same bytes."""
    assert dsse.seal(b"x", SIGNER) == dsse.seal(b"x", SIGNER)


@pytest.mark.parametrize("keyid", [None, "", "another"])
def test_the_hint_at_the_key_decides_nothing(keyid: str | None) -> None:
    """A keyid that is missing or wrong neither stops the trusted key nor breaks the reader."""
    envelope = json.loads(dsse.seal(b"x", SIGNER))
    del envelope["signatures"][0]["keyid"]
    if keyid is not None:
        envelope["signatures"][0]["keyid"] = keyid
    text = json.dumps(envelope).encode()

    assert [dsse.read(text)] * 2 == [dsse.read(text), dsse.read(text)]
    assert dsse.verify(dsse.read(text)[1], KEY)


def test_another_key_under_this_keys_name_is_refused() -> None:
    """The hint is no proof either."""
    other = CryptoSigner(Ed25519PrivateKey.from_private_bytes(bytes(32)))
    envelope = json.loads(dsse.seal(b"x", other))
    envelope["signatures"][0]["keyid"] = KEY.keyid

    assert not dsse.verify(dsse.read(json.dumps(envelope).encode())[1], KEY)


def test_both_alphabets_of_base64_are_read() -> None:
    """DSSE demands the URL-safe one too; it is read, and is not the plain spelling."""
    payload = b"\xfb\xff\xfe" * 3
    envelope = json.loads(dsse.seal(payload, SIGNER))
    for part in (envelope, envelope["signatures"][0]):
        name = "payload" if "payload" in part else "sig"
        part[name] = part[name].translate(str.maketrans("+/", "-_"))
    sealed, content = dsse.read(json.dumps(envelope).encode())

    assert payload == content.payload
    assert dsse.verify(content, KEY)
    assert dsse.seal(payload, SIGNER) == dsse.plain(sealed)


@pytest.mark.parametrize("text", ["eA", "e A=", "eA==\n", "é", "eA=*"])
def test_what_only_looks_like_base64_is_refused(text: str) -> None:
    """No padding, blanks, other characters."""
    with pytest.raises(InputError, match="is not a DSSE envelope: "):
        dsse.read(json.dumps({"payload": text, "payloadType": "t", "signatures": []}).encode())


def test_no_signature_is_none() -> None:
    """`any(())` is false, and stays so."""
    assert not dsse.verify(dsse.Content(b"x", dsse.PAYLOAD_TYPE, ()), KEY)
