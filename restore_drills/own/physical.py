"""Base backups: laid out beside the original, held against their manifest, with the log that was archived since."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

from evidence.errors import InputError
from fixtures.server import own
from restore_drills.backups.model import Damaged
from restore_drills.backups.programs import ProgramFailed, Programs, Tell
from restore_drills.backups.restore import RECOVERY, Target, at_least
from restore_drills.backups.timelines import SEGMENT, forks, number
from restore_drills.backups.wal import KEPT, Archive, Kept
from restore_drills.own.contract import Unfit
from restore_drills.own.form import pieces, unpacked

STARTS = re.compile(r"^START WAL LOCATION: \S+ \(file ([0-9A-F]{24})\)", re.MULTILINE)
LABEL, MANIFEST = "backup_label", "backup_manifest"


def programs_for(data: Path) -> Programs:
    """Find the programs that data files need; Unfit where there are no data files, or no such programs."""
    if not (version := data / "PG_VERSION").exists():
        msg = f"{data.name}: holds no data files of PostgreSQL: there is no PG_VERSION"
        raise Unfit(msg)
    try:
        return Programs().of(int(version.read_text()))
    except InputError as problem:
        raise Unfit(str(problem)) from None


def lay_out(backup: Path, log: Path | None, folder: Path, say: Tell) -> dict[str, str]:
    """Write data files into `folder`/data; give the settings to recover with. Unfit where the backup is not whole."""
    data = folder / "data"
    say(f"lay out {backup.name}")
    _laid(backup, data)
    (data / "standby.signal").unlink(missing_ok=True)  # of a standby's backup: the copy would follow for ever
    return {**Target().settings(), **settle(data, log, folder, say)}


def settle(data: Path, log: Path | None, folder: Path, say: Tell) -> dict[str, str]:
    """Prove data files as far as they can prove themselves, and bring the log; give the settings to recover with."""
    programs = programs_for(data)
    if not (data / LABEL).exists():
        msg = f"{LABEL} is missing: a server starts on such files all the same, and on mixed pages; take a base backup"
        raise Unfit(msg)
    if (data / MANIFEST).exists():
        say("hold every file against the manifest")
        # What of the log the backup needs may lie in the archive alone.
        parse = ["--no-parse-wal"] if log else []
        try:
            programs.run("pg_verifybackup", "--exit-on-error", *parse, str(data))
        except ProgramFailed as problem:
            raise Unfit(str(problem)) from None
    data.chmod(0o700)
    if (data / "standby.signal").exists():  # a tool that was told to make a standby: the copy would follow for ever
        (data / "standby.signal").rename(data / "recovery.signal")
    settings = {**RECOVERY, **at_least(programs, data)}
    if log is None:
        return settings
    say(f"gather the log of {log.name}")
    _gathered(log, data, folder / "wal", programs)
    (data / "recovery.signal").touch()
    quoted = shlex.quote(str(folder / "wal")).replace("%", "%%")
    return {**settings, "restore_command": f'cp {quoted}/%f "%p"'}


def _laid(backup: Path, data: Path) -> None:
    if backup.is_file():
        unpacked(backup, data)
        return
    if (backup / "PG_VERSION").exists():
        # tar's sparse and link handling is not needed; cp shares blocks where the file system can.
        subprocess.run(["cp", "-a", "--reflink=auto", str(backup), str(data)], check=True, capture_output=True)  # noqa: S603, S607
        return
    if spaces := [path.name for path in backup.glob("[0-9]*.tar*")]:
        msg = f"{backup}: has tablespaces ({', '.join(spaces)}), which are not brought back here; use `restore`"
        raise Unfit(msg)
    (base,) = backup.glob("base.tar*")
    unpacked(base, data)
    for path in backup.glob("pg_wal.tar*"):
        unpacked(path, data / "pg_wal")
    if (backup / MANIFEST).exists():
        shutil.copyfile(backup / MANIFEST, data / MANIFEST)


def _gathered(log: Path, data: Path, folder: Path, programs: Programs) -> None:
    """Copy what was archived since the backup began, unpacked; a gap is refused, since recovery would end there."""
    started = STARTS.search((data / LABEL).read_text(errors="replace"))
    if started is None:
        msg = f"{LABEL}: does not say where in the log the backup begins"
        raise Unfit(msg)
    told = re.search(r"Bytes per WAL segment:\s+(\d+)", programs.run("pg_controldata", str(data)))
    assert told
    size, first = int(told[1]), started[1]
    files = {path.name.removesuffix(".gz"): path for path in sorted(log.iterdir()) if path.is_file()}
    wanted = {name: path for name, path in files.items() if KEPT.fullmatch(name) and name[8:] >= first[8:]}
    wanted |= {name: path for name, path in files.items() if name.endswith(".history")}
    _whole({**{path.name: path for path in (data / "pg_wal").iterdir()}, **wanted}, first, size, log)
    folder.mkdir(mode=0o700)
    for name, path in wanted.items():
        with (folder / name).open("wb") as target:
            target.writelines(pieces(path))
        (folder / name).chmod(0o600)
        if SEGMENT.fullmatch(name) and (there := (folder / name).stat().st_size) != size:
            msg = f"{path}: was cut short: {there} bytes, and a segment has {size}"
            raise Unfit(msg)
    own(folder)


def _whole(there: Mapping[str, Path], first: str, size: int, log: Path) -> None:
    """Follow the log from where the backup begins, along its timelines, to its end; Unfit where it is broken."""
    histories = {}
    for name in there:
        if name.endswith(".history"):
            histories[int(name[:8], 16)] = forks(b"".join(pieces(there[name])).decode(errors="replace"))
    archive = Archive("", tuple(Kept(name, "", "") for name in there if KEPT.fullmatch(name)), histories)
    try:
        missing = next(archive.missing(int(first[:8], 16), number(first, size) * size, size), "")
    except Damaged as problem:
        msg = f"{log}: {problem}"
        raise Unfit(msg) from None
    if missing or not archive.segments(int(first[:8], 16), size):
        msg = f"{log / (missing or first)}: is missing: recovery would end before it as if that were the end"
        raise Unfit(msg)
