"""What each command does, and what it tells machines. Who writes holds the lock, and has settled what was cut short."""

from __future__ import annotations

import argparse
import datetime as dt
from collections.abc import Callable, Mapping, Sequence

from evidence.errors import InputError
from restore_drills.backups import away, choice, looks, offsite, proof, restore, retention, shipping, take, wal
from restore_drills.backups.begun import EMPTY, begun
from restore_drills.backups.config import Config
from restore_drills.backups.findings import Finding, Planned, find, named
from restore_drills.backups.model import Manifest, by_id, lsn
from restore_drills.backups.programs import Programs, facts, human
from restore_drills.backups.repository import MANIFEST, Repository

Told = dict[str, object]


def full(config: Config, repository: Repository, programs: Programs, options: argparse.Namespace) -> Told:
    """Take a full backup."""
    del options
    return _taken(config, repository, take.physical(repository, programs, config.database, None))


def incremental(config: Config, repository: Repository, programs: Programs, options: argparse.Namespace) -> Told:
    """Take what changed since the newest physical backup, or since the newest full one."""
    wanted = ("full",) if options.since == "full" else ("full", "incremental")
    server = facts(config.database).system_identifier
    parents = [one for one in repository.manifests() if one.kind in wanted and one.system_identifier == server]
    if not parents:
        msg = f"{repository.store.name}: has no full backup of this server to go on from; take `full` first"
        raise InputError(msg)
    # The log says which is newest: a clock may have jumped back.
    newest = max(parents, key=lambda one: (one.timeline, lsn(one.end_lsn), one.started))
    return _taken(config, repository, take.physical(repository, programs, config.database, newest))


def logical(config: Config, repository: Repository, programs: Programs, options: argparse.Namespace) -> Told:
    """Dump one database."""
    del options
    return _taken(config, repository, take.logical(repository, programs, config.database))


def ship(config: Config, repository: Repository, programs: Programs, options: argparse.Namespace) -> Told:
    """Bring the log into the store."""
    del programs, options
    if not config.wal:
        msg = f"{config.path}: `wal` is missing: the folder that the server's archive_command writes to"
        raise InputError(msg)
    shipped = shipping.ship(repository, config.inside(config.wal))
    repository.say(f"shipped {len(shipped)} files of the log")
    return {"shipped": shipped}


def show(config: Config, repository: Repository, programs: Programs, options: argparse.Namespace) -> Told:
    """List backups, why each is kept, and the log."""
    del programs, options
    manifests, damaged = repository.readable()
    plan = retention.plan(manifests, config.keep)
    for one in manifests:
        why = ", ".join(plan.keep.get(one.id, ("will be pruned",)))
        moved = f"; while it was written to ({_moved(one)})" if one.content.bound == "moving" else ""
        repository.say(f"{one.id}  {human(one.stored_size):>9}  {one.start_lsn} to {one.end_lsn}  {why}{moved}")
    if not begun(repository.store):
        repository.say(f"{repository.store.name}: {EMPTY}")
    backups = [{**_told(one), "keep": plan.keep.get(one.id, ())} for one in manifests]
    log = {archive.system_identifier: len(archive.kept) for archive in archives(repository, manifests)}
    return {"backups": backups, "log": log, "damaged": damaged, "store": _protection(repository, manifests)}


def verify(config: Config, repository: Repository, programs: Programs, options: argparse.Namespace) -> Told:
    """Look for what is wrong, byte by byte; or restore and compare row by row."""
    manifests, damaged = repository.readable()
    chosen = _chosen(manifests, options.id, newest=options.restore)
    found, unproven = [named(text) for text in damaged], list[Finding]()
    for one in chosen:
        repository.say(f"verify {one.id}")
        if options.restore:
            found += proof.restored(repository, programs, one, unproven.append)
        else:
            found += proof.stored(repository, one)
    if options.id is None:
        followed = [archive.followed(repository) for archive in archives(repository, manifests)]
        planned = Planned(config.keep, config.log_every, apart=options.offsite, retired=config.retired)
        found += find(manifests, followed, config.every, dt.datetime.now(dt.UTC), planned)
        found += away.looked(config, repository, manifests, planned)
    for remark in unproven:
        repository.say(f"NOT COMPARED {remark.place}: {remark.problem}")
    for finding in found:
        repository.say(f"FOUND {finding.place}: {finding.problem}")
    if not chosen:
        found.append(Finding(repository.store.name, "holds no backup: nothing was verified"))
    protection = _protection(repository, chosen)
    verified = [one.id for one in chosen]
    told: Told = {"verified": verified, "restored": options.restore, "findings": found, "store": protection}
    return {**told, "not_compared": unproven} if options.restore else told


