"""What release.toml says of the backups that a team makes anyway."""

from __future__ import annotations

from typing import Literal

import msgspec

from evidence.errors import InputError

Command = tuple[str, ...]
DATA, ADDRESS, FOLDER = "{data}", "{dsn}", "{folder}"
"""A fresh data directory; the address of a database on a fresh server; a scratch folder that is gone afterwards."""


class Own(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`[backup.own]`: where the backups lie and how they are read. Nothing is ever written there.

    `fetch` brings them into `{folder}` first, where they lie elsewhere; PG* variables name the source. Of what `path`
    fits, the newest is restored, whatever it is: plain SQL (also packed by gzip), what pg_restore reads, or a base
    backup, plain or tar, with the archived log in `wal`. `globals` are the roles, as pg_dumpall writes them. Or
    `restore` is a command of their own tool: into `{data}`, or into the server that `{dsn}` and PG* variables name. Or
    `repository` is the backup.toml of `nox -s backup`, and `kind` which of the backups there, if not what leads
    farthest; `key` is the command that prints age's secret key, where they are sealed. The monthly drill takes its
    backup into that repository, too.

    `newest` is a statement that tells the moment of the newest row. `superuser` is who to come as on data files,
    `database` which one to look at where the copy has several.
    """

    newest: str
    path: str = ""
    globals: str = ""
    wal: str = ""
    fetch: Command = ()
    restore: Command = ()
    repository: str = ""
    kind: Literal["", "physical", "logical"] = ""
    key: Command = ()
    superuser: str = "postgres"
    database: str = ""

    def __post_init__(self) -> None:
        """Refuse what cannot be meant."""
        if sum(map(bool, (self.path, self.restore, self.repository))) != 1:
            msg = (
                "`path` says where backups lie, `restore` is the command that brings one back, `repository` the"
                " backup.toml of `nox -s backup`: give one of them"
            )
            raise ValueError(msg)
        if self.restore and (self.wal or self.globals):
            msg = "`restore` brings everything back by itself: `wal` and `globals` go with `path`"
            raise ValueError(msg)
        if self.repository and (self.fetch or self.wal or self.globals):
            msg = "`repository` brings everything by itself: `fetch`, `wal` and `globals` go with `path`"
            raise ValueError(msg)
        if not self.repository and (self.kind or self.key):
            msg = "`kind` and `key` go with `repository`"
            raise ValueError(msg)

    @property
    def into_data(self) -> bool:
        """Whether the team's tool writes data files, which we then start a server on."""
        return any(DATA in part for part in self.restore)


class Unfit(InputError):
    """What was named is no backup that can be read; the message names it and the mend."""
