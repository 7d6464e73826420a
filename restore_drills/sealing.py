"""A store is sealed as `nox -s backup` seals it: every backup and the log, for those who may open the off-site copy."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import msgspec

from restore_drills.backups.crypt import Keys
from restore_drills.backups.model import OPEN, File, Manifest, decode, encode
from restore_drills.backups.repository import MANIFEST, measured

SEALED = ".age"


def seal(root: Path, recipients: Sequence[str]) -> None:
    """Seal what lies in the folder of a store, in its place; PostgreSQL's own manifest and ours stay open."""
    keys = Keys(recipients)
    for path in sorted(root.glob(f"backups/*/{MANIFEST}")):
        manifest = decode(path.read_bytes(), path.relative_to(root).as_posix())
        files = tuple(_sealed(keys, path.parent, file) for file in manifest.files)
        path.write_bytes(encode(_for(manifest, files, keys.recipients)))
    for path in sorted(root.glob("wal/*/*.gz")):
        keys.seal(path)
        path.rename(path.with_name(f"{path.name}{SEALED}"))


def _sealed(keys: Keys, folder: Path, file: File) -> File:
    path = folder / file.name
    if file.name != OPEN:
        keys.seal(path)
    size, digest = measured(path)
    return msgspec.structs.replace(file, stored_size=size, stored_sha256=digest)


def _for(manifest: Manifest, files: tuple[File, ...], recipients: tuple[str, ...]) -> Manifest:
    return msgspec.structs.replace(manifest, files=files, recipients=recipients)
