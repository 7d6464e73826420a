"""What release.toml says of its backups."""

from __future__ import annotations

from restore_drills.backups.dump import Dump


class Backup(Dump, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`[backup]`: the commands that the release's own backups are made by."""