def prune(config: Config, repository: Repository, programs: Programs, options: argparse.Namespace) -> Told:
    """Show what goes; remove it where that is confirmed."""
    del programs
    manifests = repository.manifests()
    log = [kept for archive in archives(repository, manifests) for kept in archive.kept]
    plan = retention.plan(manifests, config.keep, log)
    for one in plan.remove:
        repository.say(f"{'remove' if options.yes else 'would remove'} {one.id} ({human(one.stored_size)})")
        if options.yes:
            repository.remove(one)
    repository.say(f"{'remove' if options.yes else 'would remove'} {len(plan.log)} files of the log")
    for kept in plan.log if options.yes else ():
        repository.store.delete(kept.key)
    gone = [one.id for one in plan.remove]
    return {"removed": options.yes, "backups": gone, "log": [kept.name for kept in plan.log], "keep": plan.keep}


def bring_back(config: Config, repository: Repository, programs: Programs, options: argparse.Namespace) -> Told:
    """Restore data files and recover; fetch the files of a dump."""
    del config
    target = restore.Target.of(options.until)
    one = choice.chosen(repository, options.id, target)
    if not one.physical:
        folder = restore.fresh(options.to)
        folder.chmod(0o700)  # no server reads it, and the roles have their passwords with them
        proof.fetch(repository, one, folder)
        repository.say("fetched; restore globals.sql by psql, then dump/ by pg_restore --create")
        return {**_told(one), "to": str(options.to)}
    with restore.recovered(repository, programs, one, target, options.to) as server:
        reached = looks.moment(server.address()).lsn
    repository.say(f"recovered to {reached} in {options.to / 'data'}; start it with pg_ctl, archiving is off")
    return {**_told(one), "to": str(options.to / "data"), "reached": reached}


Command = Callable[[Config, Repository, Programs, argparse.Namespace], Told]
COMMANDS: Mapping[str, Command] = {
    "full": full,
    "incremental": incremental,
    "logical": logical,
    "wal": ship,
    "offsite": offsite.command,
    "list": show,
    "verify": verify,
    "prune": prune,
    "restore": bring_back,
}
LOOKS = ("list", "prune", "offsite")
"""What may go on beside whatever else is at work on the store: it reads manifests alone (`prune --yes` writes), or, as
`offsite`, whole objects, and locks the store that it writes to."""


def writes(options: argparse.Namespace) -> bool:
    """Tell whether the command changes the store."""
    return options.command not in ("list", "verify", "restore", "prune", "offsite") or getattr(options, "yes", False)


def _taken(config: Config, repository: Repository, manifest: Manifest) -> Told:
    if config.wal and manifest.physical:
        shipping.ship(repository, config.inside(config.wal))
    return _told(manifest)


def _told(one: Manifest) -> Told:
    seconds = round((one.finished - one.started).total_seconds(), 3)
    return {
        "id": one.id, "kind": one.kind, "finished": one.finished, "seconds": seconds, "bytes": one.size,
        "stored_bytes": one.stored_size, "start_lsn": one.start_lsn, "end_lsn": one.end_lsn, "parents": one.parents,
        "content": one.content,
    }  # fmt: skip


def _moved(one: Manifest) -> str:
    moved = one.content.moved
    return "nothing is known of it" if moved is None else f"{moved} of {one.content.tables} tables"


def _chosen(manifests: Sequence[Manifest], name: str | None, *, newest: bool) -> list[Manifest]:
    if name is None:
        return list(manifests[-1:] if newest else manifests)
    if name not in by_id(manifests):
        msg = f"{name}: is no backup of this store; `list` shows them"
        raise InputError(msg)
    return [by_id(manifests)[name]]


def _protection(repository: Repository, manifests: Sequence[Manifest]) -> dict[str, str]:
    """Tell what the store does for the newest of them, beside what we do ourselves."""
    if not manifests:
        return {}
    told = repository.store.protection(f"backups/{manifests[-1].id}/{MANIFEST}")
    repository.say(f"the store's own encryption: {told.encryption}; its object lock: {told.lock}")
    return told._asdict()


def archives(repository: Repository, manifests: Sequence[Manifest]) -> list[wal.Archive]:
    """List the log of every server that was backed up."""
    servers = sorted({one.system_identifier for one in manifests})
    return [wal.Archive.read(repository, server) for server in servers]
