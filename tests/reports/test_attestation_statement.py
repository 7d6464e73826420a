"""The statement: the whole literal, and what each verdict becomes in SLSA's two words."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pytest

from evidence.errors import InputError
from evidence.model import Outcome
from evidence.release import Identity
from reports.attestation import statement
from reports.attestation.statement import EXTENSION, Statement
from reports.model import Gate
from tests.reports import world

GOLDEN = Path(__file__).parents[1] / "golden" / "attestation-block.json"
VERSION = {"reports": f"sha256:{'12' * 32}"}
BLOCK = world.gate_of(
    world.seen(
        world.stage("load", world.evidence("LOAD-001", measured={"p95_ms": 150.0, "samples_total": 900.0})),
        without=("security",),
    )
)
HOLD = world.gate_of(world.seen(world.stage("load", world.evidence("LOAD-001", outcome=Outcome.SKIPPED))))
PROMOTE = world.gate_of(world.seen())


def state(gate: Gate) -> Statement:
    """State a verdict whose files are of no interest."""
    return statement.make(gate, b"gate", b"sums", VERSION)


def test_the_statement_of_a_block() -> None:
    """The whole literal: subject, policy, inputs, time, result, and the reasons in the extension."""
    assert GOLDEN.read_text() == msgspec.json.format(msgspec.json.encode(state(BLOCK))).decode() + "\n"


@pytest.mark.parametrize(
    ("gate", "stated"),
    [
        (PROMOTE, ("PASSED", ["RELEASE_VERIFICATION_PROMOTE"], "PROMOTE")),
        (HOLD, ("FAILED", ["FAILED"], "HOLD")),
        (BLOCK, ("FAILED", ["FAILED"], "BLOCK")),
    ],
)
def test_only_promote_passes(gate: Gate, stated: tuple[str, list[str], str]) -> None:
    """HOLD is FAILED to whoever knows the summary alone, and itself in the extension; no SLSA level is claimed."""
    predicate = json.loads(msgspec.json.encode(state(gate)))["predicate"]

    assert stated == (predicate["verificationResult"], predicate["verifiedLevels"], predicate[EXTENSION]["verdict"])


def test_a_summary_has_every_field_that_its_specification_requires() -> None:
    """Of in-toto's Statement v1 and of SLSA's verification summary v1."""
    stated = json.loads(msgspec.json.encode(state(PROMOTE)))

    assert {"_type", "subject", "predicateType", "predicate"} == stated.keys()
    required = {"verifier", "timeVerified", "resourceUri", "policy", "verificationResult", "verifiedLevels"}
    assert required | {"inputAttestations", EXTENSION} == stated["predicate"].keys()
    assert "https://in-toto.io/Statement/v1" == stated["_type"]
    assert "https://slsa.dev/verification_summary/v1" == stated["predicateType"]


IDENTITIES = {
    "clean": ({"commit": "a" * 40, "dirty": False}, {"sha256": "ab" * 32, "gitCommit": "a" * 40}),
    "changed": ({"commit": "a" * 40, "dirty": True}, {"sha256": "ab" * 32}),
    "no Git": ({"commit": None, "dirty": None}, {"sha256": "ab" * 32}),
}


@pytest.mark.parametrize(("git", "digest"), IDENTITIES.values(), ids=IDENTITIES)
def test_a_commit_is_named_where_it_says_what_the_tree_held(git: dict[str, object], digest: dict[str, str]) -> None:
    """A tree with changes is not its commit."""
    identity = Identity(**{"name": "shop", "version": "2.14.0", "digest": world.DIGEST, **git})  # type: ignore[arg-type]
    (subject,) = state(msgspec.structs.replace(PROMOTE, release=identity)).subject

    assert ("shop@2.14.0", digest) == (subject.name, subject.digest)


def test_names_become_uris() -> None:
    """Blanks and slashes of a name do not make another resource."""
    identity = Identity(name="a/b c", version="1@2", digest=world.DIGEST, commit=None, dirty=None)

    assert (
        "pkg:generic/a%2Fb%20c@1%402"
        == state(msgspec.structs.replace(PROMOTE, release=identity)).predicate.resource_uri
    )


def test_a_statement_is_read_back() -> None:
    """And nothing else is: strictly, since the reader compares every field."""
    encoded = msgspec.json.encode(state(BLOCK))

    assert state(BLOCK) == statement.read(encoded)
    for other in (
        b"{}",
        b"[",
        encoded.replace(b"shop", b"sh\xffp"),
        encoded.replace(b'"predicate":{', b'"predicate":{"x":1,'),
    ):
        with pytest.raises(InputError, match="the payload is not the statement of a verdict: "):
            statement.read(other)
