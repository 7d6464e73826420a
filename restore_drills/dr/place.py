"""Where the drill's backup goes: into the repository that the release keeps, or into one that is gone afterwards."""

from __future__ import annotations

import contextlib
from pathlib import Path

import msgspec

from evidence.errors import InputError
from evidence.release import Release
from fixtures.folder import temporary
from restore_drills.backups import take
from restore_drills.backups.config import Config
from restore_drills.backups.crypt import Keys
from restore_drills.backups.dump import OURS, Dump
from restore_drills.backups.model import Manifest
from restore_drills.backups.programs import Programs, Say, Tell, facts
from restore_drills.backups.repository import Repository
from restore_drills.backups.store import HIDDEN, Folder
from restore_drills.contract import Backup
from restore_drills.own import repository
from restore_drills.own.contract import Own

WAIT_S = 600.0
"""Named wait: for a run of `nox -s backup` on this machine to end, before anything is closed."""
KILLED_WAIT_S = 30.0
"""Named wait: for what a killed drill has started to end; its watchman gives up after a minute."""


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """A repository, held for as long as the drill lasts; `dsn` is who backs up, and `how` by which commands.

    `kept` is the name of the store where it is the release's own.
    """

    repository: Repository
    handle: int
    dsn: str
    how: Dump
    root: Path | None = None
    kept: str = ""

    def back_up(self, programs: Programs) -> Manifest:
        """Take a dump of the database, with a fingerprint of every row in it."""
        return take.logical(self.repository, programs, self.dsn, self.how, self.root)

    def cleared(self, taken: Manifest) -> str:
        """Take the drill's backup out of a store that is kept; say why it stays, where nobody may remove it.

        It comes back closed for writing, with a word of the drill in it: nobody should restore it in a real disaster,
        nor should the next drill take it for the newest.
        """
        try:
            self.repository.remove(taken)
        except InputError as problem:
            return f"{taken.id} stays in the store, and comes back closed for writing; remove it: {problem}"
        return ""


def of(release: Release, dsn: str, say: Tell, stack: contextlib.ExitStack) -> Place:
    """Open it and keep everybody else out, until `stack` is over; InputError where what is kept is of another database.

    What is kept is settled first, as before every run that writes.
    """
    how = release.section("backup", Backup)
    folder = stack.enter_context(temporary("release-verification-dr-"))
    if how.own is None or not how.own.repository:
        own = Repository(Folder(folder / "store"), folder / "store" / HIDDEN, Keys(), say)
        return Place(repository=own, handle=stack.enter_context(own.lock()), dsn=dsn, how=how, root=release.root)
    config = repository.settings(how.own, release.root)
    _refuse(config, how.own, dsn)
    kept = repository.opened(how.own, release.root, folder, say)
    handle = stack.enter_context(kept.lock(WAIT_S))
    kept.settle()
    return Place(repository=kept, handle=handle, dsn=config.database, how=OURS, kept=kept.store.name)


def cleared(release: Release, name: str) -> None:
    """Take the backup of a drill that was killed out of the store that is kept, once its programs have ended."""
    own = release.section("backup.own", Own)
    kept = repository.settings(own, release.root).repository(Say(quiet=True))
    with kept.lock(KILLED_WAIT_S):
        for one in kept.manifests():
            if one.id == name:
                kept.remove(one)


def _refuse(config: Config, own: Own, dsn: str) -> None:
    """Refuse a repository of another database: its newest backup would be of this one."""
    there, here = facts(config.database), facts(dsn)
    if (there.system_identifier, there.database) != (here.system_identifier, here.database):
        msg = (
            f"{config.path}: `database` is {there.database!r} on server {there.system_identifier}, and the drill is on"
            f" {here.database!r} on server {here.system_identifier}: name a backup.toml of this one as `repository` of"
            " [backup.own]"
        )
        raise InputError(msg)
    if config.recipients and not own.key:
        msg = f"{config.path}: `recipients` seal every backup, and [backup.own] names no `key` that opens one again"
        raise InputError(msg)
