"""What release.toml says of its backups."""

from __future__ import annotations

import msgspec

from restore_drills.application import Application
from restore_drills.backups.dump import Dump
from restore_drills.dr.contract import Dr
from restore_drills.failover import Failover
from restore_drills.incident import Breach
from restore_drills.levels import Level
from restore_drills.own.contract import Own
from restore_drills.region import Region
from restore_drills.rollback import Rollback


class Drills(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`[backup.drills]`: what drills other than that of the loss need to be told.

    `restore_into` allows a server that is given (RELEASE_RESTORE_POSTGRES): it is the database in its address.
    `leave_server` is the reason why nobody may take the database's server away, where that is so.
    """

    restore_into: str = ""
    leave_server: str = ""
    failover: Failover | None = None
    region: Region | None = None
    rollback: Rollback | None = None
    breach: Breach | None = None


class Backup(Dump, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`[backup]`: the commands that the release's own backups are made by, and how much of a copy is looked at.

    `application` says how the application is started on a restored copy, `own` where the backups lie that are made
    anyway, `dr` what the monthly drill leaves and whom it tells.
    """

    level: Level = "full"
    application: Application | None = None
    drills: Drills | None = None
    own: Own | None = None
    dr: Dr | None = None
