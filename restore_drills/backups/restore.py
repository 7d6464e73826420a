"""Bring a physical backup back: its inputs are proven, its chain is joined, the log is laid out, a server recovers."""

from __future__ import annotations

import contextlib
import datetime as dt
import re
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec

from evidence.errors import InputError
from fixtures.server import NotStarted, OnFiles
from restore_drills.backups.model import OPEN, Damaged, Manifest, lsn
from restore_drills.backups.programs import Programs
from restore_drills.backups.repository import Repository
from restore_drills.backups.restored import restored
from restore_drills.backups.unpack import untar
from restore_drills.backups.wal import Archive, Kept, gathered

# What a standby must not have less of than its primary had; pg_controldata knows.
AT_LEAST = {
    "max_connections setting": "max_connections",
    "max_worker_processes setting": "max_worker_processes",
    "max_wal_senders setting": "max_wal_senders",
    "max_prepared_xacts setting": "max_prepared_transactions",
    "max_locks_per_xact setting": "max_locks_per_transaction",
}
JOINED = ("--no-manifest", "--no-sync")
"""A manifest of what was joined would prove nothing: the members' have been held."""
LINKS_FROM = 180000
"""Before this no file can be shared with the member that alone has it."""
TARGETS = tuple(f"recovery_target{which}" for which in ("", "_lsn", "_name", "_time", "_xid"))
RECOVERY = {"recovery_target_action": "promote", "recovery_init_sync_method": "syncfs"}


class Target(msgspec.Struct, frozen=True):
    """How far to recover: `latest` (all of the log that is here), `backup` (its own end), a moment, or a place."""

    kind: str = "latest"
    value: str = ""

    @classmethod
    def of(cls, text: str) -> Target:
        """Read what a person wrote; InputError says what can be written."""
        if text in ("latest", "backup"):
            return cls(text)
        if re.fullmatch(r"[0-9A-Fa-f]{1,8}/[0-9A-Fa-f]{1,8}", text):
            return cls("lsn", text.upper())
        with contextlib.suppress(ValueError):
            moment = dt.datetime.fromisoformat(text)
            if moment.tzinfo:
                return cls("time", moment.astimezone(dt.UTC).isoformat(sep=" "))
        msg = f"--until {text!r}: give latest, backup, a place like 0/3000028, or a moment like 2026-11-25T08:00:00Z"
        raise InputError(msg)

    def settings(self) -> dict[str, str]:
        """Say it to the server, whatever a recovery of the source's own has left in its files."""
        chosen = f"recovery_target_{self.kind}" if self.kind in ("lsn", "time") else ""
        # The one that counts has to come last: each refuses to be set, even to nothing, where another one is.
        told = {name: "" for name in TARGETS if name != chosen}
        told |= {"recovery_target_timeline": "latest", "recovery_min_apply_delay": "0"}
        # Up to a place means everything before it, as the fingerprint that is bound to the place was taken.
        told["recovery_target_inclusive"] = "off" if self.kind == "lsn" else "on"
        return {**told, chosen: self.value} if chosen else told


def choose(manifests: Sequence[Manifest], target: Target) -> Manifest:
    """Choose the newest physical backup that ends before the target: the least log to replay.

    Of one server's backups the log says which is newest: a clock may have jumped back.
    """
    fitting = [one for one in manifests if one.physical and _ends_before(one, target)]
    if not fitting:
        msg = f"no physical backup ends before {target.value or target.kind}; `list` shows what there is"
        raise InputError(msg)
    server = max(fitting, key=lambda one: one.finished).system_identifier
    own = [one for one in fitting if one.system_identifier == server]
    return max(own, key=lambda one: (one.timeline, lsn(one.end_lsn), one.finished))


