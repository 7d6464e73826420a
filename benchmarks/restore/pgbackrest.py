"""pgBackRest, on a server that it knows; measured against a plain copy of that server's own data directory."""

from __future__ import annotations

import os
import shutil
import subprocess
from functools import partial
from pathlib import Path

from psycopg import conninfo

from benchmarks.restore.rounds import Task, told
from benchmarks.restore.ways import asked, copied
from benchmarks.restore.world import PROGRAMS, stopped
from fixtures.embedded import Embedded, made
from fixtures.guard import Guard
from fixtures.server import server_user
from restore_drills.backups.programs import PLACES, Programs
from restore_drills.backups.restore import RECOVERY
from restore_drills.backups.restored import restored

MAJOR = 15
"""The newest server that Debian 12's pgBackRest, 2.45, knows."""
LIMIT = f"plain copy of a data directory of PostgreSQL {MAJOR}: the limit of pgBackRest"
TITLE = f"pgBackRest, full backup, zstd, PostgreSQL {MAJOR}"
CONFIG = """
[global]
repo1-path={root}/repository
log-path={root}/log
lock-path={root}/lock
spool-path={root}/spool
log-level-console=error
log-level-stderr=error
compress-type=zst
process-max={cores}
start-fast=y

[{stanza}]
pg1-path={root}/data
pg1-port={port}
pg1-socket-path={root}
pg1-user={user}
"""
STANZA = "benchmark"


def absent() -> str:
    """Say what is not here; nothing where everything is."""
    if not shutil.which("pgbackrest"):
        return "not here: no pgbackrest"
    return "" if programs() else f"not here: no PostgreSQL {MAJOR}"


def programs() -> Path | None:
    """Find the programs of that version."""
    return next((path for place in PLACES if (path := Path(place.format(major=MAJOR))).is_dir()), None)


def ways(root: Path, scale: int) -> dict[str, Task]:
    """Fill a server, back it up, stop it; nothing where something is not here."""
    if why := absent():
        told(why)
        return {}
    told(f"fill a server of PostgreSQL {MAJOR}, and back it up by pgBackRest")
    root.mkdir()
    with Guard() as guard:
        guard.directory(root)
        archive = f"pgbackrest --config={root}/conf --stanza={STANZA} archive-push %p"
        settings = {"archive_mode": "on", "archive_command": archive, "unix_socket_directories": str(root)}
        server = made(root, guard, {**settings, "max_wal_size": "8GB"}, programs())
        server.start()
        try:
            who = _backed_up(server, root, scale)
        finally:
            server.stop()
    plain = stopped(root / "data", Programs(folder=programs()))
    return {
        LIMIT: Task(partial(copied, plain, who, programs=programs()), (plain,)),
        TITLE: Task(partial(brought_back, root, who), (root / "repository",)),
    }


def _backed_up(server: Embedded, root: Path, scale: int) -> str:
    told_of = conninfo.conninfo_to_dict(server.dsn)
    user, port = str(told_of["user"]), str(told_of["port"])
    text = CONFIG.format(root=root, cores=os.cpu_count(), stanza=STANZA, port=port, user=user)
    (root / "conf").write_text(text)
    PROGRAMS.run("pgbench", "--initialize", f"--scale={scale}", "--quiet", dsn=server.dsn)
    for command in ("stanza-create", "backup"):
        run(root, command, password=str(told_of["password"]))
    return user


def brought_back(root: Path, superuser: str, folder: Path) -> float:
    """Restore by it, which holds every file against its checksum, recover, ask."""
    data = folder / "data"
    data.mkdir(parents=True)
    for path in (folder, data):
        path.chmod(0o700)
        if user := server_user():
            os.chown(path, *user)
    run(root, "restore", f"--pg1-path={data}", "--type=immediate", "--archive-mode=off")
    with restored(folder, superuser, RECOVERY, programs()) as server:
        return asked(server.address())


def run(root: Path, *arguments: str, password: str = "") -> None:
    """Run it as the server's own user, as it wants to be."""
    user, group = server_user() or (None, None)
    subprocess.run(
        ["pgbackrest", f"--config={root}/conf", f"--stanza={STANZA}", *arguments],
        env={**os.environ, "PGPASSWORD": password}, cwd=root, user=user, group=group,
        extra_groups=None if user is None else [], check=True,
    )  # fmt: skip
