"""What several tests of backups need: a small server with a backup.toml, and a real S3 server."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from fixtures.postgres import Postgres, free_port, postgres
from restore_drills.backups.begun import begin
from restore_drills.backups.store import Folder
from tests.restore_drills.backups_world import execute


@pytest.fixture(scope="module")
def server() -> Iterator[Postgres]:
    """One small server for all of a module."""
    with postgres(settings={"summarize_wal": "on"}) as running:
        execute(running.dsn, "CREATE TABLE item AS SELECT n FROM generate_series(1, 1000) n")
        yield running


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a backup.toml and a store that was begun; the address stands in the environment."""
    begin(Folder(tmp_path / "the store"))
    (tmp_path / "backup.toml").write_text('database = "${SHOP}"\nstore = "the store"\n[keep.full]\nlast = 1\n')
    return tmp_path


@contextlib.contextmanager
def s3(folder: Path, secret: str, *options: str) -> Iterator[str]:
    """Run a real S3 server (rclone's) on a folder of buckets; give its address."""
    port = free_port()
    program = shutil.which("rclone", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    assert program, "rclone is missing: install the group dev"
    command = [program, "serve", "s3", str(folder), f"--addr=127.0.0.1:{port}", f"--auth-key=backupkey,{secret}"]
    environment = {**os.environ, "RCLONE_CONFIG": os.devnull}
    server = subprocess.Popen([*command, *options], env=environment, stderr=subprocess.DEVNULL)
    try:
        for _ in range(200):
            try:
                socket.create_connection(("127.0.0.1", port)).close()
                break
            except OSError:
                time.sleep(0.05)
        yield f"http://127.0.0.1:{port}"
    finally:
        server.kill()
        server.wait()


@pytest.fixture(scope="module")
def bucket(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """An empty bucket, and how to reach it in the environment; the folder behind it."""
    folder, secret = tmp_path_factory.mktemp("s3"), secrets.token_urlsafe(16)
    (folder / "bucket").mkdir()
    with pytest.MonkeyPatch.context() as patch, s3(folder, secret) as address:
        patch.setenv("AWS_ENDPOINT_URL", address)
        patch.setenv("AWS_ACCESS_KEY_ID", "backupkey")
        patch.setenv("AWS_SECRET_ACCESS_KEY", secret)
        patch.setenv("AWS_REGION", "us-east-1")
        yield folder / "bucket"


@pytest.fixture
def read_only(bucket: Path) -> Iterator[str]:
    """The address of a server of the same buckets that refuses every write."""
    with s3(bucket.parent, os.environ["AWS_SECRET_ACCESS_KEY"], "--read-only") as address:
        yield address
