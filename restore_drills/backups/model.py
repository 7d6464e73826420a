"""The manifest of a backup: what it holds, from where in the log it is, what it needs, and how it is proven."""

from __future__ import annotations

import datetime as dt
import hashlib
import re
import secrets
from collections.abc import Iterable, Mapping
from typing import Annotated, Literal, get_args

import msgspec

from evidence.errors import InputError

SCHEMA = 1
OPEN = "backup_manifest"
"""The one file that is never sealed: names and sizes of data files, no content."""
Kind = Literal["full", "incremental", "logical"]
KINDS: tuple[Kind, ...] = get_args(Kind)
ID = re.compile(r"\d{8}T\d{6}Z-(full|incremental|logical)-[0-9a-f]{6}")
Lsn = Annotated[str, msgspec.Meta(pattern=r"^[0-9A-F]{1,8}/[0-9A-F]{1,8}$")]
Sha256 = Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{64}$")]
# Names come back from a store that others may write to, and become paths: nothing climbs out of the backup's folder.
Name = Annotated[str, msgspec.Meta(pattern=r"^(?!.*(^|/)\.)[A-Za-z0-9._-]+(/[A-Za-z0-9._-]+)*$", max_length=200)]
Size = Annotated[int, msgspec.Meta(ge=0)]


class Damaged(InputError):
    """What the store holds is not what was put there; the message names the artefact."""


class File(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One file: what it is, and what of it lies in the store (another content where it is encrypted)."""

    name: Name
    size: Size
    sha256: Sha256
    stored_size: Size
    stored_sha256: Sha256


class Content(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """How the fingerprint (the file `fingerprint.json`) is bound to the backup.

    `snapshot`: it was taken in the very snapshot of the dump. `lsn`: nothing was written while it was taken, so that a
    recovery to `lsn` gives exactly it; `alone` says that the backup alone does, without any later log. `moving`: the
    database was written to all the while, to `moved` of its tables. Of those only the rows that are older than the
    backup can be compared, as two looks at them say (the file `settled.json`); where `moved` is not told, nothing can.
    """

    bound: Literal["snapshot", "lsn", "moving"]
    lsn: Lsn
    alone: bool
    databases: int
    tables: int
    rows: int
    moved: int | None = None


class Manifest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One committed backup. `parents` are all backups that a restore needs beside this one, the full one first."""

    id: str
    kind: Kind
    started: dt.datetime
    finished: dt.datetime
    server_version: int
    system_identifier: str
    timeline: int
    segment_size: int
    start_lsn: Lsn
    end_lsn: Lsn
    database: str
    superuser: str
    parents: tuple[str, ...]
    content: Content
    files: tuple[File, ...]
    recipients: tuple[str, ...] = ()
    schema: int = SCHEMA

    @property
    def size(self) -> int:
        """What it holds, in bytes."""
        return sum(file.size for file in self.files)

    @property
    def stored_size(self) -> int:
        """What it takes up in the store, in bytes."""
        return sum(file.stored_size for file in self.files)

    def encrypted(self, file: File) -> bool:
        """Tell whether a file was sealed. PostgreSQL's manifest stays open: who backs up has no key to read it with."""
        return bool(self.recipients) and file.name != OPEN

    @property
    def physical(self) -> bool:
        """Whether it is data files, which the log goes on from."""
        return self.kind != "logical"

    def file(self, name: str) -> File:
        """Find a file; Damaged where there is none of that name."""
        for file in self.files:
            if file.name == name:
                return file
        msg = f"{self.id}: the manifest names no file {name!r}"
        raise Damaged(msg)


class Sealed(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A manifest as it is stored: with the digest of its own bytes, since nothing else covers them."""

    manifest: msgspec.Raw
    sha256: Sha256


def encode(manifest: Manifest) -> bytes:
    """Write a manifest down."""
    raw = msgspec.json.encode(manifest)
    return msgspec.json.encode(Sealed(manifest=msgspec.Raw(raw), sha256=hashlib.sha256(raw).hexdigest())) + b"\n"


def decode(content: bytes, where: str) -> Manifest:
    """Read a manifest strictly; Damaged names where it lies and what is wrong with it."""
    try:
        sealed = msgspec.json.decode(content, type=Sealed)
        if hashlib.sha256(sealed.manifest).hexdigest() != sealed.sha256:
            msg = f"{where}: its own checksum does not fit it: it was altered or damaged; restore from another backup"
            raise Damaged(msg)
        manifest = msgspec.json.decode(sealed.manifest, type=Manifest)
    except (msgspec.ValidationError, msgspec.DecodeError, UnicodeDecodeError) as error:
        msg = f"{where}: is not a manifest: {error}; restore from another backup"
        raise Damaged(msg) from None
    if manifest.schema != SCHEMA or not ID.fullmatch(manifest.id) or f"/{manifest.id}/" not in f"/{where}/":
        msg = (
            f"{where}: says that it is {manifest.id!r} of schema {manifest.schema}: it was moved, or is of another age"
        )
        raise Damaged(msg)
    return manifest


def new_id(kind: Kind, when: dt.datetime) -> str:
    """Name a backup: sorted by name is sorted by time."""
    return f"{when:%Y%m%dT%H%M%SZ}-{kind}-{secrets.token_hex(3)}"


def lsn(text: str) -> int:
    """Read a place in the log; InputError where it is none."""
    high, slash, low = text.partition("/")
    try:
        if not slash:
            raise ValueError(text)  # noqa: TRY301 - one refusal for all that is no place in the log
        return (int(high, 16) << 32) + int(low, 16)
    except ValueError:
        msg = f"{text!r} is no place in the log: it looks like 0/3000028"
        raise InputError(msg) from None


def place(value: int) -> str:
    """Write a place in the log."""
    return f"{value >> 32:X}/{value & 0xFFFFFFFF:X}"


def chain(manifest: Manifest, known: Mapping[str, Manifest]) -> list[Manifest]:
    """Give what a restore needs, the full backup first; Damaged names the member that is missing or does not fit."""
    members: list[Manifest] = []
    for name in (*manifest.parents, manifest.id):
        if (member := known.get(name)) is None:
            msg = f"{manifest.id}: needs {name}, which the store does not have; restore an older backup"
            raise Damaged(msg)
        if member.parents != tuple(parent.id for parent in members):
            msg = f"{manifest.id}: {name} says another ancestry than the chain has"
            raise Damaged(msg)
        members.append(member)
    kinds = [member.kind for member in members]
    if kinds not in (["full", *["incremental"] * len(manifest.parents)], ["logical"]):
        msg = f"{manifest.id}: its chain is not a full backup and then incremental ones"
        raise Damaged(msg)
    return members


def by_id(manifests: Iterable[Manifest]) -> dict[str, Manifest]:
    """Index manifests by their id."""
    return {manifest.id: manifest for manifest in manifests}
