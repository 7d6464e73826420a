"""The steps of verifying a run: each looks at one side of it, and none of them stops the others."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec

from evidence.errors import InputError
from reports.attestation import again, dsse, statement, sums
from reports.attestation.again import Rules
from reports.attestation.findings import Findings, differences
from reports.attestation.keys import PublicKey
from reports.attestation.statement import Statement
from reports.model import Gate

VERDICT = "gate.json"


class Files(msgspec.Struct, frozen=True, kw_only=True):
    """The files that seal a run, each read once: what is verified is what is used. None where there is none."""

    run: Path
    gate: bytes | None
    sums: bytes | None
    envelope: bytes | None


def audit(run: Path, key: PublicKey | None, rules: Rules) -> tuple[Gate | None, Findings]:
    """Verify the run, and return its verdict with all that was found; InputError where a file cannot be opened."""
    files = Files(run=run, gate=_read(run / VERDICT), sums=_read(run / sums.NAME), envelope=_read(run / sums.ENVELOPE))
    gate, verdict = _verdict(files)
    signed, seal = signature(files, key)
    steps = [files_of(files), seal, verdict]
    if gate and files.gate is not None:
        if signed:
            steps.append(agreement(files, gate, signed))
        vouched = key is not None and not any(step.tampered for step in steps)
        steps.append(_again(again.check(run, gate, files.gate, rules), signed, vouched=vouched))
    return gate, Findings(
        sound=[each for step in steps for each in step.sound],
        tampered=[each for step in steps for each in step.tampered],
        unverified=[each for step in steps for each in step.unverified],
    )


def files_of(files: Files) -> Findings:
    """Hold the files of the run against SHA256SUMS."""
    if files.sums is None:
        says = f"{sums.NAME}: is missing"
        return Findings(tampered=[says]) if files.envelope is not None else Findings(unverified=[says])
    try:
        listed = sums.read(files.sums)
    except InputError as error:
        return Findings(tampered=[str(error)])
    if wrong := sums.compare(listed, sums.digests(files.run)):
        return Findings(tampered=wrong)
    return Findings(sound=[f"{sums.NAME}: {len(listed)} files, none changed, missing or added"])


def signature(files: Files, key: PublicKey | None) -> tuple[Statement | None, Findings]:
    """Open the envelope; without a key, what it says is compared, but nothing vouches for it."""
    if files.envelope is None:
        return None, Findings(unverified=[f"{sums.ENVELOPE}: is missing, the run is not signed"])
    try:
        sealed, content = dsse.read(files.envelope)
    except InputError as error:
        return None, Findings(tampered=[f"{sums.ENVELOPE}: {error}"])
    found = Findings(tampered=[f"{sums.ENVELOPE}: {each}" for each in _oddities(files.envelope, sealed, content, key)])
    if key is None:
        found.unverified.append(f"{sums.ENVELOPE}: the signature was not verified; name a key with --public-key")
    elif not dsse.verify(content, key):
        says = f"the signature is not by the key {key.keyid[:16]}…: another key signed, or it was changed"
        found.tampered.append(f"{sums.ENVELOPE}: {says}")
        return None, found
    elif not found.tampered:
        found.sound.append(f"{sums.ENVELOPE}: signed with the key {key.keyid[:16]}…")
    try:
        return statement.read(content.payload), found
    except InputError as error:
        found.tampered.append(f"{sums.ENVELOPE}: {error}")
        return None, found


def _oddities(written: bytes, sealed: dsse.Sealed, content: dsse.Content, key: PublicKey | None) -> list[str]:
    """Name what a signature does not cover, or `sign` would not have written."""
    odd = []
    if content.payload_type != dsse.PAYLOAD_TYPE:
        odd.append(f"payloadType is {json.dumps(content.payload_type)}, not {json.dumps(dsse.PAYLOAD_TYPE)}")
    if len(sealed.signatures) != 1:
        odd.append(f"signatures has {len(sealed.signatures)} entries, not one")
    if key and {each.keyid for each in sealed.signatures} - {key.keyid, msgspec.UNSET}:
        odd.append(f"keyid names another key than {key.keyid[:16]}…")
    if dsse.plain(sealed) != written:
        odd.append("it is not spelled as sign writes it")
    return odd


def _verdict(files: Files) -> tuple[Gate | None, Findings]:
    """Decode gate.json strictly."""
    if files.gate is None:
        return None, Findings(unverified=[f"{VERDICT}: is missing, there is no verdict to verify"])
    try:
        return msgspec.json.decode(files.gate, type=Gate), Findings()
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        return None, Findings(tampered=[f"{VERDICT}: is not a verdict: {error}"])


def agreement(files: Files, gate: Gate, signed: Statement) -> Findings:
    """Make the statement again of what lies there, and hold the signed one against it."""
    expected = statement.make(gate, files.gate or b"", files.sums or b"", signed.predicate.verifier.version)
    pair = (json.loads(msgspec.json.encode(each)) for each in (signed, expected))
    wrong = [f"{sums.ENVELOPE}: {path} is {says}, but the run has {has}" for path, says, has in differences(*pair)]
    return (
        Findings(tampered=wrong) if wrong else Findings(sound=[f"{sums.ENVELOPE}: states this verdict and its inputs"])
    )


def _again(found: Findings, signed: Statement | None, *, vouched: bool) -> Findings:
    """Tell a verdict that was changed from one that other code gave.

    Where the signature vouches for gate.json, and says that code other than this tree's judged, a difference proves
    nothing but that this tree cannot tell.
    """
    if not found.tampered or not signed or signed.predicate.verifier.version == again.version():
        return found
    says = f"{VERDICT}: other code judged ({signed.predicate.verifier.version}); verify with the tree that did"
    if not vouched:
        return Findings(tampered=found.tampered, unverified=[says])
    return Findings(unverified=[*found.tampered, says])


def _read(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        msg = f"{path}: cannot be read ({error.strerror})"
        raise InputError(msg) from None
