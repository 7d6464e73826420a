"""The verdict as an in-toto Statement: SLSA's verification summary, and what it has no field for.

A summary knows PASSED and FAILED. HOLD is FAILED, and the verdict itself stands under `EXTENSION`, a field name of ours
as in-toto's parsing rules allow. No SLSA level is evaluated, and none is claimed.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from typing import Literal
from urllib.parse import quote

import msgspec

from evidence.errors import InputError
from reports.attestation import sums
from reports.model import Counts, Gate, JudgedWaiver, Judgement, Verdict

VERIFIER: Literal["urn:release-verification:gate"] = "urn:release-verification:gate"
EXTENSION = "urn:release-verification:verdict:v1"
PROMOTED = "RELEASE_VERIFICATION_PROMOTE"
Digest = dict[str, str]


class _Shape(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="camel"):
    """What every part of the statement shares: nothing unknown in it, names as in-toto writes them."""


class Resource(_Shape, frozen=True):
    """A file, by name and digest."""

    uri: str
    digest: Digest


class Subject(_Shape, frozen=True):
    """The release: its source's digest, and the commit where the tree was clean."""

    name: str
    digest: Digest


class Verifier(_Shape, frozen=True):
    """Who judged; `version` digests the code and the checks that did."""

    id: str
    version: Digest


class Reason(_Shape, frozen=True):
    """A rule that stands in the way, and why."""

    check: str
    required: bool
    reason: str


class Extension(_Shape, frozen=True):
    """The verdict in our own words; `gate` and `sums` bind the two files that bind all the others."""

    verdict: Verdict
    headline: str
    run: str
    commit: str | None
    dirty: bool | None
    counts: Counts
    failing: tuple[Reason, ...]
    unverified: tuple[Reason, ...]
    waivers: tuple[JudgedWaiver, ...]
    unexpected: tuple[str, ...]
    gate: Resource
    sums: Resource


class Predicate(_Shape, frozen=True):
    """https://slsa.dev/spec/v1.1/verification_summary."""

    verifier: Verifier
    time_verified: dt.datetime
    resource_uri: str
    policy: Resource
    input_attestations: tuple[Resource, ...]
    verification_result: Literal["PASSED", "FAILED"]
    verified_levels: tuple[str, ...]
    extension: Extension = msgspec.field(name=EXTENSION)


class Statement(_Shape, frozen=True):
    """https://in-toto.io/Statement/v1."""

    type_: Literal["https://in-toto.io/Statement/v1"] = msgspec.field(name="_type")
    subject: tuple[Subject]
    predicate_type: Literal["https://slsa.dev/verification_summary/v1"]
    predicate: Predicate


def make(gate: Gate, gate_json: bytes, sums_text: bytes, version: Digest) -> Statement:
    """State the verdict of `gate`, of which `gate_json` are the bytes; the same inputs give the same statement."""
    promoted = gate.verdict is Verdict.PROMOTE
    predicate = Predicate(
        verifier=Verifier(id=VERIFIER, version=version),
        time_verified=gate.judged_at,
        resource_uri=f"pkg:generic/{quote(gate.release.name, safe='')}@{quote(gate.release.version, safe='')}",
        policy=Resource(uri=quote(gate.policy.name), digest={"sha256": gate.policy.sha256}),
        input_attestations=tuple(Resource(uri=quote(file.path), digest={"sha256": file.sha256}) for file in gate.files),
        verification_result="PASSED" if promoted else "FAILED",
        verified_levels=(PROMOTED if promoted else "FAILED",),
        extension=_extension(gate, gate_json, sums_text),
    )
    return Statement(
        type_="https://in-toto.io/Statement/v1",
        subject=(_subject(gate),),
        predicate_type="https://slsa.dev/verification_summary/v1",
        predicate=predicate,
    )


def read(payload: bytes) -> Statement:
    """Decode a statement; InputError where it is none of ours."""
    try:
        return msgspec.json.decode(payload, type=Statement)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        msg = f"the payload is not the statement of a verdict: {error}"
        raise InputError(msg) from None


def _subject(gate: Gate) -> Subject:
    """Name the release; a commit does not tell what a changed tree holds, so that it is left out for one."""
    release = gate.release
    commit = {"gitCommit": release.commit} if release.commit and release.dirty is False else {}
    digest = {"sha256": release.digest.removeprefix("sha256:"), **commit}
    return Subject(name=f"{release.name}@{release.version}", digest=digest)


def _extension(gate: Gate, gate_json: bytes, sums_text: bytes) -> Extension:
    return Extension(
        verdict=gate.verdict,
        headline=gate.headline,
        run=gate.run,
        commit=gate.release.commit,
        dirty=gate.release.dirty,
        counts=gate.counts,
        failing=_reasons(gate, Judgement.FAIL),
        unverified=_reasons(gate, Judgement.UNVERIFIED),
        waivers=gate.waivers,
        unexpected=gate.unexpected,
        gate=_file("gate.json", gate_json),
        sums=_file(sums.NAME, sums_text),
    )


def _reasons(gate: Gate, judgement: Judgement) -> tuple[Reason, ...]:
    chosen = gate.of(judgement)
    return tuple(Reason(check=rule.check, required=rule.required, reason=rule.reason) for rule in chosen)


def _file(name: str, content: bytes) -> Resource:
    return Resource(uri=name, digest={"sha256": hashlib.sha256(content).hexdigest()})
