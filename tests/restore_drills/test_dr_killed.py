"""A drill that is killed locks nobody out, and opens nothing that it has not closed."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import psycopg
import pyrage
import pytest

from evidence.release import Release
from fixtures.postgres import Postgres
from restore_drills.backups import config
from restore_drills.backups.programs import Say
from restore_drills.dr.rehearse import reopen
from restore_drills.escrow import NAMED
from tests.restore_drills.backups_world import execute
from tests.restore_drills.dr_world import OPEN, TREE, address, release, server

__all__ = ["release", "server"]
OPENED = "ALTER DATABASE shop RESET default_transaction_read_only"
KILLED = """
name = "shop"
version = "2"
[source]
paths = []
[target]
url = "http://127.0.0.1:1"
[target.hooks]
database_down = ["touch", "down"]
database_up = ["touch", "up"]
[backup]
dump = ["sh", "-c", "touch backing-up && sleep 60"]
"""


def test_a_drill_that_is_killed_locks_nobody_out(server: Postgres, tmp_path: Path) -> None:
    """After SIGKILL in the middle of it, a database that is somebody else's takes writes again by itself."""
    drill = begun(server, tmp_path, KILLED)
    waited((tmp_path / "backing-up").exists)
    closed = opened(server)
    drill.kill()
    drill.wait()

    waited(lambda: opened(server) == "off")
    assert "on" == closed
    assert not (tmp_path / "up").exists()


def test_a_drill_that_is_killed_before_it_closes_anything_opens_nothing(server: Postgres, tmp_path: Path) -> None:
    """Whether their database is closed for writing was its owners' business until then, and stays it."""
    execute(address(server), "ALTER DATABASE shop SET default_transaction_read_only = on")
    try:
        with socket.create_server(("127.0.0.1", 0)) as nobody:
            hook = f"http://127.0.0.1:{nobody.getsockname()[1]}"
            drill = begun(server, tmp_path, f'{KILLED}[backup.dr]\nwebhook_env = "HOOK"\n', HOOK=hook)
            nobody.settimeout(30)
            announcing, _ = nobody.accept()
            watchmen = psutil.Process(drill.pid).children(recursive=True)
            drill.kill()
            drill.wait()
            psutil.wait_procs(watchmen, timeout=30)
            announcing.close()
        assert watchmen
        assert "on" == opened(server)
    finally:
        execute(address(server), "SET default_transaction_read_only = off", OPENED)


def test_a_drill_that_is_killed_leaves_its_store_to_others(
    server: Postgres, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed when the server is lost: the database opens again, key and backup are gone, the next run has the store."""
    monkeypatch.setenv("SHOP", address(server))
    (tmp_path / "backup.toml").write_text('database = "${SHOP}"\nstore = "the store"\n')
    key = pyrage.x25519.Identity.generate()
    (tmp_path / "age.key").write_text(f"{key}\n")
    own = '[backup.own]\nnewest = "SELECT now()"\nrepository = "backup.toml"\nkey = ["cat", "age.key"]\n'
    lost = KILLED.replace('"touch", "down"', '"sh", "-c", "touch down && sleep 60"')
    drill = begun(server, tmp_path, f"{lost}{own}", TMPDIR=str(tmp_path))
    waited((tmp_path / "down").exists)
    place = config.load(tmp_path / "backup.toml").repository(Say(quiet=True))
    held, kept = list(tmp_path.rglob(NAMED)), place.manifests()
    drill.kill()
    drill.wait()

    waited(lambda: opened(server) == "off")
    waited(lambda: not list(tmp_path.rglob(NAMED)))
    waited(lambda: not place.manifests())
    with place.lock(30):
        place.settle()
    assert (1, ["logical"]) == (len(held), [one.kind for one in kept])


def test_a_lost_server_is_brought_back_before_it_is_opened(release: Release, server: Postgres) -> None:
    """A drill that was killed after the loss leaves a server that is down; its hook is run first."""
    execute(address(server), "ALTER DATABASE shop SET default_transaction_read_only = on")
    server.stop()

    reopen(release, address(server), lambda _: None)
    assert "off" == opened(server)


def begun(server: Postgres, folder: Path, declared: str, **more: str) -> subprocess.Popen[bytes]:
    """Begin a drill on the shop, as one that was there before."""
    (folder / "release.toml").write_text(declared)
    names = {"RELEASE_FILE": str(folder / "release.toml"), "PYTHONPATH": str(TREE), **more}
    names |= {"TARGET_DATABASE": address(server), "TARGET_URL": "http://127.0.0.1:1"}
    return subprocess.Popen([sys.executable, "-m", "restore_drills.dr"], env={**os.environ, **names}, cwd=folder)


def opened(server: Postgres) -> str:
    """Say whether a new session of the shop's database is read-only."""
    with psycopg.connect(address(server)) as connection:
        row = connection.execute(OPEN).fetchone()
    return str(row[0]) if row else ""


def waited(until: Callable[[], bool]) -> None:
    """Wait for it, for half a minute at most."""
    deadline = time.monotonic() + 30
    while not until():
        assert time.monotonic() < deadline
        time.sleep(0.05)
