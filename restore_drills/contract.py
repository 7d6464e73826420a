"""What release.toml says of its backups."""

from __future__ import annotations

from restore_drills.application import Application
from restore_drills.backups.dump import Dump
from restore_drills.levels import Level
from restore_drills.own.contract import Own


class Backup(Dump, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`[backup]`: the commands that the release's own backups are made by, and how much of a copy is looked at.

    `application` says how the application is started on a restored copy, `own` where the backups lie that are made
    anyway.
    """

    level: Level = "full"
    application: Application | None = None
    own: Own | None = None
