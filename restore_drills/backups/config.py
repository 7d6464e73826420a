"""`backup.toml`: whose backups go where, sealed for whom, and how long they are kept."""

from __future__ import annotations

import os
import re
import tomllib
from pathlib import Path
from typing import Annotated

import msgspec

from evidence.errors import InputError
from restore_drills.backups.crypt import Keys
from restore_drills.backups.model import KINDS, Kind
from restore_drills.backups.programs import Tell
from restore_drills.backups.repository import Repository
from restore_drills.backups.retention import Rules
from restore_drills.backups.store import HIDDEN, Folder, Store

NAME = "backup.toml"
WORK = ".backup-work"
VARIABLE = re.compile(r"\$\{(\w+)\}")
Hours = Annotated[float, msgspec.Meta(gt=0)]


class Offsite(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`[offsite]`: a second store, that the newest is copied to each `every` hours; `keep` is for all kinds.

    `wal_every` says how many hours may lie between two runs, each of which brings the log; else nothing of it is late.
    """

    store: str
    every: Hours = 168.0
    wal_every: Hours | None = None
    keep: Rules = msgspec.field(default_factory=lambda: Rules(weekly=12, monthly=12))


class Config(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`${NAME}` anywhere is an environment variable: no secret stands in the file.

    `wal` is the folder that the server archives into; `keep` is by kind, and `every` says how many hours lie between
    two backups of a kind, for what was missed to be seen. `wal_every` says how many hours may lie between two segments
    of the log; as many as between two physical backups, each of which closes one, where it is not said. `retired` names
    servers, by their system identifiers, and dumped databases that are not backed up any more.
    """

    database: str
    store: str
    wal: str = ""
    wal_every: Hours | None = None
    work: str = ""
    recipients: tuple[str, ...] = ()
    keep: dict[Kind, Rules] = msgspec.field(default_factory=dict)
    every: dict[Kind, Hours] = msgspec.field(default_factory=lambda: {"full": 24.0, "incremental": 1.0})
    offsite: Offsite | None = None
    retired: tuple[str, ...] = ()
    path: Path = Path(NAME)

    @property
    def log_every(self) -> float | None:
        """Say how many hours may lie between two segments of the log; None where none is archived."""
        if not self.wal:
            return None
        return self.wal_every or min((hours for kind, hours in self.every.items() if kind != "logical"), default=24.0)

    def inside(self, name: str) -> Path:
        """Resolve a path from the file's folder."""
        return self.path.parent / name

    def repository(self, say: Tell, identity: Path | None = None) -> Repository:
        """Open the repository that it names."""
        store = self._store()
        default = store.root / HIDDEN if isinstance(store, Folder) else self.inside(WORK)
        return Repository(store, self.inside(self.work) if self.work else default, Keys(self.recipients, identity), say)

    def away(self) -> Config:
        """Give the second store as if it were the only one; InputError where there is none, or it is the first."""
        offsite = self.second
        if not any(msgspec.structs.astuple(offsite.keep)):
            msg = f"{self.path}: `[offsite.keep]` keeps nothing; give at least one count, as weekly = 12"
            raise InputError(msg)
        keep: dict[Kind, Rules] = dict.fromkeys(KINDS, offsite.keep)
        work = f"{self.work or WORK}/offsite" if "://" in offsite.store else ""
        away = msgspec.structs.replace(self, store=offsite.store, work=work, wal="", keep=keep, every={})
        if away.place == self.place:
            msg = f"{self.path}: `[offsite]` names the first store: what is lost with it must not be the copy too"
            raise InputError(msg)
        return away

    @property
    def second(self) -> Offsite:
        """What is said of the second store; InputError where there is none."""
        if self.offsite is None:
            msg = f"{self.path}: `[offsite]` is missing: the second store, that backups are copied to"
            raise InputError(msg)
        return self.offsite

    @property
    def place(self) -> str:
        """Where its store is, however that is spelt."""
        return self.store.rstrip("/") if "://" in self.store else str(self.inside(self.store).resolve())

    def _store(self) -> Store:
        if "://" not in self.store:
            return Folder(self.inside(self.store))
        if re.fullmatch(r"s3://[^/]+(/.+)?", self.store):
            from restore_drills.backups.s3 import S3  # noqa: PLC0415 - a folder needs no library

            return S3(self.store)
        msg = f"{self.path}: `store`: {self.store!r} is neither a folder nor s3://BUCKET/PREFIX"
        raise InputError(msg)


def load(path: Path) -> Config:
    """Read it strictly; InputError names file and field."""
    try:
        text = path.read_text(encoding="utf-8")
        data = tomllib.loads(VARIABLE.sub(lambda found: _variable(found[1], path), text))
        return msgspec.convert({**data, "path": path.absolute()}, Config)
    except OSError as error:
        msg = f"{path}: cannot be read ({error.strerror}); write one (README, Back up), or name it with --config"
        raise InputError(msg) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        msg = f"{path}: is not valid TOML: {error}"
        raise InputError(msg) from None
    except msgspec.ValidationError as error:
        msg = f"{path}: {error}"
        raise InputError(msg) from None


def _variable(name: str, path: Path) -> str:
    if name not in os.environ:
        msg = f"{path}: the environment variable {name} is not set"
        raise InputError(msg)
    # As in a TOML string, whatever it holds.
    return os.environ[name].replace("\\", "\\\\").replace('"', '\\"')
