"""A signature that is another's, of another run, or none is found."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable

import pytest

from reports.attestation import dsse, keys
from tests.reports.sealed import World
from tests.reports.verify.said import ENVELOPE, Out, call, tampered


def test_an_envelope_of_another_run_is_found(good: World, blocked: World, capsys: Out) -> None:
    """Signed with the right key, but about something else: each field that differs is named."""
    payload = base64.b64decode(json.loads((blocked.run / ENVELOPE).read_text())["payload"])
    (good.run / ENVELOPE).write_bytes(dsse.seal(payload, keys.private(good.key)))

    assert 10 == call(good)
    said = "\n".join(tampered(capsys.readouterr().out))
    assert 'predicate.verificationResult is "FAILED", but the run has "PASSED"' in said
    assert "predicate.inputAttestations[evidence/load.jsonl].digest.sha256 is" in said


def test_another_key_is_found(good: World, blocked: World, capsys: Out) -> None:
    """The same statement, signed with a key that is not the trusted one, also under its name."""
    envelope = json.loads((good.run / ENVELOPE).read_text())
    forged = json.loads(dsse.seal(base64.b64decode(envelope["payload"]), keys.private(blocked.key)))
    codes = []
    for keyid in (forged["signatures"][0]["keyid"], envelope["signatures"][0]["keyid"]):
        forged["signatures"][0]["keyid"] = keyid
        (good.run / ENVELOPE).write_text(json.dumps(forged, indent=2) + "\n")
        codes.append(call(good))

        assert "the signature is not by the key" in capsys.readouterr().out
    assert [10, 10] == codes


def test_a_swapped_payload_type_is_found(good: World, capsys: Out) -> None:
    """Whether it was signed so or not."""
    path = good.run / ENVELOPE
    swapped = path.read_text().replace("vnd.in-toto", "vnd.another")
    path.write_text(swapped)
    codes = [call(good)]
    path.write_bytes(dsse.seal(base64.b64decode(json.loads(swapped)["payload"]), keys.private(good.key), "text/plain"))
    codes.append(call(good))

    assert [10, 10] == codes
    said = capsys.readouterr().out
    assert 'payloadType is "application/vnd.another+json", not "application/vnd.in-toto+json"' in said
    assert 'payloadType is "text/plain", not "application/vnd.in-toto+json"' in said


ENVELOPES: dict[str, tuple[Callable[[bytes], bytes], str]] = {
    "no JSON": (lambda _: b"{", "is not a DSSE envelope: "),
    "no base64": (lambda old: old.replace(b'"payload": "', b'"payload": "*'), "is not a DSSE envelope: "),
    "no ASCII": (lambda old: old.replace(b'"sig": "', '"sig": "é'.encode()), "is not a DSSE envelope: "),
    "another field": (lambda old: old.replace(b"{", b'{"x": 1,', 1), "is not a DSSE envelope: "),
    "respelled": (lambda old: old.replace(b'": ', b'":  '), "it is not spelled as sign writes it"),
    "no signature": (
        lambda old: json.dumps({**json.loads(old), "signatures": []}).encode(),
        "signatures has 0 entries, not one",
    ),
    "a signature more": (
        lambda old: json.dumps({**json.loads(old), "signatures": json.loads(old)["signatures"] * 2}).encode(),
        "signatures has 2 entries, not one",
    ),
}


@pytest.mark.parametrize(("change", "says"), ENVELOPES.values(), ids=ENVELOPES)
def test_an_envelope_that_is_none_is_found(
    good: World, capsys: Out, change: Callable[[bytes], bytes], says: str
) -> None:
    """It is named, with what is wrong with it."""
    path = good.run / ENVELOPE
    path.write_bytes(change(path.read_bytes()))

    assert 10 == call(good)
    assert any(says in line for line in tampered(capsys.readouterr().out))


def test_a_signed_payload_that_is_no_statement_is_found(good: World, capsys: Out) -> None:
    """A signature over anything else is no verdict."""
    (good.run / ENVELOPE).write_bytes(dsse.seal(b'{"_type": "x"}', keys.private(good.key)))

    assert 10 == call(good)
    assert f"{ENVELOPE}: the payload is not the statement of a verdict: " in capsys.readouterr().out