def lay_out(
    repository: Repository, programs: Programs, manifest: Manifest, target: Target, folder: Path
) -> dict[str, str]:
    """Write data files and log into `folder`, which is fresh; give the settings that the server recovers with.

    `data` gets its name when all of it is there, and archives nothing from then on, whoever starts it.
    """
    members = repository.chain(manifest)
    command = ""
    if segments := _log(repository, manifest, target):
        # First, since it is the least: what is damaged or missing of it is told before hours of fetching.
        repository.say(f"fetch {len(segments)} segments of the log")
        command = gathered(repository, segments, folder / "wal")
    data = folder / "data.part"
    places = [data] if len(members) == 1 else [folder / "members" / member.id for member in members]
    for member, place in zip(members, places, strict=True):
        repository.say(f"fetch {member.id}")
        _extract(repository, programs, member, place, stays=len(members) == 1)
    if len(members) > 1:
        repository.say(f"join {len(members)} backups")
        programs.run("pg_combinebackup", *joined(manifest.server_version), f"--output={data}", *map(str, places))
        shutil.rmtree(folder / "members")
    (data / "postgresql.conf").touch()  # some keep it elsewhere
    (data / "standby.signal").unlink(missing_ok=True)  # of a standby's backup: the copy would follow for ever
    settings = {**RECOVERY, **at_least(programs, data), **target.settings()}
    if command:
        (data / "recovery.signal").touch()
        settings["restore_command"] = command
    with (data / "postgresql.auto.conf").open("a") as file:
        file.write("\narchive_mode = off\n")
    data.rename(folder / "data")
    return settings


@contextlib.contextmanager
def recovered(
    repository: Repository, programs: Programs, manifest: Manifest, target: Target, folder: Path
) -> Iterator[OnFiles]:
    """Restore into `folder` and run the server there, recovered, isolated, and archiving nothing."""
    fresh(folder)
    programs = programs.of(manifest.server_version // 10000)
    with contextlib.ExitStack() as stack:
        try:
            settings = lay_out(repository, programs, manifest, target, folder)
            repository.say(f"recover until {target.value or target.kind}")
            server = stack.enter_context(restored(folder, manifest.superuser, settings, programs.other))
        except BaseException as error:
            shutil.rmtree(folder, ignore_errors=True)  # a half restored copy must not be taken for a whole one
            if isinstance(error, NotStarted):
                raise Damaged(_explained(str(error), manifest, target)) from None
            raise
        repository.say("the restored server answers")
        yield server
    shutil.rmtree(folder / "wal", ignore_errors=True)


def fresh(folder: Path) -> Path:
    """Make a folder to restore into; InputError where there is something in it."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if any(folder.iterdir()):
            msg = f"--to {folder}: is not empty, and nothing is ever restored over something; name a new folder"
            raise InputError(msg)
        folder.chmod(0o711)  # the server's own user passes through
    except OSError as error:
        msg = f"--to {folder}: cannot be used ({error.strerror}); name another folder"
        raise InputError(msg) from None
    return folder


def joined(version: int) -> tuple[str, ...]:
    """Say how backups of a server of this version are joined."""
    return (*JOINED, "--link") if version >= LINKS_FROM else JOINED


def _log(repository: Repository, manifest: Manifest, target: Target) -> list[Kept]:
    if target.kind == "backup":
        return []
    archive = Archive.read(repository, manifest.system_identifier).followed(repository)
    return archive.since(manifest, lsn(target.value) if target.kind == "lsn" else None)


def _extract(repository: Repository, programs: Programs, member: Manifest, place: Path, *, stays: bool) -> None:
    place.mkdir(parents=True, mode=0o700)
    with repository.open(member, member.file(OPEN)) as file:
        (place / OPEN).write_bytes(file.read())
    for name, inside in (("base.tar", place), ("pg_wal.tar", place / "pg_wal")):
        inside.mkdir(mode=0o700, exist_ok=True)
        with repository.open(member, member.file(name)) as file:
            untar(file, inside, f"backups/{member.id}/{name}", stays=stays)
    # Its checksums were held when the backup was taken, against these very bytes, as their SHA-256 has just proven.
    programs.run("pg_verifybackup", "--exit-on-error", "--skip-checksums", str(place))


def at_least(programs: Programs, data: Path) -> dict[str, str]:
    """Say what the restored server must not have less of than the one that was backed up."""
    told = dict(line.split(":", 1) for line in programs.run("pg_controldata", str(data)).splitlines() if ":" in line)
    return {setting: told[label].strip() for label, setting in AT_LEAST.items() if label in told}


def _ends_before(manifest: Manifest, target: Target) -> bool:
    if target.kind == "lsn":
        return lsn(manifest.end_lsn) <= lsn(target.value)
    if target.kind == "time":
        return manifest.finished <= dt.datetime.fromisoformat(target.value)
    return True


def _explained(text: str, manifest: Manifest, target: Target) -> str:
    if "before configured recovery target was reached" in text:
        return (
            f"{manifest.id}: the log that is here ends before {target.value}: nothing was committed after it, or the"
            " rest was not archived; use --until latest, or ship the log (`wal`) and try again"
        )
    return f"{manifest.id}: {text}"
