"""`release.toml`: what is being verified. Each stage reads its own table of it, strictly."""

from __future__ import annotations

import hashlib
import os
import subprocess
import tomllib
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from evidence.errors import InputError

Section = TypeVar("Section")
Command = tuple[str, ...]


class Source(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`[source]`: the tree that is released, and the commands that check it (any language).

    `paths` are what the source digest covers. `{junit}` in `unit` is replaced by the path that its JUnit file goes to.
    """

    paths: tuple[str, ...]
    lint: tuple[Command, ...] = ()
    types: tuple[Command, ...] = ()
    unit: Command = ()
    requirements: tuple[str, ...] = ()


class Release(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`release.toml`, read. The tables below `source` belong to whoever uses them; `section` decodes one.

    `waivers` names the file of what the release's owners answer for: `[[waivers]]` and `[[accepted]]`.
    """

    name: str
    version: str
    source: Source
    waivers: str = ""
    not_applicable: dict[str, str] = msgspec.field(default_factory=dict)
    target: dict[str, Any] = msgspec.field(default_factory=dict)
    health: dict[str, Any] = msgspec.field(default_factory=dict)
    api: dict[str, Any] = msgspec.field(default_factory=dict)
    database: dict[str, Any] = msgspec.field(default_factory=dict)
    security: dict[str, Any] = msgspec.field(default_factory=dict)
    smoke: dict[str, Any] = msgspec.field(default_factory=dict)
    load: dict[str, Any] = msgspec.field(default_factory=dict)
    backup: dict[str, Any] = msgspec.field(default_factory=dict)
    path: Path = Path("release.toml")

    @property
    def root(self) -> Path:
        """The folder that every relative path and command of `release.toml` starts from."""
        return self.path.parent

    @property
    def waivers_path(self) -> Path | None:
        """The file that `waivers` names."""
        return self.root / self.waivers if self.waivers else None

    def section(self, name: str, shape: type[Section]) -> Section:
        """Decode the table `name` (dotted for a table inside) into `shape`; InputError names file and field."""
        table: Any = self
        for part in name.split("."):
            table = table.get(part) if isinstance(table, dict) else getattr(table, part)
            if table is None:
                break
        if not table:
            msg = f"{self.path}: [{name}] is not declared; declare it, or say why not under [not_applicable]"
            raise Undeclared(msg)
        return convert(table, shape, f"{self.path}: [{name}]")


class Undeclared(InputError):
    """A check needs a table that `release.toml` does not have: that check is SKIPPED, which nothing passes on."""


class Identity(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which release a run looked at. `digest` covers every byte of `[source] paths` and of `release.toml`."""

    name: str
    version: str
    digest: str
    commit: str | None
    dirty: bool | None


def convert(value: object, shape: type[Section], where: str) -> Section:
    """Decode plain data into `shape`; InputError says where, which field and what was wrong."""
    try:
        return msgspec.convert(value, shape)
    except msgspec.ValidationError as error:
        msg = f"{where}: {error}"
        raise InputError(msg) from None


def load(path: Path) -> Release:
    """Read `release.toml`; InputError where it is missing, is not TOML, or has a wrong field."""
    path = path.absolute()
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        msg = f"{path}: cannot be read ({error.strerror}); name another with --release"
        raise InputError(msg) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        msg = f"{path}: is not valid TOML: {error}"
        raise InputError(msg) from None
    if "path" in data:
        msg = f"{path}: unknown key `path`"
        raise InputError(msg)
    release = convert(data, Release, str(path))
    for check, reason in release.not_applicable.items():
        if not reason.strip():
            msg = f"{path}: [not_applicable] {check} needs a reason"
            raise InputError(msg)
    return msgspec.structs.replace(release, path=path)


def identify(release: Release) -> Identity:
    """Digest the source (SHA-256 over sorted names and contents) and ask Git for commit and state."""
    digest = hashlib.sha256()
    for path in _files(release):
        content = path.read_bytes()
        digest.update(f"{path.relative_to(release.root).as_posix()}\0{len(content)}\0".encode())
        digest.update(content)
    commit, dirty = _git(release)
    return Identity(
        name=release.name, version=release.version, digest=f"sha256:{digest.hexdigest()}", commit=commit, dirty=dirty
    )


def _files(release: Release) -> list[Path]:
    found = {release.path}
    for name in release.source.paths:
        top = release.root / name
        if not top.exists():
            msg = f"{release.path}: [source] paths: {name!r} does not exist"
            raise InputError(msg)
        inside = {top} if top.is_file() else {path for path in top.rglob("*") if path.is_file()}
        if not inside:
            msg = f"{release.path}: [source] paths: {name!r} holds no file"
            raise InputError(msg)
        found |= inside
    return sorted(path for path in found if "__pycache__" not in path.parts and path.suffix != ".pyc")


def _git(release: Release) -> tuple[str | None, bool | None]:
    def git(*arguments: str) -> str:
        environment = {**os.environ, "GIT_OPTIONAL_LOCKS": "0"}
        command = ["git", "-c", "safe.directory=*", "-C", str(release.root), *arguments]
        return subprocess.run(command, check=True, capture_output=True, text=True, env=environment).stdout.strip()  # noqa: S603

    try:
        if git("rev-parse", "--is-inside-work-tree") != "true":
            return None, None
        return git("rev-parse", "HEAD"), bool(git("status", "--porcelain", "--", *release.source.paths))
    except (OSError, subprocess.CalledProcessError):
        return None, None
